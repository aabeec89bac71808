"""The two-sample Kolmogorov-Smirnov distance, exactly, at every value and in several windows at once.

Each window holds the latest w values of a signal; they are compared with n values that are its reference:
the first n (`ks_fixed.py`), or with `sliding` the n just before the window (`ks_sliding.py`). The distance is
the largest difference between the shares of values up to any place. It depends on nothing but the order of
values, so that one table of thresholds is good for all continuous data, and safe for any other
(`ks_table.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.drift.detector import Alarm, Entry, Floats, Ints, Levels
from engine.drift.detectors import ks_fixed, ks_sliding
from engine.drift.detectors.ks_fixed import Fixed
from engine.drift.detectors.ks_sliding import Sliding
from engine.drift.detectors.ks_table import thresholds
from engine.drift.detectors.ks_walk import passed
from engine.drift.detectors.options import read
from engine.drift.detectors.picked import picked
from engine.errors import SpecError
from engine.kernels import Kernels

OPTIONS: Mapping[str, Any] = {"windows": [64, 256, 1024], "reference": 1000, "sliding": False}
WINDOWS_MAX = 8
WINDOW_MIN = 5
VALUES_MAX = 30_000  # of a window or a reference: a walk of 32 bits counts to their product
BOUNDS = {"reference": (10.0, float(VALUES_MAX))}
BYTES_MAX = 1 << 30  # that the signals of a shard may take together
NEVER = np.iinfo(np.int64).max
SHAPE = 0.5  # where the smaller of both differences is at least so much of the larger, it is not up or down


class Ks:
    """Compares windows of each signal with its reference.

    Parameters
    ----------
    signals
        How many there are.
    options
        `windows`, `reference`, `sliding`.

    Examples
    --------
    >>> ks = Ks(1, {"windows": [50], "reference": 200})
    >>> ks.allow(np.array([10_000.0]), np.inf)
    >>> values = np.concatenate([np.linspace(0, 1, 250) ** 2 % 0.01, np.full(100, 0.02)])
    >>> [(alarm.at, alarm.back, alarm.what) for alarm in ks.update(values[None])]
    [(266, 18, 'up')]
    """

    def __init__(self, signals: int, options: Mapping[str, Any]) -> None:
        given = read("ks", OPTIONS, BOUNDS, options)
        self.n, self.sliding = int(given["reference"]), bool(given["sliding"])
        self.windows = windows_of(given["windows"])
        self.memory: Fixed | Sliding = (Sliding if self.sliding else Fixed)(signals, self.windows, self.n)
        if (asked := self.memory.bytes_all()) > BYTES_MAX:
            raise SpecError(
                f"drift.detectors: ks would take {asked >> 20} MB for {signals} signals, and may take"
                f" {BYTES_MAX >> 20}; name those that it is for with `on`, or take shorter windows or a"
                " smaller reference"
            )
        self.lengths = np.full(signals, np.inf)
        self.need = np.full((signals, self.windows.size), NEVER)

    def update(self, block: Floats) -> list[Alarm]:
        signals = np.flatnonzero((block == block).any(axis=1))
        if signals.size == 0:
            return []
        if not block.flags.writeable:
            block = block.copy()  # kernels are compiled for one kind of array
        self.memory.admit(signals)
        start = np.zeros(signals.size, np.int64)
        alarms = list[Alarm]()
        while signals.size:
            self.memory.follow(block, signals, start, self.need)
            raised = (self.memory.top(signals) >= self.need[signals]).any(axis=1)
            for signal, behind in zip(signals[raised].tolist(), start[raised].tolist(), strict=True):
                alarms.append(self._alarm(signal, behind - 1))
            self.memory.forget(signals[raised])
            on = start < block.shape[1]
            signals, start = signals[on], start[on]
        return sorted(alarms, key=lambda alarm: (alarm.at, alarm.signal))

    def _alarm(self, signal: int, at: int) -> Alarm:
        k = int(self._worst(np.array([signal]))[0])
        statistic, threshold = (float(each[0]) for each in self._figures(np.array([signal]), np.array([k])))
        ordered, codes = self.memory.compared(signal, k)
        what, back = told(ordered, codes, int(self.windows[k]))
        return Alarm(at, signal, statistic, threshold, back, what)

    def _worst(self, signals: Ints) -> Ints:
        """The window of each signal that is nearest to an alarm, or beyond it."""
        top = self.memory.top(signals)
        nearest: Ints = np.argmax(np.where(top < 0, -1.0, top / self.need[signals]), axis=1)
        return nearest

    def _figures(self, signals: Ints, k: Ints) -> tuple[Floats, Floats]:
        """The distance of a window of each signal, and what it must not reach."""
        top = self.memory.top(signals)[np.arange(k.size), k]
        need, whole = self.need[signals, k], self.n * self.windows[k]
        ready = (top >= 0) & (need < NEVER)
        return np.maximum(top, 0) / whole, np.where(ready, need / whole, np.inf)

    def allow(self, lengths: Floats, together: float) -> None:
        self.lengths = np.array(lengths, np.float64)
        h = thresholds(self.windows, self.n, self.sliding, self.lengths)
        known = np.isfinite(h)
        self.need[:] = NEVER
        products = h * self.windows * self.n
        self.need[known] = np.maximum(np.ceil(products[known] - 1e-6), 1).astype(np.int64)

    def restart(self, signals: Sequence[int]) -> None:
        self.memory.forget(np.intersect1d(np.array(signals, np.int64), self.memory.known()))

    def seed(self, signal: int, values: Floats, weights: Floats) -> None:
        """Begin a signal anew with a recorded reference, if it is large enough and does not slide."""
        self.restart([signal])
        found = picked(values, weights, self.n)
        if found is not None and isinstance(self.memory, Fixed):
            self.memory.seed(signal, found)

    def levels(self) -> Levels:
        size, known = self.lengths.size, self.memory.known()
        levels = Levels(np.zeros(size), np.full(size, np.inf), np.zeros(size, np.int64))
        levels.statistic[known], levels.threshold[known] = self._figures(known, self._worst(known))
        levels.taken[known] = self.memory.taken(known)
        return levels

    def state(self) -> Any:
        return [self.lengths, self.memory.state()]

    def restore(self, state: Any) -> None:
        lengths, memory = state
        self.allow(lengths, np.inf)
        self.memory.restore(memory)


def windows_of(given: list[Any]) -> Ints:
    """The windows that a spec asks for, ascending."""
    fit = all(type(w) is int and WINDOW_MIN <= w <= VALUES_MAX for w in given)
    if not fit or not 1 <= len(given) <= WINDOWS_MAX:
        raise SpecError(
            f"drift.detectors: ks.windows is {given!r}; it has to be 1 to {WINDOWS_MAX} whole numbers from"
            f" {WINDOW_MIN} to {VALUES_MAX:,}"
        )
    return np.array(sorted(set(given)))


def told(ordered: Floats, codes: Ints, w: int) -> tuple[str, int]:
    """Where the latest w values went, and how many values ago that seems to have begun.

    The change begins where the values behind it are the least likely to be of the reference, by whether they
    lie below the place at which both differ most.
    """
    n = ordered.size
    before = passed(ordered)
    walk = w * before - n * np.cumsum(np.bincount(codes[-w:], minlength=2 * n + 1))
    up, down = int(walk.max()), int(-walk.min())
    what = "shape" if min(up, down) >= SHAPE * max(up, down) else "up" if up > down else "down"
    place = int(np.argmax(np.abs(walk)))
    count = np.arange(1, codes.size + 1)
    share = np.cumsum(codes[::-1] <= place) / count
    usual = (before[place] + 0.5) / (n + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(share > 0, share * np.log(share / usual), 0.0)
        outside = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - usual)), 0.0)
    return what, int(np.argmax(count * (inside + outside))) + 1


def warm() -> None:
    """Compile the kernels."""
    _warm(ks_fixed.jit, Fixed(1, np.array([5]), 10))
    _warm(ks_sliding.jit, Sliding(1, np.array([5]), 10))


def _warm(jit: Kernels, memory: Fixed | Sliding) -> None:
    kernels, one = jit.compile_all(), np.array([0])
    memory.call = lambda name, *arguments: kernels[name](*arguments)
    memory.admit(one)
    for _ in range(2):
        memory.follow(np.arange(12.0)[None], one, one.copy(), np.full((1, 1), NEVER))
    jit.compiled.update(kernels)


ENTRY = Entry(Ks, ("numbers", "shares", "categories"), "tabulated", OPTIONS, warm=warm)
