"""The detectors beside which `benchmarks.drift` measures ours, all with the same run length.

`tune` finds their thresholds: those of River's ADWIN and Page-Hinkley and of KSWIN are simulated on normal
values and on zeros and ones, those of CUSUM, which is told before and after, shape by shape. TUNED comes from
such simulations, of 12 to 60 stretches of up to 400,000 values each. ADWIN and Page-Hinkley are River's own;
KSWIN is River's statistic in a loop of its own, as a few thousand values a second are not enough to find how
often it errs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numba
import numpy as np
from river import drift

from benchmarks.drift_shapes import SHAPES, Odds, Rng
from engine.drift.detector import Floats, Ints

TUNED: dict[str, dict[str, float]] = {
    "CUSUM": {
        "mean + 0.5": 8.7,
        "mean + 1": 9.6,
        "variance x 2": 8.45,
        "variance / 2": 8.65,
        "two humps": 9.35,
        "exponential - 1": 9.65,
        "Laplace": 7.95,
        "share .2 to .3": 7.55,
        "5 % outliers": 5.15,
    },
    "ADWIN": {"numbers": 0.028, "shares": 0.07},
    "Page-Hinkley": {"numbers": 284.8, "shares": 120.0},
    "KSWIN": {"numbers": 35.0, "shares": 35.0},
}
DELTA = {"numbers": 0.005, "shares": 0.002}  # Page-Hinkley's, a two-hundredth of the spread
WINDOW, LATEST = 400, 100  # KSWIN's; its defaults miss nearly everything at this run length


def kind_of(shape: str) -> str:
    return "shares" if shape.startswith("share") else "numbers"


def first(statistic: Iterator[Any], threshold: Any, count: int, size: int) -> Ints:
    """For each of `count` runs, at which value the statistic is over the threshold first; else `size`."""
    found = np.full(count, size)
    for at, value in enumerate(statistic):
        found[(found == size) & (value >= threshold)] = at
    return found


def cusum(odds: Odds, block: Floats) -> Iterator[Floats]:
    """Of many runs at once."""
    total = np.zeros(len(block))
    for gain in odds(block).T:
        total = np.maximum(total, 0) + gain
        yield total


def page_hinkley(delta: float, block: Floats) -> Iterator[Floats]:
    """River's statistic, of many runs at once; `tune` needs it, the benchmark itself runs River's."""
    mean, up, down = np.zeros(len(block)), np.zeros(len(block)), np.zeros(len(block))
    low, high = np.full(len(block), np.inf), np.full(len(block), -np.inf)
    for at, x in enumerate(block.T, 1):
        mean += (x - mean) / at
        up, down = 0.9999 * up + x - mean - delta, 0.9999 * down + x - mean + delta
        low, high = np.minimum(low, up), np.maximum(high, down)
        yield np.maximum(up - low, high - down) if at >= 30 else np.zeros(len(block))


@numba.njit(cache=True)
def kswin(row: Floats, threshold: float, begin: int, seed: int) -> int:
    """Where River's KSWIN is first over a threshold, in hundredths, behind `begin`; else the row's size."""
    np.random.seed(seed)  # noqa: NPY002 - numba knows no other
    older = WINDOW - LATEST
    pick = np.arange(older)
    for at in range(max(begin, WINDOW - 1), row.size):
        start = at + 1 - WINDOW
        for i in range(LATEST):
            j = i + np.random.randint(0, older - i)  # noqa: NPY002
            pick[i], pick[j] = pick[j], pick[i]
        one, other = np.sort(row[start + pick[:LATEST]]), np.sort(row[start + older : at + 1])
        i, j, most = 0, 0, 0
        while i < LATEST and j < LATEST:
            value = min(one[i], other[j])
            while i < LATEST and one[i] == value:
                i += 1
            while j < LATEST and other[j] == value:
                j += 1
            most = max(most, abs(i - j))
        if most >= threshold:
            return at
    return row.size


def rivers(make: Callable[[], Any], row: list[float]) -> int:
    """Where one of River's detectors fires first; else the row's size."""
    detector = make()
    for at, value in enumerate(row):
        detector.update(value)
        if detector.drift_detected:
            return at
    return len(row)


def adwin(kind: str) -> Callable[[], Any]:
    return lambda: drift.ADWIN(delta=TUNED["ADWIN"][kind])


def rivers_page_hinkley(kind: str) -> Callable[[], Any]:
    return lambda: drift.PageHinkley(threshold=TUNED["Page-Hinkley"][kind], delta=DELTA[kind])


def smallest(grid: Floats, length: float, firsts: Callable[[float], Ints], size: int) -> float:
    """The first threshold at which values per alarm reach the length."""
    for threshold in grid.tolist():
        found = firsts(threshold)
        if np.minimum(found + 1, size).sum() >= length * max((found < size).sum(), 1):
            return float(threshold)
    raise ValueError("the grid ends too soon")


def tune(length: float, runs: int = 60) -> dict[str, dict[str, float]]:
    """All thresholds again, on stretches of four run lengths."""
    rng, size, found = Rng(np.random.PCG64(11)), int(4 * length), dict[str, dict[str, float]]()
    draws = {"numbers": SHAPES["mean + 1"].before, "shares": SHAPES["share .2 to .3"].before}
    found["CUSUM"] = {}
    for name, shape in SHAPES.items():
        if (odds := shape.odds) is not None:
            block = shape.before(rng, (runs, size))
            peaks = np.array([peak.copy() for peak in _records(cusum(odds, block))])
            found["CUSUM"][name] = _passing(peaks, np.arange(3, 16, 0.05), length, size)
    found["Page-Hinkley"] = {}
    for kind, draw in draws.items():
        peaks = np.array([*_records(page_hinkley(DELTA[kind], draw(rng, (runs, size))))])
        found["Page-Hinkley"][kind] = _passing(peaks, np.geomspace(3, 3000, 400), length, size)
    found["KSWIN"], found["ADWIN"] = {}, {}
    for kind, draw in draws.items():
        block = draw(rng, (runs // 3, size))
        found["KSWIN"][kind] = smallest(np.arange(25.0, LATEST), length, partial(_kswins, block), size)
        found["ADWIN"][kind] = smallest(np.geomspace(0.3, 0.002, 40), length, partial(_adwins, block), size)
    return found


def _kswins(block: Floats, threshold: float) -> Ints:
    return np.array([kswin(row, threshold, 0, i) for i, row in enumerate(block)])


def _adwins(block: Floats, delta: float) -> Ints:
    return np.array([rivers(partial(drift.ADWIN, delta=delta), row.tolist()) for row in block])


def _records(statistic: Iterator[Floats]) -> Iterator[Floats]:
    """The largest so far."""
    most: Any = 0.0
    for value in statistic:
        most = np.maximum(most, value)
        yield np.asarray(most).astype(np.float32)


def _passing(peaks: Floats, grid: Floats, length: float, size: int) -> float:
    """The threshold at which values per alarm reach the length, from records by value and run."""
    return smallest(grid, length, lambda h: (peaks < h).sum(axis=0), size)
