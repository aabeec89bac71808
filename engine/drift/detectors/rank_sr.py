"""The default detector: bets on the ranks of values, with a budget of false alarms that needs no simulation.

Idea. While nothing changes, a new value is as likely to be the smallest of all values so far as the second
smallest, and so on: its rank among them, over their number, is uniform on (0, 1) whatever the values'
distribution. Some densities on (0, 1) and three histograms of earlier ranks, which forget, say what ranks
would look like after a change (`alternatives.py`). Each has a chart M, which bets on its density f:

    M <- (M + w) * mean of f over the ranks that the new value may have        (all w together are 1)

Where nothing changes the odds are fair, so all M together grow by one a value on average: sum(M) - t is a
martingale. An alarm when sum(M) reaches A, and a new beginning behind it, is thus raised at most once in A
values on average (Shiryaev 1963, Roberts 1966; e-detectors: Shin, Ramdas, Rinaldo 2022; ranks: Vovk 2021). A
is the run length itself. What w is may depend on earlier values: while these were of only two kinds, nearly
all is bet on shifts, since only shares can change then.

What is proven, and what is not. For values that are all different the bound is proven while they are
stored. An equal value takes the mean over all ranks that it may have, and nothing is bet while all values
are equal: after any number of values sum(M) is then t on average or somewhat less, but a bound for the moment
of an alarm isn't proven. The same holds behind the 256th value, from where on values in the same gap
between stored ones count as equal. Measured, realised run lengths are what was asked for or more, on
continuous values of any shape and on discrete ones (`benchmarks/drift.py`). Values that depend on those
before them break the bound: see `prepare.py`. All signals together: the mean of their M's is t on average,
too, however they depend on each other; the bound at an alarm is proven where they don't.

Layout. Values are kept until 256 different ones are there. These m values make 2m + 1 places (gap, value,
gap, ...); how many values lie below a place is kept in two arrays, of spans of 32 places and within these,
so that a value's rank is two look-ups, and counting it 64 additions side by side. A value in a gap where
none was before is stored even then, and the one that tells least makes room: in the end gaps at both ends
hold a twentieth of what those in the middle do, and outliers are told apart as with 1,000 stored values.
Stored values are found by two comparisons of 16 at once; a search by halves would mispredict four jumps.
Densities are constant between the 55 edges of a grid: for most values the odds are two of its rows, weighted,
for 32 charts at once. Start times aren't kept: the latest 1,024 ranks are, and at an alarm we walk back over
them to where the change is likeliest to have begun, under the chart that won most.

Measured, in nanoseconds a value (ten signals of normal values, blocks of 256, with the call from Python):

    finding the value, its rank, counting it      35
    the rank's cells, the ring of ranks           15
    odds and bets of the fixed charts             15
    the three histograms                           7
    adding up all charts                           8
    a constant signal, where nothing is bet       43
    one of the first 256, which is stored      1,600
    before: halving search, Fenwick tree,
    start times, cdfs between two points         124
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.drift.detector import RUN_LENGTH_MIN, TOGETHER, Alarm, Entry, Floats, Ints, Levels
from engine.drift.detectors import rank_kernel as kernel
from engine.drift.detectors import rank_plain
from engine.drift.detectors.alternatives import WHAT, tables
from engine.drift.detectors.options import read
from engine.kernels import Kernels

jit = Kernels(kernel, instead={"walk": rank_plain.walk})

NEVER = 1e300  # stands for a run length without end: more than charts ever have
SHAPES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((kernel.STORED + kernel.GROUP,), np.float64),  # values
    ((kernel.GROUP,), np.float64),  # pivots
    ((kernel.SPAN,), np.int32),  # outer
    ((kernel.SPANS, kernel.SPAN), np.int32),  # inner
    ((kernel.CHARTS,), np.float64),
    ((kernel.LEARNED,), np.float64),  # learners
    ((kernel.LEARNED, kernel.BINS), np.float64),  # heights
    ((kernel.LEARNED,), np.float64),  # sums
    ((kernel.LEARNED, 2 * kernel.BINS), np.float64),  # bets
    ((kernel.BINS,), np.int64),  # fresh
    ((kernel.RING,), np.uint16),
    ((4,), np.int64),  # tally
)
ATOMS = 32  # of more different values each stands for others nearby, as often as it is said to have been seen
TALLY = -1  # where in these the tally is


class RankSr:
    """Watches the ranks of each signal's values, and all signals together.

    Parameters
    ----------
    signals
        How many.

    Examples
    --------
    >>> detector = RankSr(1)
    >>> detector.allow(np.array([1e5]), np.inf)
    >>> values = np.random.default_rng(1).normal(size=3000)
    >>> values[2000:] += 1
    >>> alarm = detector.update(values[None])[0]
    >>> alarm.signal, alarm.what, alarm.at - alarm.back
    (0, 'up', 1997)
    """

    def __init__(self, signals: int) -> None:
        self.arrays = tuple(np.zeros((signals, *shape), kind) for shape, kind in SHAPES)
        self.limits, self.together = np.full(signals, NEVER), NEVER
        self.standing = np.zeros(signals)  # what all charts of a signal have
        self.restart(range(signals))

    def update(self, block: Floats) -> list[Alarm]:
        block = np.require(block, np.float64, ["C", "W"])
        alarms, begin = list[Alarm](), 0
        while begin < block.shape[1]:
            more, columns = self._walk(block, begin)
            over = begin + np.flatnonzero(columns[begin:] >= self.together * len(self.limits))
            if not len(over):
                return alarms + more
            at = int(over[0])
            alarms += [alarm for alarm in more if alarm.at <= at]
            mean = float(columns[at]) / len(self.limits)
            alarms.append(Alarm(at, TOGETHER, mean, self.together, 0, ""))
            self.restart(range(len(self.limits)))  # whatever lay behind is taken again
            begin = at + 1
        return alarms

    def _walk(self, block: Floats, begin: int) -> tuple[list[Alarm], Floats]:
        """All columns behind `begin`: alarms of the signals, and by column what all charts have."""
        arguments = self._arguments(block, begin)
        count = jit.run("walk", *arguments)
        columns, found, reached = arguments[4:7]
        told = zip(found[:count].tolist(), reached[:count].tolist(), strict=True)
        alarms = [
            Alarm(at, signal, value, float(self.limits[signal]), back, WHAT[chart])
            for (at, signal, back, chart), value in told
        ]
        return sorted(alarms), columns

    def _arguments(self, block: Floats, begin: int) -> tuple[Any, ...]:
        """What the kernel needs."""
        signals, size = block.shape
        most = signals * (size // 2 + 1)  # no chart gets from nothing to the least run length in one value
        columns = np.zeros(size if self.together < NEVER else 0)
        found, reached = np.empty((most, 4), np.int64), np.empty(most)
        given = block, begin, self.limits, np.empty(block.shape), columns, found, reached
        return *given, self.standing, self.arrays, tables()

    def allow(self, lengths: Floats, together: float) -> None:
        self.limits = np.clip(lengths, RUN_LENGTH_MIN, NEVER)
        alone = len(lengths) < 2  # then it would say the same twice
        self.together = NEVER if alone else min(max(together, RUN_LENGTH_MIN), NEVER)

    def restart(self, signals: Sequence[int]) -> None:
        for signal in signals:
            kernel.renew(*self._parts(signal))
            self.standing[signal] = 0.0

    def _parts(self, signal: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """What is kept of a signal's values, and of its charts."""
        own = [array[signal] for array in self.arrays]
        return (*own[:4], own[TALLY]), tuple(own[4:])

    def seed(self, signal: int, values: Floats, weights: Floats) -> None:
        """Begin a signal anew behind a reference: values, and how often each was seen.

        Of more than 256 different values those that cut the reference into equal parts are kept. More than
        32 are taken for points of a sketch, each as good as one value.
        """
        self.restart([signal])
        given, counts = _counts(values, weights)
        if not len(given):
            return
        parts, _ = self._parts(signal)
        kept = np.arange(len(given))
        if len(given) > kernel.STORED:
            middles = np.cumsum(counts) - counts / 2
            wanted = np.searchsorted(middles, (np.arange(kernel.STORED) + 0.5) / kernel.STORED * counts.sum())
            kept = np.unique(np.clip(wanted, 0, len(given) - 1))
            others = np.setdiff1d(np.arange(len(given)), kept)
            kept = np.sort(np.r_[kept, others[: kernel.STORED - len(kept)]])
        parts[0][: len(kept)] = given[kept]
        at = np.searchsorted(given[kept], given)
        exact = np.isin(np.arange(len(given)), kept)
        flat = np.zeros(kernel.SPANS * kernel.SPAN, np.int64)
        np.add.at(flat, 2 * at + exact + 1, counts)
        kernel.spread(parts, np.cumsum(flat).astype(np.int32))
        self.arrays[TALLY][signal, [kernel.HELD, kernel.SEEN]] = len(kept), counts.sum()

    def levels(self) -> Levels:
        tally = self.arrays[TALLY]
        threshold = np.where(tally[:, kernel.STEPS] > 0, self.limits, np.inf)
        return Levels(self.standing.copy(), threshold, tally[:, kernel.TAKEN].copy())

    def state(self) -> dict[str, Any]:
        used = np.flatnonzero(self.arrays[TALLY][:, kernel.SEEN])
        return {
            "limits": self.limits.copy(),
            "together": self.together,
            "used": used,
            "standing": self.standing[used],
            "arrays": [array[used] for array in self.arrays],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.restart(range(len(self.limits)))
        self.limits, self.together = state["limits"].copy(), state["together"]
        self.standing[state["used"]] = state["standing"]
        for array, kept in zip(self.arrays, state["arrays"], strict=True):
            array[state["used"]] = kept


def _counts(values: Floats, weights: Floats) -> tuple[Floats, Ints]:
    """Different values in order, and how often each was seen, in whole numbers."""
    known = ~np.isnan(values) & (weights > 0)
    given, which = np.unique(values[known], return_inverse=True)
    sums = np.bincount(which, weights[known], len(given)).astype(np.float64)
    if len(given) > ATOMS:
        sums /= np.median(sums)
    scale = min(1.0, kernel.COUNTED_MAX / max(float(sums.sum()), 1.0))
    return given, np.maximum(np.rint(sums * scale), 1).astype(np.int64)


def build(signals: int, given: Mapping[str, Any]) -> RankSr:
    """For so many signals; it has no options."""
    read("rank_sr", {}, {}, given)
    return RankSr(signals)


def warm() -> None:
    """Compile the kernels, aside; from then on all detectors run them."""
    kernels, tiny = jit.compile_all(), RankSr(1)
    kernels["walk"](*tiny._arguments(np.zeros((1, 1)), 0))
    jit.compiled.update(kernels)


ENTRY = Entry(build, ("numbers", "shares", "categories"), "proven", {}, together=True, warm=warm)
