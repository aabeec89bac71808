"""The charts find what River's detectors find, at the same records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from river import drift
from river.drift import binary

from engine.drift.detectors import DETECTORS, adwin_kernel, charts_kernel
from engine.drift.detectors.charts import jit
from tests.engine.drift.streams import shifted

CASES: dict[str, tuple[Any, int, list[float], int, float]] = {
    "page_hinkley": (
        drift.PageHinkley(threshold=30),
        charts_kernel.PAGE_HINKLEY,
        [0.005, 1 - 0.0001],
        12,
        30.0,
    ),
    "ddm": (binary.DDM(), charts_kernel.DDM, [0.0], 8, 3.0),
    "hddm_a": (binary.HDDMA(), charts_kernel.HDDM_A, [math.log(1000), 0.0], 10, math.log(2000)),
    "hddm_a, two sides": (
        *(binary.HDDMA(two_sided_test=True), charts_kernel.HDDM_A, [math.log(1000), 1.0], 10, math.log(2000)),
    ),
    "hddm_w": (binary.HDDMW(), charts_kernel.HDDM_W, [math.log(1000), 0.0, 0.05], 19, math.log(1000)),
    "hddm_w, two sides": (
        *(
            binary.HDDMW(two_sided_test=True),
            charts_kernel.HDDM_W,
            [math.log(1000), 1.0, 0.05],
            19,
            math.log(1000),
        ),
    ),
    "adwin": (drift.ADWIN(delta=0.01), charts_kernel.ADWIN, [32.0], adwin_kernel.REALS, math.log(200)),
}
"""River's detector; the chart, its options and its reals; the threshold that stands for River's knob."""


def stream(seed: int, bits: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values whose mean moves up and down, now and then."""
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.uniform(0.1, 0.9, 12), rng.integers(100, 900, 12))
    return (rng.random(levels.size) < levels).astype(float) if bits else rng.normal(levels * 3)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", CASES)
def test_alarms_are_rivers(case: str, seed: int) -> None:
    """Behind each alarm both begin anew."""
    river, chart, options, reals, threshold = CASES[case]
    river = river.clone()
    row = stream(seed, bits=case.startswith(("ddm", "hddm")))
    theirs, ours, at = [], [], -1
    for i, x in enumerate(row.tolist()):
        river.update(x)
        if river.drift_detected:
            theirs.append(i)
    while at < row.size:
        fixed = chart, np.array(options), -math.inf, math.inf, 0.0, 1.0
        at = jit.run("walk", *fixed, row, at + 1, np.zeros(reals), threshold)
        ours.append(at)
    assert len(theirs) > 1
    assert ours[:-1] == theirs


@pytest.mark.parametrize(("name", "late"), [("cusum", 30), ("adwin", 60), ("page_hinkley", 300)])
def test_it_knows_since_when(name: str, late: int) -> None:
    """Where the change began, and which way it went; roughly, where the allowance is small."""
    for seed in range(3):
        first = DETECTORS[name].build(1, {}).update(shifted("shares", 1, 2000, 400, seed))[0]
        assert abs(first.at - first.back + 1 - 2000) <= late
        assert first.what == "up"


@pytest.mark.parametrize("name", ["ddm", "hddm_a", "hddm_w"])
def test_it_does_not_pretend_to_know(name: str) -> None:
    """Their cut is the best one to judge from, not where the change began."""
    first = DETECTORS[name].build(1, {}).update(shifted("shares", 1, 2000, 400))[0]
    assert (first.back, first.what) == (0, "up")
