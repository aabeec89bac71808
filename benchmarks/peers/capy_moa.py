# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy", "capymoa==0.15.1"]
# ///
"""A Hoeffding tree and an adaptive random forest by CapyMOA: what `benchmarks.models` measures of both.

    uv run --script benchmarks/peers/capy_moa.py

It needs Java. The same eight numbers an event, predicted and then learned, from instances that are ready:
`us_*` is the processor time of the whole process, since Java has threads of its own.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
from capymoa.classifier import AdaptiveRandomForestClassifier, HoeffdingTree
from capymoa.stream import NumpyStream

ROUNDS = 5
MODELS: dict[str, tuple[Any, dict[str, Any], int]] = {
    "hoeffding_tree": (HoeffdingTree, {}, 8192),
    "forest": (AdaptiveRandomForestClassifier, {"ensemble_size": 10, "number_of_jobs": 1}, 1024),
}


def events(count: int) -> tuple[Any, Any]:
    """The events of `benchmarks.models`."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((count, 8))
    turned = np.where(np.arange(count) < count // 2, rows[:, 0], -rows[:, 0])
    return rows, turned * rows[:, 1] + rows[:, 2] + 0.3 * rng.standard_normal(count) > 0


def measure(kind: Any, settings: dict[str, Any], size: int) -> tuple[float, float]:
    """Microseconds an event, as the median of the rounds, and the share that it got right."""
    rows, labels = events(ROUNDS * size)
    stream = NumpyStream(rows, labels.astype(np.int64), target_type="categorical")
    model, took, right = kind(schema=stream.get_schema(), **settings), [], 0
    for _ in range(ROUNDS):
        instances = [stream.next_instance() for _ in range(size)]
        began = time.process_time()
        for instance in instances:
            right += model.predict(instance) == instance.y_index
            model.train(instance)
        took.append(1e6 * (time.process_time() - began) / size)
    return float(np.median(took)), right / (ROUNDS * size)


def main() -> None:
    figures = {}
    for name, made in MODELS.items():
        us, share = measure(*made)
        figures[f"us_{name}"], figures[f"accuracy_{name}"] = round(us, 2), round(share, 4)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
