"""Signals that come and go with the day or the week: like is compared with like.

The period is cut into slots, five minutes of a day or half an hour of a week, and each slot into five bins
of event time. The mean of a bin's values is ranked among the latest of its slot, those of earlier periods:
that rank, from 0 to 1, is what detectors see. It is uniform at every hour, whatever level, spread and shape
the hour has; equal values are ranked at random, by a generator that is part of the state. What it tells
comes when the bin is over. Ranks remember what values do, so they are held and put together behind this as
any values are (`prepare.py`).

A slot is a function of the event's own time, so late events find theirs; an event of another bin than the
one before closes that bin, and a shard whose events jump to and fro by more than a bin is seen in smaller
portions. A slot tells nothing until it has values of three earlier periods.

Behind an alarm days are not what they were, and while the new ones take the place of the old ones a change
would be found each day anew. So at the next turn a signal that moved forgets its season (`Panel.turn`), and
is quiet until it has seen three periods again.

Categories have no season here: a mean of them means nothing, so they go on as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from engine.drift import season_kernel
from engine.drift.detector import Floats, Ints
from engine.drift.season_kernel import PASSES_MIN, PRIME, VALUES_MIN
from engine.drift.signals import Kind, Signal
from engine.duration import DAY_MS
from engine.kernels import Kernels

jit = Kernels(season_kernel)

SLOTS, SLOTS_LONG = 288, 336  # of a period; of one longer than a day
A_SLOT = 5  # bins
DEPTH, DEPTH_MIN = 64, 16  # values that a slot remembers, and how few where there are very many signals
BYTES_MAX = 1 << 28  # for all of them


class Season:
    """Compares values with those of the same time of earlier periods.

    Parameters
    ----------
    signals
        What is watched, by row.
    period_ms
        How long until the same comes again.

    Examples
    --------
    >>> season = Season([Signal(Kind.VALUE, "amount")], 86_400_000)
    >>> hours = np.arange(0, 30 * 24)
    >>> block = (hours % 24).astype(float)[None]
    >>> season.apply(block, hours * 3_600_000)
    >>> bool(np.isnan(block[0, : 8 * 24]).all()), bool(np.isnan(block[0, 9 * 24 :]).any())
    (True, False)
    """

    def __init__(self, signals: Sequence[Signal], period_ms: int) -> None:
        self.period_ms = period_ms
        self.rows = np.array([i for i, each in enumerate(signals) if not each.categories], np.int64)
        count, slots = len(self.rows), SLOTS_LONG if period_ms > DAY_MS else SLOTS
        depth = min(max(BYTES_MAX // (8 * slots * max(count, 1)), DEPTH_MIN), DEPTH)
        self.rings, self.slots = np.zeros((count, slots, depth)), np.zeros((count, slots, 3), np.int64)
        self.open, self.sums = np.zeros((count, 3), np.int64), np.zeros(count)
        self.open[:, 2] = 1 + self.rows * 7_919 % (PRIME - 1)

    def apply(self, block: Floats, times: Ints) -> None:
        """Compare the values of a block, in place."""
        jit.run(
            "compare",
            block,
            times,
            self.rows,
            self.period_ms,
            A_SLOT,
            self.rings,
            self.slots,
            self.open,
            self.sums,
        )

    def restart(self, rows: Iterable[int]) -> None:
        """What these signals were is forgotten."""
        here = np.isin(self.rows, list(rows))
        self.slots[here], self.open[here, 1], self.sums[here] = 0, 0, 0.0

    def ready(self) -> Floats:
        """By signal with a season: which share of the slots that it was seen in has enough values, today's
        included."""
        seen = self.slots[:, :, 0]
        enough = (np.minimum(seen, self.rings.shape[2]) >= VALUES_MIN) & (self.slots[:, :, 2] >= PASSES_MIN)
        return np.asarray(enough.sum(axis=1) / np.maximum((seen > 0).sum(axis=1), 1))

    def state(self) -> list[Any]:
        some = self.slots[:, :, 0].nonzero()
        rings = self.rings[some].copy()
        rings[np.arange(rings.shape[1]) >= self.slots[some][:, :1]] = 0.0  # left from before a restart
        return [self.open.copy(), self.sums.copy(), *some, self.slots[some], rings]

    def restore(self, state: list[Any]) -> None:
        self.open, self.sums = state[0].copy(), state[1].copy()
        self.slots[:] = 0
        self.slots[state[2], state[3]], self.rings[state[2], state[3]] = state[4], state[5]


def warm() -> None:
    """Compile the kernel, aside; from then on everybody runs it."""
    kernels, season = jit.compile_all(), Season([Signal(Kind.VALUE, "warm")], DAY_MS)
    season.rings = season.rings[:, :, :DEPTH_MIN].copy()
    kernels["compare"](
        np.zeros((1, 2)),
        np.zeros(2, np.int64),
        season.rows,
        DAY_MS,
        A_SLOT,
        season.rings,
        season.slots,
        season.open,
        season.sums,
    )
    jit.compiled.update(kernels)
