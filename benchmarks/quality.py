"""How well does `use: auto` predict, beside River's strongest classifiers?

    python -m benchmarks.quality --json

Test-then-train on ten real streams: each event is predicted, then its label is learned. River's ensembles
need milliseconds an event, so each stream is cut after some rows, the same for all; Elec2 is run whole by
`auto` and ALMA besides, on its eight features, without any window over the price, which is what its label is
made of. No model is tuned to any stream. Throughput is events per second of processor time: River's forest
event by event, `auto` in batches of 256.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from statistics import mean, median
from typing import Any

import numpy as np

from benchmarks.streams import LABELS, has_texts, load
from engine.fold import Rows
from engine.models import build
from engine.models.hybrid import Hybrid, warm

SEED = 42
ROWS, ROWS_QUICK = 10_000, 400
QUICK = ("elec2", "keystroke", "bike_class", "bank_marketing")
BATCH = 256
LEAST = 1e-6
Figures = dict[str, Any]


def forest(texts: bool, classes: int) -> Any:
    from river import forest

    return forest.ARFClassifier(n_models=10, seed=SEED)


def patches(texts: bool, classes: int) -> Any:
    from river import ensemble

    return ensemble.SRPClassifier(n_models=10, seed=SEED)


def bagging(texts: bool, classes: int) -> Any:
    from river import ensemble, tree

    return ensemble.LeveragingBaggingClassifier(tree.HoeffdingTreeClassifier(), n_models=10, seed=SEED)


def mondrian(texts: bool, classes: int) -> Any:
    from river import forest

    model = forest.AMFClassifier(n_estimators=10, seed=SEED)
    return encoded(model) if texts else model


def alma(texts: bool, classes: int) -> Any:
    from river import linear_model, multiclass, preprocessing

    model: Any = linear_model.ALMAClassifier()
    if classes > 2:
        model = multiclass.OneVsRestClassifier(model)
    return encoded(model) if texts else preprocessing.StandardScaler() | model


def encoded(model: Any) -> Any:
    """Numbers standardised, texts one-hot, for models that can't take texts."""
    from river import compose, preprocessing

    numbers = compose.SelectType(float) | preprocessing.StandardScaler()
    return numbers + (compose.SelectType(str) | preprocessing.OneHotEncoder()) | model


class NoChange:
    """Says what the last label was."""

    last: Any = None

    def predict_proba_one(self, x: dict[str, Any]) -> dict[Any, float]:
        return {} if self.last is None else {self.last: 1.0}

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        self.last = y


PEERS: dict[str, Callable[[bool, int], Any]] = {
    "forest": forest,
    "patches": patches,
    "bagging": bagging,
    "mondrian": mondrian,
    "alma": alma,
    "no_change": lambda texts, classes: NoChange(),
}
MODELS = ("auto", *PEERS)


def walked(model: Any, rows: list[dict[str, Any]], labels: list[Any]) -> tuple[list[dict[Any, float]], float]:
    """What River's model says to each event before it learns it, and the seconds that takes."""
    said, began = [], time.process_time()
    for x, y in zip(rows, labels, strict=True):
        said.append(model.predict_proba_one(x) or {})
        model.learn_one(x, y)
    return said, time.process_time() - began


def run_auto(rows: list[dict[str, Any]], labels: list[Any]) -> tuple[list[dict[Any, float]], float]:
    """The same of `use: auto`, as a shard runs it, once its kernels are compiled."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    columns = [tuple(row.get(name) for name in names) for row in rows]
    model = build("auto", {}, has_texts(rows))
    warm(model, Rows(names, columns[:8]), [labels[0], next(y for y in labels if y != labels[0])] * 4)
    hybrid = Hybrid(model)
    hybrid.switch()
    scores, began = [], time.process_time()
    for start in range(0, len(rows), BATCH):
        stop = start + BATCH
        scores.append(hybrid.run(Rows(names, columns[start:stop]), labels[start:stop]))
    took = time.process_time() - began
    classes = {str(y).lower() if isinstance(y, bool) else str(y): y for y in labels}
    found = [odds for each in scores for odds in each.probabilities]
    return [{classes[name]: share for name, share in (odds or {}).items()} for odds in found], took


def measured(said: list[dict[Any, float]], labels: list[Any], seconds: float) -> Figures:
    """Accuracy, Kappa-T, log loss and expected calibration error."""
    best = [max(odds, key=odds.__getitem__) if odds else None for odds in said]
    right = np.array([b is not None and b == y for b, y in zip(best, labels, strict=True)])
    sure = np.array([max(odds.values()) if odds else 0.0 for odds in said])
    true = np.array([odds.get(y, 0.0) for odds, y in zip(said, labels, strict=True)])
    same = np.mean([False, *(a == b for a, b in pairwise(labels))])
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(right[bins == b].sum() - sure[bins == b].sum()) for b in range(10)]
    return {
        "accuracy": float(right.mean()),
        "kappa_t": float((right.mean() - same) / (1 - same)),
        "log_loss": float(-np.log(np.maximum(true, LEAST)).mean()),
        "calibration_error": float(sum(gaps) / len(labels)),
        "events_per_second": len(labels) / seconds if seconds else None,
    }


def one(stream: str, name: str, rows_max: int | None) -> tuple[str, str, Figures]:
    rows, labels = load(stream, rows_max)
    if name == "auto":
        said, seconds = run_auto(rows, labels)
    else:
        said, seconds = walked(PEERS[name](has_texts(rows), len(set(labels))), rows, labels)
    return stream, name, {"rows": len(rows)} | measured(said, labels, seconds)


def ranks(figures: dict[str, Figures]) -> dict[str, float]:
    """Each model's rank by accuracy on one stream; equal ones share the mean of theirs."""
    found = {name: each["accuracy"] for name, each in figures.items()}
    return {
        name: 1 + sum(o > a for o in found.values()) + (sum(o == a for o in found.values()) - 1) / 2
        for name, a in found.items()
    }


def everything(streams: tuple[str, ...], rows_max: int, workers: int) -> Iterator[tuple[str, str, Figures]]:
    """Every model on every stream; the slowest begin first."""
    order = ("patches", "bagging", "forest", "mondrian", "auto", "alma", "no_change")
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(one, stream, name, rows_max) for name in order for stream in streams]
        whole = [pool.submit(one, "elec2", name, None) for name in ("auto", "alma")]
        for job in jobs:
            yield job.result()
        for job in whole:
            _, name, figures = job.result()
            yield "elec2, whole", name, figures


def summary(found: dict[str, dict[str, Figures]], streams: tuple[str, ...]) -> Figures:
    by_stream = [ranks(found[stream]) for stream in streams]
    means = {name: round(mean(each[name] for each in by_stream), 3) for name in MODELS}
    whole = found["elec2, whole"]["auto"]
    speeds = [[found[stream][name]["events_per_second"] for name in ("auto", "forest")] for stream in streams]
    return {
        "mean_rank_auto": means["auto"],
        "best_other_mean_rank": min(rank for name, rank in means.items() if name != "auto"),
        "elec2_accuracy": round(whole["accuracy"], 4),
        "elec2_kappa_t": round(whole["kappa_t"], 4),
        "throughput_over_forest": round(median(auto / river for auto, river in speeds), 1),
        "throughput_over_forest_least": round(min(auto / river for auto, river in speeds), 1),
        "mean_ranks": means,
    }


def table(found: dict[str, dict[str, Figures]]) -> Iterator[str]:
    for what in ("accuracy", "kappa_t", "log_loss", "calibration_error", "events_per_second"):
        yield f"\n{what:<20}{'rows':>7}" + "".join(f"{name:>11}" for name in MODELS)
        for stream, models in found.items():
            cells = [models[name][what] if name in models else None for name in MODELS]
            digits = 0 if what == "events_per_second" else 4
            shown = "".join(" " * 11 if cell is None else f"{cell:>11.{digits}f}" for cell in cells)
            yield f"{stream:<20}{models['auto']['rows']:>7}{shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description="`use: auto` beside River's strongest classifiers")
    parser.add_argument("--json", action="store_true", help="print the figures as an object")
    parser.add_argument("--quick", action="store_true", help="few streams, few rows")
    parser.add_argument("--rows", type=int, help="of each stream, at most")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    asked = parser.parse_args()
    streams = QUICK if asked.quick else tuple(LABELS)
    rows_max = asked.rows or (ROWS_QUICK if asked.quick else ROWS)
    found: dict[str, dict[str, Figures]] = {stream: {} for stream in streams}
    for stream, name, figures in everything(streams, rows_max, asked.workers):
        print(f"{stream}: {name} {figures['accuracy']:.4f}", file=sys.stderr)
        found.setdefault(stream, {})[name] = figures
    said = summary(found, streams) | {"rows_per_stream_max": rows_max}
    if asked.json:
        print(json.dumps(said | {"streams": found}))
        return
    for name, value in said.items():
        print(f"{name}: {value}")
    for line in table(found):
        print(line)


if __name__ == "__main__":
    main()
