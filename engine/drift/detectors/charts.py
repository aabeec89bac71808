"""Control charts as detectors: a statistic moves with each value, and is an alarm at a threshold.

The first values of a signal are its reference. When there are enough, and not all of them are the same, the
threshold is found by simulation on them (`bootstrap.py`), and the chart begins; some charts take the
reference as their first values. The chart's own knob, River's `delta` or `threshold`, is that threshold.

A simulation takes a while, so two signals are never calibrated within `PACE` records. Values that come
while a signal waits for its turn are passed over.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.drift.dependence import estimate
from engine.drift.detector import Alarm, Floats, Levels
from engine.drift.detectors import adwin_kernel, charts_kernel, charts_numpy
from engine.drift.detectors.bootstrap import PATHS, PIECES, Tail, drawn, tail
from engine.drift.detectors.charts_kernel import SINCE, STATISTIC, TAKEN, WAY
from engine.drift.detectors.held import Held, deviations, tamed
from engine.kernels import Kernels

jit = Kernels(adwin_kernel, charts_kernel, instead={"tops": charts_numpy.tops, "walk": charts_numpy.walk})
PACE = 32  # records between two signals that are calibrated
REFERENCE_MAX = 4_000  # values; of a longer reference the first
NEVER = np.iinfo(np.int64).max
UNASKED = 100_000.0  # values between two false alarms, until somebody says how many
SEED = 5
MEMORY = 1.5  # a longer correlation time than that is simulated, too; a shorter one may be chance
WAYS = {1.0: "up", -1.0: "down", 0.0: ""}


@dataclass(frozen=True)
class Chart:
    """What a kind of chart needs."""

    number: int
    """By which its kernel knows it."""
    options: Floats
    reals: int
    """How many numbers its state has."""
    clip: float | None
    """How many deviations a value may be off the mean; None: it is a share, from 0 to 1."""
    primed: bool
    """It takes the reference as its first values."""
    stretch: int = 2048
    """How many values a simulated stretch has."""

    @property
    def bounds(self) -> tuple[float, float]:
        return (0.0, 1.0) if self.clip is None else (-self.clip, self.clip)


@dataclass(slots=True)
class Running:
    """A signal whose reference is known."""

    mean: float
    scale: float
    tail: Tail
    state: Floats


class Charts:
    """A chart for each signal.

    Parameters
    ----------
    signals
        How many.
    chart
        Of which kind.
    reference
        How many values say what is normal.

    Examples
    --------
    >>> from engine.drift.detectors.cusum import build
    >>> charts = build(1, {"reference": 200})
    >>> rng = np.random.default_rng(1)
    >>> found = charts.update(np.r_[rng.normal(0, 1, 1000), rng.normal(2, 1, 50)][None])
    >>> [(alarm.at, alarm.back, alarm.what) for alarm in found]
    [(1007, 8, 'up')]
    """

    def __init__(self, signals: int, chart: Chart, reference: int) -> None:
        self.chart, self.reference = chart, min(reference, REFERENCE_MAX)
        self.lengths = np.full(signals, UNASKED)
        self.thresholds = np.full(signals, np.inf)
        self.taken = np.zeros(signals, np.int64)  # until a signal runs; then its chart counts
        self.due = np.full(signals, NEVER)  # at which record a signal is calibrated
        self.held: dict[int, Held] = {}
        self.running: dict[int, Running] = {}
        self.records, self.last = 0, -PACE

    # -- taking ----------------------------------------------------------------------------------------

    def update(self, block: Floats) -> list[Alarm]:
        size, found = block.shape[1], list[Alarm]()
        full: list[tuple[int, int]] = []  # at which column the reference of which signal is
        there = (block == block).any(axis=1) | (self.due < self.records + size)
        for signal in np.flatnonzero(there).tolist():
            self._take(block[signal], signal, 0, found, full)
        heapq.heapify(full)
        while (
            full
        ):  # each comes behind those before, so the order in which they are calibrated is the stream's
            column, signal = heapq.heappop(full)
            self.last = self.due[signal] = max(self.records + column, self.last + PACE)
            self._take(block[signal], signal, column + 1, found, full)
        self.records += size
        return sorted(found, key=lambda alarm: (alarm.at, alarm.signal))

    def _take(
        self, row: Floats, signal: int, start: int, found: list[Alarm], full: list[tuple[int, int]]
    ) -> None:
        """Take a signal's values from `start` on, up to where its reference is full."""
        while start <= row.size:
            if signal in self.running:
                start = self._run(row, signal, start, found)
            elif self.due[signal] != NEVER:
                start = self._wait(row, signal, start)
            else:
                held = self.held.setdefault(signal, Held(self.reference))
                column = held.take(row, start)
                self.taken[signal] += np.count_nonzero(row[start : column + 1] == row[start : column + 1])
                if column < row.size:
                    full.append((column, signal))
                return

    def _run(self, row: Floats, signal: int, start: int, found: list[Alarm]) -> int:
        """Let its chart run up to an alarm; where to go on."""
        chart, it, threshold = self.chart, self.running[signal], float(self.thresholds[signal])
        fixed = chart.number, chart.options, *chart.bounds, it.mean, it.scale
        at = int(jit.run("walk", *fixed, row, start, it.state, threshold))
        if at < row.size:
            statistic, way, since = (float(it.state[i]) for i in (STATISTIC, WAY, SINCE))
            found.append(Alarm(at, signal, statistic, threshold, int(since), WAYS[way]))
            self.restart([signal])
        return at + 1

    def _wait(self, row: Floats, signal: int, start: int) -> int:
        """Pass over values up to the record at which it is calibrated; where to go on."""
        at = int(self.due[signal]) - self.records
        self.taken[signal] += np.count_nonzero(row[start : at + 1] == row[start : at + 1])
        if at < row.size:
            self._calibrate(signal)
        return at + 1

    # -- calibrating -----------------------------------------------------------------------------------

    def _calibrate(self, signal: int) -> None:
        """Find the threshold of a signal, and let its chart begin."""
        chart, values = self.chart, tamed(self.held.pop(signal).values)
        low, high = chart.bounds
        mean, scale = (0.0, 1.0) if chart.clip is None else deviations(values)
        state = np.zeros(chart.reals)
        fixed = chart.number, chart.options, low, high
        if chart.primed:
            jit.run("walk", *fixed, mean, scale, values, 0, state, np.inf)
            state[STATISTIC] = 0.0
        state[TAKEN] = self.taken[signal]
        self.running[signal] = Running(mean, scale, self._simulate(signal, values), state)
        self.due[signal] = NEVER
        self._set(signal)

    def _simulate(self, signal: int, values: Floats) -> Tail:
        chart, size = self.chart, values.size
        memory, rng = estimate(values), np.random.default_rng([SEED, signal])
        block = min(memory.size, size // 4) if memory.tau > MEMORY else 1
        rows = drawn(values, PATHS, size + chart.stretch, block, rng)
        means, scales = np.zeros(PATHS), np.ones(PATHS)
        if chart.clip is not None:
            means, scales = deviations(rows[:, :size])
        tops, primed = np.zeros((PATHS, PIECES)), size if chart.primed else 0
        fixed = chart.number, chart.options, *chart.bounds
        rows = np.ascontiguousarray(rows[:, size - primed :])
        jit.run("tops", *fixed, means, scales, rows, primed, np.zeros(chart.reals), tops)
        return tail(tops, chart.stretch // PIECES)

    # -- what others ask -------------------------------------------------------------------------------

    def allow(self, lengths: Floats, together: float) -> None:
        changed = np.flatnonzero(lengths != self.lengths).tolist()
        self.lengths = lengths.copy()
        for signal in changed:
            self._set(signal)

    def _set(self, signal: int) -> None:
        if signal in self.running:
            self.thresholds[signal] = self.running[signal].tail.threshold(float(self.lengths[signal]))

    def restart(self, signals: Sequence[int]) -> None:
        for signal in signals:
            self.held.pop(signal, None)
            self.running.pop(signal, None)
            self.thresholds[signal], self.taken[signal], self.due[signal] = np.inf, 0, NEVER

    def levels(self) -> Levels:
        statistic, taken = np.zeros(self.taken.size), self.taken.copy()
        for signal, it in self.running.items():
            statistic[signal], taken[signal] = it.state[STATISTIC], it.state[TAKEN]
        return Levels(statistic, self.thresholds.copy(), taken)

    def rests(self, signal: int) -> list[str]:
        """What the run length of a signal rests on, for people."""
        it = self.running.get(signal)
        if it is None or self.lengths[signal] <= it.tail.seen:
            return []
        return [f"run lengths beyond {it.tail.seen:,.0f} values are extrapolated from shorter ones"]

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        running = {
            signal: [it.mean, it.scale, *it.tail, it.state.copy()]
            for signal, it in sorted(self.running.items())
        }
        held = {signal: held.values.copy() for signal, held in sorted(self.held.items())}
        taken = np.where([signal in self.running for signal in range(self.taken.size)], 0, self.taken)
        return {
            "records": [self.records, int(self.last)],
            "due": self.due.copy(),
            "taken": taken,
            "held": held,
            "running": running,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.records, self.last = state["records"]
        self.due, self.taken = state["due"].copy(), state["taken"].copy()
        self.held = {signal: Held(self.reference, values) for signal, values in state["held"].items()}
        self.running = {
            signal: Running(mean, scale, Tail(*found), row.copy())
            for signal, (mean, scale, *found, row) in state["running"].items()
        }
        self.thresholds[:] = np.inf
        for signal in self.running:
            self._set(signal)


def warm() -> None:
    """Compile the kernels, aside; from then on all charts run them."""
    kernels = jit.compile_all()
    o, state, some = np.ones(4), np.zeros(adwin_kernel.REALS), np.zeros(1)
    block = np.zeros((1, 2))
    block.flags.writeable = False  # as some of the walk's are
    for row in (block[0], np.zeros(2)):
        kernels["walk"](0, o, -1.0, 1.0, 0.0, 1.0, row, 0, state, np.inf)
    kernels["tops"](0, o, -1.0, 1.0, some, some + 1.0, np.zeros((1, 2)), 0, state, np.zeros((1, 1)))
    jit.compiled.update(kernels)
