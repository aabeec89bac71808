# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["frouros==0.9.0"]
# ///
"""The incremental Kolmogorov-Smirnov test and KSWIN by frouros: what `benchmarks.drift` measures of `ks`.

    uv run --script benchmarks/peers/frouros_ks.py

Processor time a value, of normal values, behind a reference of 1,000 and with a window of 256.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
from frouros.detectors.concept_drift import KSWIN, KSWINConfig
from frouros.detectors.data_drift import IncrementalKSTest

REFERENCE, WINDOW, COUNT = 1000, 256, 2000


def ns_a_value(detector: Any, values: list[float]) -> float:
    began = time.thread_time_ns()
    for value in values:
        detector.update(value=value)
    return (time.thread_time_ns() - began) / len(values)


def main() -> None:
    rng = np.random.default_rng(1)
    test, values = IncrementalKSTest(window_size=WINDOW), rng.standard_normal(WINDOW + COUNT).tolist()
    test.fit(X=rng.standard_normal(REFERENCE))
    ns_a_value(test, values[:WINDOW])
    kswin = KSWIN(config=KSWINConfig(seed=1))
    ns_a_value(kswin, values[:WINDOW])
    figures = {
        "frouros_ks_ns": round(ns_a_value(test, values[WINDOW:])),
        "frouros_kswin_ns": round(ns_a_value(kswin, values[WINDOW:])),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
