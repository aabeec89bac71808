"""Find the thresholds of `engine/drift/ks_table.py` again.

    nice -n 19 uv run python -m benchmarks.calibrate_ks --runs 100000

Every run draws a new uniform reference and follows uniform values until the horizon, which is all there is
to know of continuous data. P(t) is the share of runs that alarmed up to the t-th value behind the reference.
Thresholds are the smallest with P(t) <= t / L at all times: then no stretch of values, wherever it begins,
holds more alarms on average than its length over L, since the chance of a first alarm only falls with time
(a reference that lasted is a good one). Each window has the run length c L for itself, where c makes all
windows together hold L. About 170 s of CPU time for 100,000 runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from engine.drift import ks_kernel
from engine.drift.ks_kernel import LEAST, MOST, Floats, Ints, Walks
from engine.kernels import Kernels

LENGTHS = (3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7)
MARKS = np.array([256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192])  # values behind the reference
kernels = Kernels(ks_kernel).compile_all()
below, shift, farthest = kernels["below"], kernels["shift"], kernels["farthest"]


@njit(error_model="numpy")
def follow(
    values: Floats, n: int, windows: Ints, walks: Walks, tables: Walks, marks: Ints, peaks: Ints
) -> None:
    """The largest |S| of each window up to each mark, for each row: a reference, and what follows."""
    codes = np.zeros(values.shape[1], np.int64)
    for run in range(values.shape[0]):
        ordered, rest = np.sort(values[run, :n]), values[run, n:]
        for k in range(windows.size):
            walk, table, w = walks[k], tables[k], windows[k]
            walk[:] = 0
            for cell in range(2 * n + 1):
                walk[cell] = (cell + 1) // 2 * w
            table[:] = 0
            for block in range(table.shape[1]):
                table[MOST, block] = walk[block * 64 : block * 64 + 64].max()
                table[LEAST, block] = walk[block * 64 : block * 64 + 64].min()
            peak, mark = 0, 0
            for t in range(rest.size):
                if k == 0:
                    codes[t] = 2 * below(ordered, n, rest[t])
                code = codes[t]
                gone = codes[t - w] if t >= w else 2 * n + 1
                if gone < code:
                    shift(walk, table, gone, code, n)
                elif gone > code:
                    shift(walk, table, code, gone, -n)
                if t + 1 >= w:
                    peak = max(peak, farthest(table))
                if t + 1 == marks[mark]:
                    peaks[run, k, mark] = peak
                    mark += 1


def simulate(n: int, windows: Ints, runs: int, seed: int) -> Ints:
    """The peaks of so many runs: an array of runs, windows, marks."""
    rng = np.random.default_rng(seed)
    blocks = (2 * n + 1) // 64 + 1
    walks = np.zeros((windows.size, blocks * 64), np.int32)
    tables = np.zeros((windows.size, 3, blocks), np.int32)
    peaks = np.zeros((runs, windows.size, MARKS.size), np.int64)
    for start in range(0, runs, 200):
        part = peaks[start : start + 200]
        follow(rng.random((len(part), n + int(MARKS[-1]))), n, windows, walks, tables, MARKS, part)
    return peaks


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
    each: Callable[[float], Any] = lambda c: np.array(  # noqa: E731
        [alone(peaks[:, k], c * length) for k in range(peaks.shape[1])]
    )
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
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--keep", help="a file for the peaks")
    given = parser.parse_args()
    windows = np.array(given.windows)
    peaks = simulate(given.reference, windows, given.runs, given.seed)
    if given.keep:
        np.save(given.keep, peaks)
    for length in LENGTHS:
        factor, needs = joint(peaks, length)
        shares = (peaks >= needs[:, None]).any(axis=1).mean(axis=0) * length / MARKS
        h = ", ".join(f"{need / given.reference / w:.5f}" for need, w in zip(needs, windows, strict=True))
        print(f"    {length:.0f}: ({h}),  # c {factor:.2f}, P(t) L / t {np.round(shares, 2)}", flush=True)


if __name__ == "__main__":
    main()
