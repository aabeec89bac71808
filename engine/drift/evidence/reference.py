"""References: what the signals of a panel were, before whatever happens to them.

One is made of the first values of a signal (`first`), of its latest ones (`sliding`), of all since the model
version began (`since`), or was recorded before (`recorded`: a sketch in the spec). The last two kinds of
windows take values in lots, and tell of lots that were whole before a change began, so that it does not
blur what it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.sketch import K, Sketch
from engine.drift.signals import Signal

VALUES_MAX = 1 << 21  # numbers in all sketches of a panel; with more signals sketches are smaller
K_MIN = 128
N = 1000


class Window(NamedTuple):
    """Which values a reference is made of."""

    how: str = "first"
    n: int = N

    @property
    def name(self) -> str:
        """As a drift record has it.

        >>> Window().name, Window("since").name
        ('first 1,000', 'since deploy')
        """
        told = {"since": "since deploy", "recorded": "recorded"}
        return told.get(self.how, f"{self.how} {self.n:,}")


class Reference:
    """What one signal was.

    Parameters
    ----------
    categories
        Whether its numbers stand for categories.
    k
        How many numbers are kept exactly.
    """

    def __init__(self, categories: bool, k: int = K) -> None:
        self.values: Sketch | Counts = Counts() if categories else Sketch(k)
        self.asked = 0  # records, of which some may have had no value

    @property
    def n(self) -> int:
        return self.values.n

    @property
    def missing(self) -> float:
        """The share of records without a value."""
        return 1 - self.n / self.asked if self.asked else 0.0

    def merge(self, other: Reference) -> None:
        self.values.merge(other.values)  # type: ignore[arg-type]
        self.asked += other.asked

    def points(self) -> tuple[Floats, Floats]:
        """Its values, and how often each came."""
        if isinstance(self.values, Sketch):
            values, weights = self.values.points()
            return values, weights.astype(np.float64)
        known = self.values.known
        return np.array(list(known), np.float64), np.array(list(known.values()), np.float64)

    def told(self) -> dict[str, Any]:
        """Mean, spread and range; or how many categories."""
        if isinstance(self.values, Counts):
            return {"n": self.n, "missing": self.missing, "categories": len(self.values.known)}
        mean, sd = self.values.moments()
        low, lower, median, upper, high = self.values.quantiles([0, 0.25, 0.5, 0.75, 1])
        told = {"mean": mean, "sd": sd, "min": low, "q25": lower, "median": median, "q75": upper, "max": high}
        return {"n": self.n, "missing": self.missing, **told}

    def state(self) -> list[Any]:
        return [isinstance(self.values, Counts), self.asked, self.values.state()]

    @classmethod
    def restored(cls, state: list[Any]) -> Reference:
        categories, asked, values = state
        made = cls(categories)
        made.asked = asked
        made.values = Counts.restored(values) if categories else Sketch.restored(values)
        return made


class References:
    """A reference for each signal of a panel.

    Parameters
    ----------
    signals
        Of the panel, in its order.
    window
        Which values they are made of.
    recorded
        By a signal's name, references that were made before: they stand until they are replaced by order.

    Examples
    --------
    >>> from engine.drift.signals import Kind
    >>> references = References([Signal(Kind.VALUE, "x")], Window(n=3))
    >>> references.add(np.array([[1.0, np.nan, 2.0, 3.0, 99.0]]))
    >>> references.at(0).told()["max"], references.at(0).missing
    (3.0, 0.25)
    """

    def __init__(
        self, signals: Sequence[Signal], window: Window, recorded: Mapping[str, Reference] | None = None
    ) -> None:
        self.signals, self.window = signals, window
        self.k = max(K_MIN, min(K, VALUES_MAX // (3 * max(1, len(signals)))))
        self.records = 0
        self.began = [0] * len(signals)  # at which record
        recorded = recorded or {}
        self.recorded = [recorded.get(signal.name) for signal in signals]
        self.whole: list[list[Reference]] = [[] for _ in signals]  # at most two lots, the older first
        self.past: list[Reference | None] = [None] * len(signals)  # until there is a new one
        self.by = [""] * len(signals)  # which detector's alarm made it the past
        self.filling = [self._new(row) for row in range(len(signals))]
        self.blank = np.zeros(len(signals), np.int64)  # records without a value that are not told yet
        self.measured: dict[
            int, dict[int, tuple[float, float]]
        ] = {}  # for `ranking`, until something changes
        self.block: Floats = np.empty((len(signals), 0))  # that is taken just now,
        self.stop = 0  # up to here
        self.done = np.zeros(len(signals), np.int64)  # columns of it that a signal took
        self.is_open = np.zeros(len(signals), np.bool_)
        self._find_open(range(len(signals)))

    def _new(self, row: int) -> Reference:
        return Reference(self.signals[row].categories, self.k)

    def _find_open(self, rows: Iterable[int]) -> None:
        """Of these rows, which take values."""
        for row in rows:
            is_done = self.window.how == "first" and bool(self.whole[row])
            self.is_open[row] = self.recorded[row] is None and not is_done

    def add(self, block: Floats) -> None:
        """Take the records of a block."""
        self.reach(block, block.shape[1])
        self.settle()

    def reach(self, block: Floats, stop: int) -> None:
        """Go on to a column of a block; who is asked for takes what came, others at the end."""
        self.records += stop - self.stop
        self.block, self.stop = block, stop
        self.measured.clear()

    def settle(self) -> None:
        """Let all signals take what came of the block, and be done with it."""
        for row in np.flatnonzero(self.is_open & (self.done > 0)).tolist():
            self._catch_up(row)
        self._add(np.flatnonzero(self.is_open & (self.done == 0)), 0)
        self.block, self.stop = self.block[:, :0], 0
        self.done[:] = 0

    def _catch_up(self, row: int) -> None:
        start, self.done[row] = int(self.done[row]), self.stop
        if self.is_open[row]:
            self._add(np.array([row]), start)

    def _add(self, rows: Ints, start: int) -> None:
        """Let some signals that are open take the block's columns from one on."""
        if not len(rows) or start == self.stop:
            return
        block = (self.block if len(rows) == len(self.block) else self.block[rows])[:, start : self.stop]
        there: Any = ~np.isnan(block)
        some = there.any(axis=1)
        self.blank[rows[~some]] += block.shape[1]
        for i in some.nonzero()[0].tolist():
            self._take(int(rows[i]), block[i], there[i])
        if self.window.how == "first":
            self._find_open(row for row in rows.tolist() if self.whole[row])

    def _take(self, row: int, values: Floats, known: Any) -> None:
        """Take a signal's values, lot by lot."""
        self._fill_in(row)
        places = np.flatnonzero(known)
        start = taken = 0
        while taken < len(places):
            lot = self.filling[row]
            upto = min(len(places), taken + self.window.n - lot.n)
            full = lot.n + upto - taken == self.window.n
            lot.values.add(values[places[taken:upto]])
            stop = int(places[upto - 1]) + 1 if full else len(values)
            lot.asked += stop - start
            start, taken = stop, upto
            if full:
                self._close(row)
                if self.window.how == "first":
                    return
        self.filling[row].asked += len(values) - start

    def _fill_in(self, row: int) -> None:
        """Records without any value were only counted."""
        self.filling[row].asked += int(self.blank[row])
        self.blank[row] = 0

    def _close(self, row: int) -> None:
        """A lot is whole."""
        lots = self.whole[row]
        self.past[row] = None
        lots.append(self.filling[row])
        self.filling[row] = self._new(row)
        if len(lots) > 2:
            oldest = lots.pop(0)
            if self.window.how == "since":
                oldest.merge(lots[0])
                lots[0] = oldest

    def at(self, row: int, back: int = 0, by: str = "") -> Reference | None:
        """What a signal was before its last `back` values; None while too few are known.

        While it begins anew behind an alarm this is still what it was before that, but not to the detector
        that raised the alarm, to which that is settled.
        """
        if (recorded := self.recorded[row]) is not None:
            return recorded
        self._catch_up(row)
        lots = self.whole[row]
        if not lots:
            return None if by and by == self.by[row] else self.past[row]
        if len(lots) == 2 and self.filling[row].n < back:
            return lots[0]
        return lots[-1]

    def remembered(self, row: int) -> int:
        """Records since the signal began, or began anew."""
        return self.records - self.began[row]

    def name(self, row: int) -> str:
        """The window, as a drift record has it."""
        return "recorded" if self.recorded[row] is not None else self.window.name

    def wanted(self, row: int) -> int:
        """How many values are still needed."""
        return 0 if self.at(row) is not None else self.window.n - self.filling[row].n

    def restart(self, rows: Sequence[int], by: str = "") -> None:
        """Begin anew with the next value, behind an alarm of the detector `by` or, without it, by order.

        By order, what was recorded is forgotten, too.
        """
        self.measured.clear()
        for row in rows:
            self.past[row] = self.at(row) if by else None
            self.by[row], self.began[row], self.done[row] = by, self.records, self.stop
            self.whole[row], self.filling[row], self.blank[row] = [], self._new(row), 0
            if not by:
                self.recorded[row] = None
        self._find_open(rows)

    def state(self) -> list[Any]:
        for row in self.blank.nonzero()[0].tolist():
            self._fill_in(row)
        lots = [[lot.state() for lot in lots] for lots in self.whole]
        filling = [lot.state() for lot in self.filling]
        past = [None if lot is None else lot.state() for lot in self.past]
        replaced = [row for row, found in enumerate(self.recorded) if found is None]
        return [self.records, list(self.began), list(self.by), lots, filling, past, replaced]

    def restore(self, state: list[Any]) -> None:
        self.records, began, by, lots, filling, past, replaced = state
        self.measured.clear()
        self.began, self.by = list(began), list(by)
        self.whole = [[Reference.restored(lot) for lot in of] for of in lots]
        self.filling = [Reference.restored(lot) for lot in filling]
        self.past = [None if lot is None else Reference.restored(lot) for lot in past]
        for row in replaced:
            self.recorded[row] = None
        self.blank[:] = 0
        self._find_open(range(len(self.signals)))


def made(values: Floats, categories: bool = False, k: int = K) -> Reference:
    """A reference of values that are at hand: a column of training data, NaN where it is empty.

    >>> made(np.array([1.0, np.nan, 3.0])).told()["mean"]
    2.0
    """
    found = Reference(categories, k)
    found.values.add(values)
    found.asked = len(values)
    return found
