# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy", "vowpalwabbit==9.11.9"]
# ///
"""Logistic regression by Vowpal Wabbit: what `benchmarks.models` measures as `linear`.

    uv run --script benchmarks/peers/vowpal_wabbit.py

The same eight numbers an event, predicted and then learned. Once from lines of text, as Vowpal Wabbit takes
events, and once from examples that it has parsed before. It scales by its own normalised updates.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
from vowpalwabbit import Workspace

COUNT, ROUNDS = 40_960, 5
OPTIONS = "--loss_function logistic --link logistic -l 0.5 --quiet"


def events(count: int) -> tuple[Any, Any]:
    """The events of `benchmarks.models`."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((count, 8))
    turned = np.where(np.arange(count) < count // 2, rows[:, 0], -rows[:, 0])
    return rows, turned * rows[:, 1] + rows[:, 2] + 0.3 * rng.standard_normal(count) > 0


def from_text(lines: list[str], labels: list[bool]) -> tuple[float, float]:
    """Microseconds an event, and the share that it got right."""
    model, right, began = Workspace(OPTIONS), 0, time.thread_time()
    for line, label in zip(lines, labels, strict=True):
        example = model.parse(line)
        right += (model.predict(example) > 0.5) == label
        model.learn(example)
        model.finish_example(example)
    return 1e6 * (time.thread_time() - began) / len(lines), right / len(lines)


def from_examples(lines: list[str]) -> float:
    """Microseconds an event where parsing isn't counted."""
    model = Workspace(OPTIONS)
    examples = [model.parse(line) for line in lines]
    began = time.thread_time()
    for example in examples:
        model.predict(example)
        model.learn(example)
    took = time.thread_time() - began
    for example in examples:
        model.finish_example(example)
    return 1e6 * took / len(lines)


def main() -> None:
    rows, truths = events(COUNT)
    labels = truths.tolist()
    lines = [
        f"{1 if label else -1} | " + " ".join(f"f{j}:{value!r}" for j, value in enumerate(row))
        for row, label in zip(rows.tolist(), labels, strict=True)
    ]
    texts = [from_text(lines, labels) for _ in range(ROUNDS)]
    parsed = [from_examples(lines) for _ in range(ROUNDS)]
    figures = {
        "us_from_text": round(float(np.median([us for us, _ in texts])), 3),
        "us_from_examples": round(float(np.median(parsed)), 3),
        "accuracy": round(texts[0][1], 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
