"""What a panel's blocks go through before detectors see them, so that a budget of false alarms holds on
values that resemble those before them, and on values that come and go with the day.

Where the spec names a season, values become ranks among those of the same time of earlier periods
(`season.py`). The first values of a signal, or these ranks, are held until it is known how long it remembers
(`dependence.py`); then they are handed on, and from there on a signal that remembers is looked at in means
of blocks. Thus what comes out for a column may be more than a column: `Prepared.parts` gives everything in
the order in which detectors take it, each with the columns at which what they find is told.

Signals are let go at records whose number is a multiple of `STEP`, so that those which began together go on
together, and none of this depends on how records are cut into blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.drift import prepare_kernel
from engine.drift import season as seasons
from engine.drift.dependence import Dependence, estimate
from engine.drift.detector import Floats, Ints
from engine.drift.season import Season
from engine.drift.signals import Signal
from engine.kernels import Kernels

jit = Kernels(prepare_kernel)

STEP = 64  # records between two moments at which signals may be let go
LONGER = 4  # a signal that remembers long is held for up to so many times `warm_up`
WIDTH = 256  # columns of what was held that are handed on at a time


@dataclass(frozen=True, slots=True)
class Options:
    """How signals are prepared.

    >>> Options(dependence="none")
    Options(dependence='none', warm_up=1000, season_ms=None)
    """

    dependence: Literal["auto", "none"] = "auto"
    warm_up: int = 1_000  # values of a signal that are looked at before it is judged
    season_ms: int | None = None  # after so long the same comes again


class Part(NamedTuple):
    """What detectors take at once."""

    block: Floats  # a row for each signal
    columns: Ints  # for each of its columns: where in the original block what it finds is told


class Held(NamedTuple):
    """Values of signals that are let go."""

    behind: int  # how many columns of the block lie before that
    rows: Ints
    values: Floats  # a row for each of them, the newest at the end, NaN before the first


class Prepared(NamedTuple):
    """A block as detectors see it."""

    block: Floats  # of the same shape, NaN where nothing is due
    records: Floats  # the same before any were held or put together: for who needs what belongs together
    held: Sequence[Held] = ()

    def parts(self) -> Iterator[Part]:
        """Everything in order.

        >>> prepared = Prepared(*np.ones((2, 1, 2)), [Held(1, np.array([0]), np.array([[7.0, 8.0, 9.0]]))])
        >>> [(part.block.tolist(), part.columns.tolist()) for part in prepared.parts()]
        [([[1.0]], [0]), ([[7.0, 8.0, 9.0]], [0, 0, 0]), ([[1.0]], [1])]
        """
        first, (rows, width) = 0, self.block.shape
        for held in self.held:
            yield from self._between(first, held.behind)
            for at in range(0, held.values.shape[1], WIDTH):
                values = held.values[:, at : at + WIDTH]
                block = np.full((rows, values.shape[1]), np.nan)
                block[held.rows] = values
                yield Part(block, np.full(values.shape[1], held.behind - 1))
            first = held.behind
        yield from self._between(first, width)

    def _between(self, first: int, end: int) -> Iterator[Part]:
        if first < end:
            whole = end - first == self.block.shape[1]
            block = self.block if whole else np.ascontiguousarray(self.block[:, first:end])
            yield Part(block, np.arange(first, end))


class Told(NamedTuple):
    """Where a signal stands."""

    wanted: int  # values that it still waits for; 0: it is judged
    tau: float  # its correlation time in values; NaN: not known yet
    size: int  # how many values are put together
    slots: float  # of those of its season in which it was seen: the share that has enough values
    volatile: bool  # quiet and restless times alternate, and it is looked at in blocks as long as that takes


class Prepare:
    """Prepares the signals of a panel.

    Parameters
    ----------
    signals
        What is watched, by row.
    options
        How.

    Examples
    --------
    A signal is held for its warm-up, and then handed on as a whole.

    >>> from engine.drift.signals import Kind
    >>> prepare = Prepare([Signal(Kind.VALUE, "amount")], Options(warm_up=128))
    >>> noise = np.random.default_rng(1).normal(size=(1, 130))
    >>> [part.block.shape for part in prepare.apply(noise, np.arange(130)).parts()]
    [(1, 128), (1, 128), (1, 2)]
    >>> prepare.told()[0].wanted
    0
    """

    def __init__(self, signals: Sequence[Signal], options: Options) -> None:
        count = len(signals)
        self.options, self.taken = options, 0
        self.season = None if options.season_ms is None else Season(signals, options.season_ms)
        self.given = np.zeros(count, np.int64)  # values that detectors took
        self.since = np.full(count, -1)  # the record of the first of them
        self.thin = np.array([signal.categories for signal in signals], np.bool_)
        self.sizes = np.ones(count, np.int64)
        self.tau, self.volatile = np.full(count, np.nan), np.zeros(count, np.bool_)
        self.sums, self.counts = np.zeros(count), np.zeros(count, np.int64)
        self.held: dict[int, list[Floats]] = {}  # the values of signals that are not let go yet
        self.wanted = np.zeros(count, np.int64)  # how many of these there have to be; 0: it is let go
        if options.dependence == "auto":
            self.restart(range(count))
        self._sort()

    def _sort(self) -> None:
        self.waiting, self.blocked = self.wanted.nonzero()[0], (self.sizes > 1).nonzero()[0]

    def apply(self, block: Floats, times: Ints) -> Prepared:
        """A block as detectors see it; `times` of its records, in ms."""
        prepared = self._prepared(block, times)
        if np.isnan(prepared.block.sum()):
            self.given += np.count_nonzero(prepared.block == prepared.block, axis=1)
        else:  # nothing is missing
            self.given += block.shape[1]
        for held in prepared.held:
            self.given[held.rows] += np.count_nonzero(held.values == held.values, axis=1)
        return prepared

    def _prepared(self, block: Floats, times: Ints) -> Prepared:
        first, self.taken = self.taken, self.taken + block.shape[1]
        if not len(self.waiting) and not len(self.blocked) and self.season is None:
            self._begin(block, first)
            return Prepared(block, block)
        records, block, held = block, block.copy(), list[Held]()
        if self.season is not None:
            self.season.apply(block, times)
            records = block.copy()
        self._begin(block, first)
        at, width = 0, block.shape[1]
        while at < width and len(self.waiting):
            end = min(at + STEP - (first + at) % STEP, width)
            found = self._hold(block[:, at:end], (first + end) % STEP == 0)
            held += [each._replace(behind=end) for each in found]
            at = end
        self._put_together(block[:, at:])
        return Prepared(block, records, held)

    def _begin(self, block: Floats, first: int) -> None:
        """Find out at which record signals began."""
        if len(rows := (self.since < 0).nonzero()[0]):
            there = block[rows] == block[rows]
            some = there.any(axis=1)
            self.since[rows[some]] = first + there[some].argmax(axis=1)

    def _put_together(self, block: Floats) -> None:
        if len(self.blocked) and block.shape[1]:
            jit.run("together", block, self.blocked, self.sizes, self.thin, self.sums, self.counts)

    def _hold(self, block: Floats, may_go: bool) -> list[Held]:
        """Take columns up to a place where signals may be let go; those that are."""
        self._put_together(block)
        rows = self.waiting[(~np.isnan(block[self.waiting])).any(axis=1)]
        for row in rows.tolist():
            self.held.setdefault(row, []).append(block[row, ~np.isnan(block[row])])
        block[self.waiting] = np.nan
        if not may_go:
            return []
        going = [
            row for row in sorted(self.held) if self._count(row) >= self.wanted[row] and self._known(row)
        ]
        if not going:
            return []
        values = [np.concatenate(self.held.pop(row)) for row in going]
        lined = np.full((len(going), max(map(len, values))), np.nan)
        for line, each in zip(lined, values, strict=True):
            line[-len(each) :] = each
        self.wanted[going] = 0
        self._sort()
        return [self._let_go(np.array(going), lined)]

    def _let_go(self, rows: Ints, values: Floats) -> Held:
        sums, counts = self.sums[rows], self.counts[rows]
        blocked = (self.sizes[rows] > 1).nonzero()[0]
        if len(blocked):
            jit.run("together", values, blocked, self.sizes[rows], self.thin[rows], sums, counts)
        self.sums[rows], self.counts[rows] = sums, counts
        return Held(0, rows, values)

    def _known(self, row: int) -> bool:
        """Find out how long a signal remembers, or that more of its values are needed for that."""
        values = np.concatenate(self.held[row])
        self.held[row] = [values]
        found, longest = estimate(values), LONGER * self.options.warm_up
        if not found.enough and self.wanted[row] < longest:
            self.wanted[row] = min(2 * self.wanted[row], longest)
            return False
        self._learn(row, found)
        return True

    def _learn(self, row: int, found: Dependence) -> None:
        self.tau[row], self.sizes[row], self.volatile[row] = found.tau, found.size, found.volatile

    def _count(self, row: int) -> int:
        return sum(map(len, self.held.get(row, ())))

    def restart(self, rows: Iterable[int]) -> None:
        """What these signals were is forgotten, and with it how long they remember."""
        rows = list(rows)
        if self.season is not None:
            self.season.restart(rows)
        self.given[rows], self.since[rows] = 0, -1
        for row in rows if self.options.dependence == "auto" else ():
            self.held.pop(row, None)
            self._learn(row, Dependence(np.nan))
            self.sums[row], self.counts[row], self.wanted[row] = 0.0, 0, self.options.warm_up
        self._sort()

    def anew(self, rows: Sequence[int]) -> None:
        """These signals moved: their seasons are not what they were; how long they remember is."""
        if self.season is not None:
            self.season.restart(rows)
            self.given[rows], self.since[rows] = 0, -1
            self.sums[rows], self.counts[rows] = 0.0, 0

    def per_record(self) -> Floats:
        """How many values of each signal detectors were given for a record, since its first; while there are
        none, one for each block."""
        found = self.given / np.maximum(self.taken - self.since, 1)
        return np.where(self.given > 0, found, 1.0 / self.sizes)

    def told(self) -> list[Told]:
        """Where each signal stands."""
        slots = np.ones(len(self.sizes))
        if self.season is not None:
            slots[self.season.rows] = self.season.ready()
        waits = [max(int(n) - self._count(row), 0) for row, n in enumerate(self.wanted)]
        columns = (self.tau, self.sizes, slots, self.volatile)
        return list(map(Told, waits, *(column.tolist() for column in columns)))

    def _arrays(self) -> list[npt.NDArray[Any]]:
        own = [self.wanted, self.sizes, self.tau, self.volatile]
        return [*own, self.sums, self.counts, self.given, self.since]

    def state(self) -> list[Any]:
        rows = sorted(self.held)
        values = [np.concatenate(self.held[row]) for row in rows]
        season = None if self.season is None else self.season.state()
        return [self.taken, [each.copy() for each in self._arrays()], rows, values, season]

    def restore(self, state: list[Any]) -> None:
        self.taken, arrays, rows, values, season = state
        for mine, each in zip(self._arrays(), arrays, strict=True):
            mine[:] = each
        self.held = {row: [each] for row, each in zip(rows, values, strict=True)}
        if self.season is not None:
            self.season.restore(season)
        self._sort()


def warm() -> None:
    """Compile the kernels, aside; from then on everybody runs them."""
    seasons.warm()
    kernels, one = jit.compile_all(), np.zeros(1, np.int64)
    kernels["together"](np.zeros((1, 2)), one, one + 2, np.zeros(1, np.bool_), np.zeros(1), one.copy())
    jit.compiled.update(kernels)
