"""The shares of categories in the latest values of each signal, compared with those of its first ones.

The categories that came often enough in a reference have a cell each, the `categories` most frequent of them
at most; all others, and all that nobody saw, share one more. A new category with every record therefore
costs nothing, and is a change of that one share.

How far chance alone takes a measure depends on the shares. So when a reference is full, references and values
like it are drawn, some hundred stretches, and thresholds found as `bootstrap.py` does; the cell of others is
given one value more than it had, since what was not seen among n values may well come once in n.

Drawn are run lengths up to some thousand values. Beyond, the logarithm of the run length is taken to grow as
it did, but at most .36 times as fast as chi-square, to which all these measures come down: .5 is its limit,
and with some categories it is nearer to .4 at the thresholds that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.drift.detector import Alarm, Entry, Floats, Ints, Levels
from engine.drift.detectors import cells_kernel, cells_numpy
from engine.drift.detectors.bootstrap import Tail, tail
from engine.drift.detectors.cells_kernel import ONE
from engine.drift.detectors.cells_numpy import coded, shares_of, tables
from engine.drift.detectors.options import read
from engine.drift.detectors.picked import picked
from engine.kernels import Kernels

jit = Kernels(
    cells_kernel,
    instead={name: getattr(cells_numpy, name) for name in ("tops", "follow")},
)
OPTIONS: Mapping[str, Any] = {"window": 500, "reference": 1000, "categories": 50}
BOUNDS = {"window": (20.0, 10_000.0), "reference": (50.0, 30_000.0), "categories": (1.0, 1000.0)}
RARE = 5  # a category that came so often at least has a cell
PATHS, STRETCH, PIECES = 256, 512, 32  # drawn: how many, how long behind the first window, in how many parts
STEEPEST = 0.36  # how fast the logarithm of the run length grows, at most, with what chi-square is
SCALES: Mapping[int, Callable[[int], float]] = {
    cells_kernel.CHI_SQUARE: lambda w: 1.0,
    cells_kernel.STABILITY: lambda w: w,
    cells_kernel.JENSEN_SHANNON: lambda w: 8.0 * w,
}
"""How many times larger chi-square is than a measure of a window, for small changes."""
SEED = 7
NEVER = np.iinfo(np.int64).max


@dataclass(slots=True)
class Known:
    """A signal whose reference is full."""

    names: Floats  # the categories that have a cell, in order
    known: Floats  # how many values of the reference each cell has, the last those of all others
    tail: Tail  # which thresholds have which run length
    ring: Any  # the cells of the latest values
    counts: Ints  # of these
    has: Ints  # how many values came since, and the measure in parts of 2**32
    need: int = NEVER
    shares: tuple[Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        self.shares = shares_of(self.known, float(self.known.sum()))

    @property
    def ready(self) -> bool:
        return int(self.has[0]) >= self.ring.size and self.need < NEVER


class Cells:
    """A measure of how far the shares of categories are from what they were, for each signal.

    Parameters
    ----------
    measure
        One of those of `cells_kernel.py`.
    signals
        How many there are.
    given
        `window`, `reference`, `categories`.

    Examples
    --------
    >>> cells = Cells(cells_kernel.CHI_SQUARE, "chi_square", 1, {"window": 50, "reference": 200})
    >>> cells.allow(np.array([10_000.0]), np.inf)
    >>> found = cells.update(np.concatenate([np.arange(300.0) % 4, np.zeros(100)])[None])
    >>> [(alarm.at, alarm.back) for alarm in found]
    [(324, 25)]
    """

    def __init__(self, measure: int, name: str, signals: int, given: Mapping[str, Any]) -> None:
        options = read(name, OPTIONS, BOUNDS, given)
        self.call: Callable[..., Any] = jit.run
        self.measure, self.window, self.n = measure, options["window"], options["reference"]
        self.categories, self.tables = options["categories"], tables(options["window"])
        self.lengths = np.full(signals, np.inf)
        self.held: dict[int, Floats] = {}
        self.known: dict[int, Known] = {}

    def update(self, block: Floats) -> list[Alarm]:
        if not block.flags.writeable:
            block = block.copy()  # kernels are compiled for one kind of array
        found = list[Alarm]()
        for signal in np.flatnonzero((block == block).any(axis=1)).tolist():
            start = 0
            while start < block.shape[1]:
                start = self._take(block[signal], signal, start, found)
        return sorted(found, key=lambda alarm: (alarm.at, alarm.signal))

    def _take(self, row: Floats, signal: int, start: int, found: list[Alarm]) -> int:
        """Take values up to an alarm or the end of a reference; where to go on."""
        if (it := self.known.get(signal)) is None:
            return self._hold(row, signal, start)
        own = it.ring, it.counts, it.has, it.need
        fixed = self.measure, *it.shares, *self.tables, it.names
        behind = int(self.call("follow", *fixed, row, start, *own))
        if it.ready and it.has[1] >= it.need:
            statistic, threshold = float(it.has[1] / ONE), float(it.need / ONE)
            found.append(Alarm(behind - 1, signal, statistic, threshold, since(it), "shares"))
            self.restart([signal])
        return behind

    def _hold(self, row: Floats, signal: int, start: int) -> int:
        held = self.held.get(signal, np.empty(0))
        there = np.flatnonzero(row[start:] == row[start:])[: self.n - held.size] + start
        self.held[signal] = held = np.concatenate([held, row[there]])
        if held.size < self.n:
            return row.size
        self.known[signal] = self._begin(self.held.pop(signal), signal)
        self._set(signal)
        return int(there[-1]) + 1

    def _begin(self, values: Floats, signal: int) -> Known:
        """What a full reference says."""
        distinct, times = np.unique(values, return_counts=True)
        first = np.lexsort((distinct, -times))[: self.categories]
        names = np.sort(distinct[first[(times[first] >= RARE) | (first == first[0])]])
        known = np.bincount(coded(names, values), minlength=names.size + 1).astype(np.float64)
        known[-1] += 1.0
        blank = np.zeros(self.window, np.uint16), np.zeros(known.size, np.int64), np.zeros(2, np.int64)
        return Known(names, known, self._simulated(known, signal), *blank)

    def _simulated(self, known: Floats, signal: int) -> Tail:
        """Thresholds by run length, from references and values that are drawn."""
        rng = np.random.default_rng([SEED, signal])
        size, w = int(known.sum()), self.window
        paths = max(48, min(PATHS, PATHS * 1024 // (w + STRETCH)))
        drawn = rng.multinomial(size, known / size, paths).astype(np.float64)
        cells = np.repeat(np.arange(known.size, dtype=np.uint16), known.astype(np.int64))
        codes = cells[rng.integers(0, size, (paths, w + STRETCH), np.uint32)]
        highest = np.zeros((paths, PIECES))
        self.call("tops", self.measure, *shares_of(drawn, size), *self.tables, codes, highest)
        found = tail(highest, STRETCH // PIECES)
        steepest = STEEPEST * SCALES[self.measure](w) * size / (size + w)
        return found._replace(slope=min(found.slope, steepest))

    def allow(self, lengths: Floats, together: float) -> None:
        self.lengths = np.array(lengths, np.float64)
        for signal in self.known:
            self._set(signal)

    def _set(self, signal: int) -> None:
        it, length = self.known[signal], float(self.lengths[signal])
        it.need = NEVER if np.isinf(length) else max(1, int(np.ceil(it.tail.threshold(length) * ONE)))

    def restart(self, signals: Sequence[int]) -> None:
        for signal in signals:
            self.held.pop(signal, None)
            self.known.pop(signal, None)

    def seed(self, signal: int, values: Floats, weights: Floats) -> None:
        """Begin a signal anew with a recorded reference, if it is large enough."""
        self.restart([signal])
        if (found := picked(values, weights, self.n)) is not None:
            self.known[signal] = self._begin(found, signal)
            self._set(signal)

    def levels(self) -> Levels:
        size = self.lengths.size
        levels = Levels(np.zeros(size), np.full(size, np.inf), np.zeros(size, np.int64))
        for signal, values in self.held.items():
            levels.taken[signal] = values.size
        for signal, it in self.known.items():
            levels.taken[signal] = self.n + it.has[0]
            if it.ready:
                levels.statistic[signal], levels.threshold[signal] = it.has[1] / ONE, it.need / ONE
        return levels

    def state(self) -> Any:
        known = {
            signal: [it.names, it.known, *it.tail, it.ring.copy(), it.has.copy()]
            for signal, it in sorted(self.known.items())
        }
        return [self.lengths, dict(sorted(self.held.items())), known]

    def restore(self, state: Any) -> None:
        self.lengths, self.held, self.known = state[0], dict(state[1]), {}
        for signal, (names, known, thresholds, logs, slope, ring, has) in state[2].items():
            counts = np.bincount(ring[: int(has[0])], minlength=known.size)
            tails = Tail(thresholds, logs, slope)
            self.known[signal] = Known(names, known, tails, ring.copy(), counts, has.copy())
            self._set(signal)


def since(it: Known) -> int:
    """How many values ago the change seems to have begun: where those behind it are the least likely."""
    order = np.arange(int(it.has[0]) - 1, int(it.has[0]) - 1 - it.ring.size, -1) % it.ring.size
    ones = np.zeros((it.ring.size, it.known.size))
    ones[np.arange(it.ring.size), it.ring[order]] = 1.0
    inside = ones.cumsum(axis=0)
    size = np.arange(1.0, it.ring.size + 1)[:, None]
    usual = it.known / it.known.sum()
    logs = np.log(np.where(inside > 0, inside / size / usual, 1.0))
    return int(np.argmax((inside * logs).sum(axis=1))) + 1


def entry(measure: int, name: str) -> Entry:
    """The line of the table for a measure."""

    def build(signals: int, given: Mapping[str, Any]) -> Cells:
        return Cells(measure, name, signals, given)

    return Entry(build, ("categories", "shares"), "simulated", OPTIONS, warm=warm)


def warm() -> None:
    """Compile the kernels, aside; from then on all detectors of this kind run them."""
    kernels = jit.compile_all()
    cells = Cells(cells_kernel.CHI_SQUARE, "chi_square", 1, {"window": 20, "reference": 50})
    cells.call = lambda name, *arguments: kernels[name](*arguments)
    cells.update(np.arange(80.0)[None] % 3)
    jit.compiled.update(kernels)
