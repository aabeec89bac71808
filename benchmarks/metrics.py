"""What does it cost to judge predictions?

    python -m benchmarks.metrics --json

Outcomes of two classes, in turns of 256, are counted by the shard's stage, and one by one by River's own
metrics, in turns. `default_us` is the processor time of an outcome with what a spec asks for without saying
so: twelve metrics over the life, and what a window of 1,000 outcomes needs. `everything_us` adds a window of
time, fading, one segment and hours. `river_us` is what River takes for eight of the twelve over the life
alone; `river_accuracy_us` for accuracy alone. `equal` says whether they agree to twelve digits, but for
ROC AUC, where River has ten thresholds. `ratio` is River's time over the default's.
"""

from __future__ import annotations

import math
import random
import time
from typing import Any

from river import metrics

from engine.joined import Settled, Settlements
from engine.metrics import Kind, Quality
from engine.specmetrics import Metrics
from tests.faults.harness import median, options, report

TURN = 256
ROUNDS = 7
EVERYTHING = {"windows": [1000, "1h"], "fading": 0.999, "segments": ["country"], "hours": True}
RIVER = {
    "accuracy": metrics.Accuracy,
    "balanced_accuracy": metrics.BalancedAccuracy,
    "precision": metrics.Precision,
    "recall": metrics.Recall,
    "f1": metrics.F1,
    "kappa": metrics.CohenKappa,
    "log_loss": metrics.LogLoss,
    "roc_auc": metrics.ROCAUC,
}


def outcomes(turns: int) -> list[Settlements]:
    """Of a fair model, an event a second."""
    rng, found = random.Random(3), []
    for turn in range(turns):
        settled = []
        for i in range(turn * TURN, (turn + 1) * TURN):
            score, country = rng.random(), rng.choice(["NL", "BE", "FR"])
            entry = ((country,), i * 1000, i, "", score > 0.5, score, None)
            settled.append(Settled(i, "e", entry, None, rng.random() < score, 0, None))
        found.append(Settlements.of(settled))
    return found


def ours(turns: list[Settlements], asked: dict[str, Any]) -> tuple[float, Quality]:
    """Processor time an outcome, and what was counted."""
    quality = Quality(Kind.BINARY, ("country",), Metrics.model_validate(asked))
    began = time.process_time()
    for settled in turns:
        quality.update(settled)
        quality.turn()
    return 1e6 * (time.process_time() - began) / (TURN * len(turns)), quality


def rivers(turns: list[Settlements], names: list[str]) -> tuple[float, dict[str, float]]:
    """The same by River's metrics."""
    made = {name: RIVER[name]() for name in names}
    began = time.process_time()
    for settled in turns:
        for label, guess, score in zip(settled.labels, settled.predictions, settled.scores, strict=True):
            for name, metric in made.items():
                metric.update(label, score if name in ("log_loss", "roc_auc") else guess)
    took = 1e6 * (time.process_time() - began) / (TURN * len(turns))
    return took, {name: metric.get() for name, metric in made.items()}


def main() -> None:
    given = options("What it costs to judge predictions.").parse_args()
    turns = outcomes(40 if given.quick else 200)
    took: dict[str, list[float]] = {}
    equal = True
    for _ in range(ROUNDS):
        default, quality = ours(turns, {})
        everything, _ = ours(turns, EVERYTHING)
        river, found = rivers(turns[:20], list(RIVER))
        accuracy, _ = rivers(turns[:20], ["accuracy"])
        pairs = {"default": default, "everything": everything, "river": river, "river_accuracy": accuracy}
        for name, us in pairs.items():
            took.setdefault(name, []).append(us)
        told = ours(turns[:20], {})[1].report()
        same = (
            math.isclose(told[name] or 0, found[name], rel_tol=1e-12) for name in RIVER if name != "roc_auc"
        )
        equal = equal and all(same)
    figures: dict[str, Any] = {f"{name}_us": round(median(us), 3) for name, us in took.items()}
    began = time.process_time()
    quality.summary()
    figures["read_ms"] = round(1e3 * (time.process_time() - began), 2)
    figures["ratio"] = round(figures["river_us"] / figures["default_us"], 1)
    report({**figures, "equal": equal}, given.json)


if __name__ == "__main__":
    main()
