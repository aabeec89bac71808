"""All signals at once: a classifier that tries to tell new records from old ones, and bets on it.

Every second record waits in a queue. Each other one is paired with the oldest of the queue, which leaves it.
While nothing changes the two could as well have come the other way round, so whoever bets on which of them
is the newer one plays a fair game, however he bets. A bettor that wins all the same has seen a change, and
which one it was, nobody had to say beforehand (Podkopaev and Ramdas, 2023; Shekhar and Ramdas, 2023).

The bettor looks at a pair's difference in each signal, in each square, and in the product of each two, so it
finds what no single signal shows: two signals that go together otherwise, or have changed places. Of each
difference it keeps a fading mean, and bets on those that are clearly more than noise, in proportion to mean
over variance, as Fisher's discriminant would. It does so with memories of 30, 100 and 400 pairs, and half,
once and twice as boldly; each of these nine has a chart

    M <- (M + its part of 1) * (1 + bet),        bet = odd(sum of leaning * difference), between -1 and 1

and an alarm is raised when their sum reaches half the run length. (Shiryaev-Roberts: the sum less the number
of pairs is a supermartingale, so in N records there are at most N / run length false alarms on average. No
simulation is needed, and it does not matter how signals depend on each other.) `odd` is the same for both
signs but for its own; that is all that fairness needs. A chart whose bet is nothing stays as it is; its part
waits for pairs on which there are bets.

What is proven holds for records that are exchangeable. The records themselves are looked at, not means of
blocks, since these would have lost what goes together. Where signals remember, only each so-manieth record is
looked at, by what the first ones tell of that (`dependence.py`).

The first half of the reference gives scales only, since what is paired must not have been seen before; the
other half fills the queue. A change is before the bettor's eyes for as many pairs as the queue is long;
what comes about more slowly than that is not seen. Nor are changes of higher order than products, such as of
three signals of which each two stay as they were.

Records until the alarm, the mean of 30 streams of eight signals at a run length of 100,000; and realised over
requested run length, at 20,000, in 1.6 million records:

    ======================================  =====  ======      ==============================  ====
    change                                  delay  missed      stream                      realised
    ======================================  =====  ======      ==============================  ====
    a correlation of .7 turns round           119    0         normal, 8 signals               1.13
    a correlation goes from 0 to .5           454    0         normal, 1 signal                1.29
    columns with the same spread swapped      198    0         Cauchy                          1.16
    bits that agree half of the time          399    0         rare ones, .05                  1.29
    all correlations go from 0 to .15         563    1         eight copies of one             1.25
    one mean moves by 1 sigma                 133    0         three in ten missing            1.23
    all means move by .2 sigma                728    3         AR(1) .5                        1.10
    one variance is doubled                   416    0         AR(1) .9                        1.63
    ======================================  =====  ======      ==============================  ====
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.drift.dependence import estimate
from engine.drift.detector import RUN_LENGTH_MIN, TOGETHER, Alarm, Entry, Floats, Ints, Levels
from engine.drift.detectors import classifier_kernel
from engine.drift.detectors.classifier_kernel import TAKEN
from engine.drift.detectors.options import read
from engine.drift.scale import scale_of, scaled
from engine.kernels import Kernels

jit = Kernels(classifier_kernel)

OPTIONS = {"reference": 1000, "signals_max": 16, "every": 0}
BOUNDS = {"reference": (100, 10_000), "signals_max": (1, 32), "every": (0, 1_000)}
MEMORIES = (30, 100, 400)  # pairs
LONG = 1_000  # pairs: memory of how much they differ by chance
BOLD = np.array([0.5, 1.0, 2.0])
DOUBT = 3.0  # a mean is clearly more than noise where its square is so many of its variance
NOISE = 2.0  # what a difference varies by, before that is known: both records vary by 1
TAU_MIN = 1.6  # less is taken as none: of eight independent signals one seems to have more, once in ten times
TIMES = 1.5  # correlation times between two records that are looked at; only every second of these is paired
EVERY_MAX = 100
KINDS = ("mean", "scale", "correlation")  # what a term stands for: a signal, its square, a product


class Classifier:
    """Watches some signals together: the first that have values, up to `signals_max`.

    Parameters
    ----------
    signals
        How many there are.
    reference
        Records that say what is normal.
    most
        Signals that are looked at.
    every
        Look at each so-manieth record; 0: as the signals' own memory asks for.
    """

    def __init__(self, signals: int, reference: int, most: int, every: int) -> None:
        self.signals, self.half, self.most, self.asked = signals, reference // 2, most, every
        self.keeps = 1 - 1 / np.array([*MEMORIES, LONG], np.float64)
        self.length = np.inf  # the run length
        self._begin()

    def _begin(self) -> None:
        self.seats = np.empty(0, np.int64)  # the signals that are looked at
        self.first = np.full((min(self.signals, self.most), self.half), np.nan)  # while there is no scale
        self.taken = 0
        self.every = 0  # not known yet
        self._empty(np.empty(0), np.empty(0))

    def _empty(self, centre: Floats, width: Floats) -> None:
        """Nothing seen yet of signals with these scales."""
        size = len(centre)
        terms = 2 * size + size * (size - 1) // 2
        self.centre, self.width = centre, width
        self.queue, self.place = np.zeros((self.half, size)), np.zeros(3, np.int64)
        self.means, self.noise = np.zeros((len(MEMORIES), terms)), np.full(terms, NOISE)
        self.weights = np.zeros((len(MEMORIES), 2))
        self.charts, self.runs, self.starts = np.zeros((3, len(MEMORIES), len(BOLD)))
        self.purse = np.zeros(1)  # what was brought in and is not at stake yet

    # -- taking ----------------------------------------------------------------------------------------

    def update(self, block: Floats) -> list[Alarm]:
        """Take a block; what is found."""
        columns = np.flatnonzero(~np.isnan(block).all(axis=0))
        found = list[Alarm]()
        while len(columns):
            columns = self._walk(block, columns, found) if self.every else self._look(block, columns)
        return found

    def _look(self, block: Floats, columns: Ints) -> Ints:
        """Take records that give scales; the columns that are left."""
        here, at = columns[: self.half - self.taken], self.taken
        self.taken += len(here)
        self._seat(block[:, here])
        self.first[: len(self.seats), at : self.taken] = block[np.ix_(self.seats, here)]
        if self.taken == self.half:
            rows = self.first[: len(self.seats)]
            scales = np.array([scale_of(row) for row in rows])
            self._empty(scales[:, 0].copy(), scales[:, 1].copy())
            self.every = self.asked or max(_every(row) for row in rows)
            self.first = self.first[:, :0]
        return columns[len(here) :]

    def _seat(self, values: Floats) -> None:
        """Give seats to signals in the order in which their first values come."""
        there = ~np.isnan(values)
        fresh = np.setdiff1d(np.flatnonzero(there.any(axis=1)), self.seats)
        order = np.argsort(there[fresh].argmax(axis=1), kind="stable")
        self.seats = np.concatenate([self.seats, fresh[order]])[: self.most]

    def _walk(self, block: Floats, columns: Ints, found: list[Alarm]) -> Ints:
        """Take records that are compared, up to an alarm; the columns that are left behind it."""
        due = np.flatnonzero((self.taken - self.half + np.arange(len(columns))) % self.every == 0)
        values = block[self.seats][:, columns[due]].T
        rows = np.ascontiguousarray(np.nan_to_num(scaled(values, self.centre, self.width)))
        at = jit.run(
            "walk",
            rows,
            self.queue,
            self.place,
            self.means,
            self.weights,
            self.noise,
            self.keeps,
            self.charts,
            self.runs,
            self.starts,
            self.purse,
            BOLD,
            DOUBT,
            self.limit,
        )
        if at == len(rows):
            self.taken += len(columns)
            return columns[:0]
        last = int(due[at])
        found.append(self._alarm(int(columns[last])))
        self._begin()
        return columns[last + 1 :]

    def _alarm(self, column: int) -> Alarm:
        best = np.unravel_index(int(self.charts.argmax()), self.charts.shape)
        back = int(self.place[TAKEN] - self.starts[best]) * self.every + 1
        means, weights = self.means[best[0]], self.weights[best[0]]
        clear = means * means / (np.maximum(self.noise, np.finfo(float).tiny) * weights[1])
        what, *which = term(int(clear.argmax()), len(self.seats))
        rows = tuple(int(self.seats[seat]) for seat in which)
        return Alarm(column, TOGETHER, self._total(), self.limit, back, what, rows)

    def _total(self) -> float:
        return float(self.charts.cumsum()[-1])  # one after the other, as the kernel does

    # -- its settings and its state --------------------------------------------------------------------

    def allow(self, lengths: Floats, together: float) -> None:
        """Only TOGETHER counts; where nobody wants that, all parts of its signals put together."""
        if not np.isfinite(together) and len(lengths):
            together = float(1 / np.maximum(1 / lengths, 0).sum()) if (lengths > 0).all() else np.inf
        self.length = max(together, RUN_LENGTH_MIN)

    @property
    def limit(self) -> float:
        """What all charts together may come to: as many pairs as there are in the run length."""
        return self.length / (2 * max(self.every, 1))

    def rests(self, row: int) -> list[str]:
        """What the budget rests on besides the proof."""
        if not self.every:
            return [f"nothing yet: {self.half - self.taken} more records are looked at before any are paired"]
        if self.asked:
            return [f"every {self.every}. record is independent of those before: the spec says so"]
        return [f"records {self.every} apart are independent, by what their first {self.half} tell"]

    def restart(self, signals: Sequence[int]) -> None:
        if TOGETHER in signals or np.isin(self.seats, signals).any():
            self._begin()

    def levels(self) -> Levels:
        ready = self.place[TAKEN] >= self.half
        columns = (self._total(), self.limit if ready else np.inf, self.taken)
        return Levels(*(np.full(self.signals, value) for value in columns))

    def state(self) -> list[Any]:
        arrays = (self.seats, self.first, *self._arrays())
        return [self.taken, self.every, self.length, [array.copy() for array in arrays]]

    def _arrays(self) -> tuple[Any, ...]:
        scales, bets = (self.centre, self.width), (self.means, self.weights, self.noise)
        return (*scales, self.queue, self.place, *bets, self.charts, self.runs, self.starts, self.purse)

    def restore(self, state: list[Any]) -> None:
        self.taken, self.every, self.length, arrays = state
        self.seats, self.first, self.centre, self.width, self.queue, self.place, *bets = (
            array.copy() for array in arrays
        )
        self.means, self.weights, self.noise, self.charts, self.runs, self.starts, self.purse = bets


def _every(values: Floats) -> int:
    """How far apart records have to be for one signal's sake."""
    tau = estimate(values[~np.isnan(values)]).tau
    return min(int(np.ceil(TIMES * tau)), EVERY_MAX) if tau > TAU_MIN else 1


def term(k: int, size: int) -> tuple[str, *tuple[int, ...]]:
    """What the k-th difference of `size` signals stands for, and of which.

    >>> [term(k, 3) for k in (0, 4, 6, 7, 8)]
    [('mean', 0), ('scale', 1), ('correlation', 0, 1), ('correlation', 0, 2), ('correlation', 1, 2)]
    """
    if k < 2 * size:
        return KINDS[k // size], k % size
    pairs = [(j, i) for i in range(size) for j in range(i)]
    return KINDS[2], *pairs[k - 2 * size]


def build(signals: int, given: Mapping[str, Any]) -> Classifier:
    """For so many signals, with the options that a spec gives."""
    o = read("classifier", OPTIONS, BOUNDS, given)
    return Classifier(signals, o["reference"], o["signals_max"], o["every"])


def warm() -> None:
    """Compile the kernels, aside; from then on everybody runs them."""
    kernels, own = jit.compile_all(), Classifier(2, 2, 2, 1)
    own._empty(np.zeros(2), np.ones(2))
    scratch = (np.ones((3, 2)), *own._arrays()[2:7], own.keeps, *own._arrays()[7:], BOLD, DOUBT, np.inf)
    kernels["walk"](*scratch)
    jit.compiled.update(kernels)


ENTRY = Entry(
    build, ("numbers", "shares", "categories"), "proven", OPTIONS, together=True, each=False, warm=warm
)
