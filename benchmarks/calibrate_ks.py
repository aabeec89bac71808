"""Find the thresholds of `engine/drift/detectors/ks_table.py` again.

    nice -n 19 uv run python -m benchmarks.calibrate_ks --runs 100000
    nice -n 19 uv run python -m benchmarks.calibrate_ks --runs 16000 --sliding --seed 6

Every run draws a new uniform reference and follows uniform values until the horizon, which is all there is
to know of continuous data. P(t) is the share of runs that alarmed up to the t-th value behind the reference.
Thresholds are the smallest with P(t) <= t / L at all times: then no stretch of values, wherever it begins,
holds more alarms on average than its length over L, since the chance of a first alarm only falls with time
(a reference that lasted is a good one). Sliding references do not last, so there the time until all windows
are full does not count. Each window has the run length c L for itself, where c makes all
windows together hold L. About 200 and 300 s of CPU time.
"""

from __future__ import annotations

import argparse

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.detectors import ks
from engine.drift.detectors.ks_fixed import Fixed
from engine.drift.detectors.ks_sliding import Sliding

LENGTHS = (3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7)
MARKS = np.array([256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192])  # values behind the reference
ROWS = 200  # that are followed at once


def simulate(kind: type[Fixed | Sliding], n: int, windows: Ints, runs: int, seed: int) -> Ints:
    """The largest n w times distance of each window up to each mark: an array of runs, windows, marks."""
    ks.warm()
    rng = np.random.default_rng(seed)
    peaks = np.zeros((runs, windows.size, MARKS.size), np.int64)
    for first in range(0, runs, ROWS):
        part = peaks[first : first + ROWS]
        memory, need = kind(len(part), windows, n), np.ones((len(part), windows.size), np.int64)
        memory.admit(np.arange(len(part)))
        for mark, more in enumerate(np.diff(MARKS, prepend=-n)):
            climb(memory, rng.random((len(part), more)), need)
            part[:, :, mark] = need - 1
    return peaks


def climb(memory: Fixed | Sliding, block: Floats, need: Ints) -> None:
    """Follow a block; whenever a window reaches what it needs, it needs one more than that."""
    rows, start = np.arange(len(block)), np.zeros(len(block), np.int64)
    while rows.size:
        memory.follow(block, rows, start, need)
        need[rows] = np.maximum(need[rows], memory.top(rows) + 1)
        on = start < block.shape[1]
        rows, start = rows[on], start[on]


def alone(peaks: Ints, length: float) -> int:
    """The smallest top at which one window alarms seldom enough."""
    at = length > MARKS
    orders = np.sort(peaks[:, at], axis=0)
    allowed = np.floor(MARKS[at] / length * len(peaks)).astype(int)
    return (
        int(max(orders[len(peaks) - 1 - count, j] for j, count in enumerate(allowed) if count < len(peaks)))
        + 1
    )


def excess(peaks: Ints, needs: Ints, length: float) -> float:
    """How many times more often than allowed the windows alarm together, at the worst mark."""
    shares = (peaks >= needs[:, None]).any(axis=1).mean(axis=0)
    at = length > MARKS
    return float((shares[at] * length / MARKS[at]).max())


def joint(peaks: Ints, length: float) -> tuple[float, Ints]:
    """The factor c, and the tops at which each window alarms."""
    low, high = 1.0, float(peaks.shape[1])

    def each(c: float) -> Ints:
        return np.array([alone(peaks[:, k], c * length) for k in range(peaks.shape[1])])

    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(peaks, each(middle), length) <= 1 else (middle, high)
    return high, each(high)


def main() -> None:
    """Print the table's lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--reference", type=int, default=1000)
    parser.add_argument("--windows", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--sliding", action="store_true")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--keep", help="a file for the peaks")
    given = parser.parse_args()
    windows = np.array(given.windows)
    kind = Sliding if given.sliding else Fixed
    peaks = simulate(kind, given.reference, windows, given.runs, given.seed)
    if given.keep:
        np.save(given.keep, peaks)
    longer = MARKS[-1] / (MARKS[-1] - windows[-1]) if given.sliding else 1.0  # it never gets safer with time
    for length in LENGTHS:
        factor, needs = joint(peaks, longer * length)
        shares = (peaks >= needs[:, None]).any(axis=1).mean(axis=0) * length / MARKS
        h = ", ".join(f"{need / given.reference / w:.5f}" for need, w in zip(needs, windows, strict=True))
        print(f"    {length:.0f}: ({h}),  # c {factor:.2f}, P(t) L / t {np.round(shares, 2)}", flush=True)


if __name__ == "__main__":
    main()
