"""How much faster is a compiled model than River itself, and is it the same?

    python -m benchmarks.models --json

Each model predicts and learns eight numbers an event, River event by event and its compiled form in batches,
in turns, on the same events. `ratio_*` is River's processor time an event over the compiled form's at batches
of 256, each the median of the rounds, from the columns that the engine makes of a batch (layouts and values)
and its list of labels to the columns of answers. `walked_*` is the same from the rows that the walk holds to
the scores that it encodes. `bits_equal` says whether all answers and states had River's bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from river import anomaly, forest, naive_bayes, preprocessing, tree
from river import linear_model as lm

from engine.fold import Rows
from engine.models.chain import planned
from engine.models.compiled.block import Floats, Ragged
from engine.models.compiled.twin import Twin
from engine.models.hybrid import Hybrid
from engine.models.river import RiverModel
from engine.state import digest
from tests.faults.harness import median, options, report, say

NAMES = tuple(f"f{j}" for j in range(8))
BATCHES = (1, 16, 256, 4096)
BATCH = 256
ROUNDS = 5
Made = Callable[[], Any]
MODELS: dict[str, tuple[Made, int]] = {  # a model, and how many events each of its rounds has
    "linear": (lambda: preprocessing.StandardScaler() | lm.LogisticRegression(), 8192),
    "gaussian_nb": (naive_bayes.GaussianNB, 4096),
    "half_space_trees": (
        lambda: preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=1), 8192
    ),
    "hoeffding_tree": (tree.HoeffdingTreeClassifier, 8192),
    "forest": (lambda: forest.ARFClassifier(n_models=10, seed=1), 1024),
}  # fmt: skip


def events(count: int) -> tuple[Floats, list[bool]]:
    """Rows of numbers, and a label that takes more than a line to tell, and turns on the way."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((count, len(NAMES)))
    turned = np.where(np.arange(count) < count // 2, rows[:, 0], -rows[:, 0])
    return rows, (turned * rows[:, 1] + rows[:, 2] + 0.3 * rng.standard_normal(count) > 0).tolist()


@dataclass
class River:
    """River's side."""

    model: Any
    detects: bool

    def run(self, rows: Sequence[dict[str, float]], labels: Sequence[bool]) -> list[Any]:
        model, said = self.model, list[Any]()
        if self.detects:
            for x in rows:
                said.append(model.score_one(x))
                model.learn_one(x)
            return said
        for x, y in zip(rows, labels, strict=True):
            said.append(model.predict_proba_one(x))
            model.learn_one(x, y)
        return said


@dataclass
class Compiled:
    """The twin's side, in batches of one size; an event that it hands over is River's."""

    twin: Twin
    detects: bool
    batch: int
    answers: list[tuple[Any, int]] = field(default_factory=list)

    def run(self, rows: Floats, labels: Sequence[bool]) -> None:
        for at in range(0, len(rows), self.batch):
            part = labels[at : at + self.batch]
            self.take(rows[at : at + len(part)], part)

    def take(self, rows: Floats, labels: Sequence[bool]) -> None:
        twin = self.twin
        ragged = Ragged(np.full(len(rows), twin.names.layout(NAMES), np.int64), rows.reshape(-1))
        answers, done = twin.run(np.full(len(rows), 3, np.uint8), ragged, twin.model.labels(labels))
        self.answers.append((answers, done))
        if done < len(rows):
            river = River(twin.write_back(), self.detects)
            x = dict(zip(NAMES, rows[done].tolist(), strict=True))
            self.answers.append((river.run([x], labels[done : done + 1]), 1))
            self.twin = Twin(river.model, twin.names)
            if done + 1 < len(rows):
                self.take(rows[done + 1 :], labels[done + 1 :])

    def said(self) -> str:
        """The answers so far, as River's, and forget them."""
        found = list[Any]()
        for answers, done in self.answers:
            if isinstance(answers, list):
                found += answers
            elif answers.kinds is None:
                values = answers.values[:done].tolist()
                found += values if self.detects else [{False: 1.0 - v, True: v} for v in values]
            else:
                rows = zip(answers.kinds[:done].tolist(), answers.values[:done].tolist(), strict=True)
                found += [dict(zip(answers.classes[kind], row, strict=False)) for kind, row in rows]
        self.answers.clear()
        return as_floats(found)


class Walked:
    """What the walk calls, from its rows to its scores."""

    def __init__(self, made: Made) -> None:
        self.river, self.hybrid = RiverModel(made()), Hybrid(made())
        self.hybrid.switch()

    def run(self, rows: Sequence[tuple[float, ...]], labels: Sequence[Any]) -> tuple[float, float, bool]:
        """Seconds of each, and whether they said the same."""
        said, took = list[Any](), list[float]()
        for model in (self.river, self.hybrid):
            began, found = time.thread_time(), list[Any]()
            for at in range(0, len(rows), BATCH):
                found.append(model.run(Rows(NAMES, rows[at : at + BATCH], True), labels[at : at + BATCH]))
            took.append(time.thread_time() - began)
            said.append([list(map(repr, zip(s.predictions, s.scores, s.probabilities))) for s in found])  # noqa: B905
        return took[0], took[1], said[0] == said[1]


def measure(name: str, scale: float) -> dict[str, Any]:
    """Let River and every batch size take turns; return microseconds an event, ratios, and sameness."""
    made, size = MODELS[name]
    size = max(256, int(size * scale))
    detects = name == "half_space_trees"
    x, y = events(ROUNDS * size)
    for batch in BATCHES:
        Compiled(Twin(made()), detects, batch).run(x[:512], y[:512])  # compiles
    river = River(planned(made()), detects)
    twins = [Compiled(Twin(made()), detects, batch) for batch in BATCHES]
    walked = Walked(made)
    took: dict[Any, list[float]] = {key: [] for key in ("river", *BATCHES, "walked_river", "walked")}
    same = True
    for start in range(0, len(x), size):
        rows, labels = x[start : start + size], y[start : start + size]
        dicts = [dict(zip(NAMES, row, strict=True)) for row in rows.tolist()]
        began = time.thread_time()
        said = river.run(dicts, labels)
        took["river"].append(time.thread_time() - began)
        for twin in twins:
            began = time.thread_time()
            twin.run(rows, labels)
            took[twin.batch].append(time.thread_time() - began)
            same = same and twin.said() == as_floats(said)
        tuples = list(map(tuple, rows.tolist()))
        there, here, alike = walked.run(tuples, [None] * size if detects else labels)
        took["walked_river"].append(there)
        took["walked"].append(here)
        same = same and alike
    states = {digest(river.model), *(digest(twin.twin.write_back()) for twin in twins)}
    us = {key: 1e6 * median(found) / size for key, found in took.items()}
    return {
        f"ratio_{name}": round(us["river"] / us[BATCH], 2),
        f"walked_{name}": round(us["walked_river"] / us["walked"], 2),
        f"us_{name}": {str(key): round(value, 3) for key, value in us.items()},
        "same": same and len(states) == 1,
    }


def as_floats(said: list[Any]) -> str:
    """River's answers, whose sigmoid says 0 and 1 in whole numbers, as they print with floats only."""
    return repr([{k: float(v) for k, v in s.items()} if isinstance(s, dict) else float(s) for s in said])


def main() -> None:
    given = options("River's models beside their compiled forms.").parse_args()
    figures: dict[str, Any] = {}
    same = True
    for name in MODELS:
        say(f"{name} ...")
        found = measure(name, 0.25 if given.quick else 1.0)
        same = found.pop("same") and same
        figures |= found
    report({**figures, "bits_equal": same}, given.json)


if __name__ == "__main__":
    main()
