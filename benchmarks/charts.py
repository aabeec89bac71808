"""Do detectors that are calibrated by simulation keep to the run length that was asked for?

    nice -n 19 uv run python -m benchmarks.charts
    nice -n 19 uv run python -m benchmarks.charts --length 100000 --runs 30

On steady streams of several distributions each detector is built and calibrated anew for every run, and
followed for twice the run length that is allowed. `<detector>_<stream>` is the values that were watched for
each alarm, over the values that were asked for, with what 95 % of such counts lie between if alarms come by
chance; values of a new reference behind an alarm are not counted. `<detector>_ns` is the processor time of a
value in batches of 256 over ten signals, and `<detector>_calibration_ms` what calibrating a signal takes. By
itself some three minutes of CPU time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import chi2

from engine.drift.detector import Floats
from engine.drift.detectors import DETECTORS
from engine.drift.detectors.charts import warm
from tests.faults.harness import options, report

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
CHARTS = ("cusum", "page_hinkley", "adwin", "ddm", "hddm_a", "hddm_w")
STREAMS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "student_3": lambda rng, shape: rng.standard_t(3, size=shape),
    "share_.2": lambda rng, shape: (rng.random(shape) < 0.2).astype(np.float64),
    "share_.02": lambda rng, shape: (rng.random(shape) < 0.02).astype(np.float64),
}
REFERENCE, BATCH, SIGNALS = 1000, 256, 10


def ratio(name: str, draw: Draw, length: int, runs: int) -> str:
    """Realised over requested, with its interval."""
    rng, watched, alarms = np.random.default_rng(11), 0, 0
    for _ in range(runs):
        detector = DETECTORS[name].build(1, {"reference": REFERENCE})
        detector.allow(np.full(1, float(length)), np.inf)
        found = detector.update(draw(rng, (1, REFERENCE + 2 * length)))
        alarms += len(found)
        watched += 2 * length - sum(min(REFERENCE, REFERENCE + 2 * length - 1 - alarm.at) for alarm in found)
    asked = watched / length
    low, high = 2 * asked / chi2.ppf((0.975, 0.025), (2 * alarms + 2, max(2 * alarms, 1)))
    return f"{asked / max(alarms, 1):.2f} ({low:.2f} to {high:.2f}, {alarms} alarms)"


def cost(name: str, draw: Draw) -> tuple[float, float]:
    """Nanoseconds of a value, and milliseconds of a calibration: the least of some rounds."""
    rng, spent, calibrations = np.random.default_rng(12), list[float](), list[float]()
    detector = DETECTORS[name].build(SIGNALS, {"reference": REFERENCE})
    detector.allow(np.full(SIGNALS, 1e12), np.inf)
    for _ in range(REFERENCE // BATCH):
        detector.update(draw(rng, (SIGNALS, BATCH)))
    for _ in range(SIGNALS * 4):
        calibrations.append(timed(detector.update, draw(rng, (SIGNALS, 32))))
    for _ in range(200):
        spent.append(timed(detector.update, draw(rng, (SIGNALS, BATCH))))
    return min(spent) / (SIGNALS * BATCH) * 1e9, sorted(calibrations)[-SIGNALS] * 1e3


def timed(call: Callable[[Floats], Any], block: Floats) -> float:
    began = time.thread_time()
    call(block)
    return time.thread_time() - began


def main() -> None:
    parser = options(__doc__ or "", length=10_000, runs=60)
    asked = parser.parse_args()
    length = asked.length or (2_000 if asked.quick else 10_000)
    runs = asked.runs or (10 if asked.quick else 60)
    warm()
    figures: dict[str, Any] = {"length": length, "runs": runs}
    for name in CHARTS:
        mine = {k: draw for k, draw in STREAMS.items() if "numbers" in DETECTORS[name].takes or "share" in k}
        for stream, draw in mine.items():
            figures[f"{name}_{stream}"] = ratio(name, draw, length, runs)
        ns, ms = cost(name, next(iter(mine.values())))
        figures |= {f"{name}_ns": round(ns, 1), f"{name}_calibration_ms": round(ms, 1)}
    report(figures, asked.json)


if __name__ == "__main__":
    main()
