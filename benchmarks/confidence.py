"""Are calibrated probabilities right, and do regions hold as many labels as they say?

    python -m benchmarks.confidence --json

Test-then-train on real streams: each event is predicted, then its label is learned, by ready models with
`calibrate` and `coverage: 0.9`. Of classifiers: log loss, Brier score, expected calibration error (15 bins)
and accuracy of the model alone and calibrated; how many labels the sets hold, over all and in the worst
thousand in a row; and how many classes a set has. Of regressors, on flights' delays: the same of intervals,
beside River's `RegressionJackknife` at the same window and level, on the same predictions. `us_per_event` is
the processor time that confidence adds. No model is tuned to any stream.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from river import conf, dummy, stats

from benchmarks.streams import FOLDER, has_texts, load, value_of
from engine.confidence.classes import Classes
from engine.confidence.numbers import Numbers
from engine.confidence.stage import Stage
from engine.fold import Rows
from engine.joined import Settlements
from engine.models import build
from engine.models.hybrid import Hybrid
from engine.models.scores import Scores
from tests.faults.harness import options, report

STREAMS = ("elec2", "gmsc", "bank_marketing", "phishing11k", "keystroke", "insects2013_abrupt")
CLASSIFIERS = ("logistic_regression", "alma", "naive_bayes", "hoeffding_tree")
REGRESSORS = ("linear_regression", "hoeffding_tree_regressor")
COVERAGE, WINDOW, BATCH = 0.9, 1000, 256
EDGE = 1e-6
Figures = dict[str, Any]


def walked(model: Hybrid, stage: Stage, rows: list[dict[str, Any]], labels: list[Any]) -> Iterator[Any]:
    """Raw scores, said scores, whether inside, and the stage's seconds, a batch at a time."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    for start in range(0, len(rows), BATCH):
        part = [tuple(map(row.get, names)) for row in rows[start : start + BATCH]]
        truths = labels[start : start + BATCH]
        raw = model.run(Rows(names, part), truths)
        said = Scores(raw.predictions, raw.scores, raw.probabilities)
        began = time.process_time()
        notes, nothing = stage.apply(said), [None] * len(part)
        settled = Settlements(predictions=[*said.predictions], notes=notes, before=nothing, labels=truths)
        inside = stage.learn(settled)
        stage.turn()
        yield raw, said, inside, time.process_time() - began


def judged(odds: Sequence[dict[str, float] | None], labels: list[Any]) -> Figures:
    """How good probabilities are; where there was none yet, all classes are as probable."""
    classes = sorted({str(label).lower() for label in labels})
    table = np.array([[(o or {}).get(c, 0.0 if o else 1 / len(classes)) for c in classes] for o in odds])
    places = [classes.index(str(label).lower()) for label in labels]
    truth = np.eye(len(classes))[places]
    top, right = table.max(axis=1), table.argmax(axis=1) == np.array(places)
    # Of two classes the probability of the second, of more that of the predicted one.
    sure, came = (table[:, 1], truth[:, 1] == 1) if len(classes) == 2 else (top, right)
    bins = np.minimum((sure * 15).astype(int), 14)
    gaps = [abs(sure[bins == b].sum() - came[bins == b].sum()) for b in range(15)]
    return {
        "log_loss": float(-np.log(np.clip((table * truth).sum(axis=1), EDGE, 1)).mean()),
        "brier": float(((table - truth) ** 2).sum(axis=1).mean() / (2 if len(classes) == 2 else 1)),
        "calibration_error": float(sum(gaps) / len(labels)),
        "accuracy": float(right.mean()),
    }


def held(inside: Sequence[bool | None]) -> Figures:
    """The share of labels inside, over all and in the worst thousand in a row."""
    known = np.array([x for x in inside if x is not None], float)
    run = min(1000, len(known))
    return {
        "coverage": float(known.mean()),
        "coverage_worst_1000": float(np.convolve(known, np.ones(run) / run, "valid").min()),
    }


def classified(stream: str, name: str, rows_max: int) -> Figures:
    """One classifier on one stream."""
    rows, labels = load(stream, rows_max)
    task = "binary" if isinstance(labels[0], bool) else "multiclass"
    use = "softmax_regression" if name == "logistic_regression" and task == "multiclass" else name
    if use == "alma" and task == "multiclass":
        return {}
    model, stage = Hybrid(build(use, {}, has_texts(rows), task)), Classes(True, COVERAGE, WINDOW)
    model.switch()
    parts = list(walked(model, stage, rows, labels))
    raw, said = ([o for part in parts for o in part[i].probabilities] for i in (0, 1))
    return {
        "alone": judged(raw, labels),
        "calibrated": judged(said, labels),
        **held([x for part in parts for x in part[2]]),
        "classes_per_set": stage.report()["mean_size"],
        "us_per_event": 1e6 * sum(part[3] for part in parts) / len(rows),
    }


def flights(rows_max: int) -> tuple[list[dict[str, Any]], list[float]]:
    with gzip.open(FOLDER / "flights20k_2001.csv.gz", "rt") as lines:
        rows: list[dict[str, Any]] = [dict(row) for row in islice(csv.DictReader(lines), rows_max)]
    labels = [float(row.pop("delay")) for row in rows]
    for row in rows:
        row["hour"] = row.pop("date")[11:13]
    found = [{key: value_of(text) for key, text in row.items()} for row in rows]
    return found, labels


def predicted(name: str, rows_max: int) -> Figures:
    """One regressor on flights' delays, and River's intervals around the same predictions."""
    rows, labels = flights(rows_max)
    model, stage = Hybrid(build(name, {}, True, "regression")), Numbers(COVERAGE, WINDOW)
    model.switch()
    parts = list(walked(model, stage, rows, labels))
    rivers = conf.RegressionJackknife(dummy.StatisticRegressor(stats.Mean()), COVERAGE, WINDOW)
    inside, widths = [], []
    for guess, label in zip((p for part in parts for p in part[0].predictions), labels, strict=True):
        low, high = rivers._lower.get(), rivers._upper.get()
        if low is not None and high is not None:
            inside.append(guess + low <= label <= guess + high)
            widths.append(high - low)
        rivers._lower.update(label - guess)
        rivers._upper.update(label - guess)
    return {
        **held([x for part in parts for x in part[2]]),
        "mean_width": stage.report()["mean_size"],
        "us_per_event": 1e6 * sum(part[3] for part in parts) / len(rows),
        "river": {**held(inside), "mean_width": float(np.mean(widths))},
    }


def main() -> None:
    parser = options("calibration and coverage on real streams", rows=20_000)
    asked = parser.parse_args()
    rows_max = asked.rows or (2_000 if asked.quick else 20_000)
    found: dict[str, Figures] = {}
    for stream in STREAMS[:2] if asked.quick else STREAMS:
        for name in CLASSIFIERS:
            if figures := classified(stream, name, rows_max):
                found[f"{stream} {name}"] = figures
    for name in REGRESSORS:
        found[f"flights {name}"] = predicted(name, rows_max)
    losses = [(f["alone"]["log_loss"], f["calibrated"]["log_loss"]) for f in found.values() if "alone" in f]
    figures = {
        "log_loss_alone": float(np.mean([alone for alone, _ in losses])),
        "log_loss_calibrated": float(np.mean([calibrated for _, calibrated in losses])),
        "log_loss_worst_ratio": max(calibrated / alone for alone, calibrated in losses),
        "coverage_least": min(f["coverage"] for f in found.values()),
        "us_per_event": float(np.median([f["us_per_event"] for f in found.values()])),
        "rows_per_stream_max": rows_max,
        "streams": found,
    }
    report(figures, asked.json)


if __name__ == "__main__":
    main()
