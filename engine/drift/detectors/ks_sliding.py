"""What `ks` remembers where the reference slides: the latest values of each signal, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.detectors import ks_kernel, ks_sliding_kernel, ks_sliding_walk
from engine.drift.detectors.ks_sliding_walk import remembered
from engine.drift.detectors.ks_walk import codes_of
from engine.drift.detectors.rows import Rows
from engine.kernels import Kernels

jit = Kernels(ks_kernel, ks_sliding_kernel, instead={"follow_before": ks_sliding_walk.follow_before})


class Sliding:
    """The n values before a window are its reference.

    Parameters
    ----------
    signals
        How many there are.
    windows
        How many of the latest values are compared, ascending.
    n
        Values of a reference.
    """

    def __init__(self, signals: int, windows: Ints, n: int) -> None:
        self.windows, self.n = windows, n
        self.call: Callable[..., Any] = jit.run
        size = n + int(windows[-1])
        self.rows = Rows(
            signals,
            {
                "ring": (np.float64, (size,)),
                "seen": (np.int64, ()),
                "top": (np.int64, (windows.size,)),
                "order": (np.int32, (size,)),
                "ordered": (np.int64, ()),
            },
        )

    def bytes_all(self) -> int:
        """What it takes when every signal has values."""
        return self.rows.bytes_all()

    def known(self) -> Ints:
        """The signals that had values."""
        return self.rows.known()

    def admit(self, signals: Ints) -> None:
        fresh = signals[self.rows.of[signals] < 0]
        self.rows.admit(signals)
        self.forget(fresh)

    def follow(self, block: Floats, signals: Ints, start: Ints, need: Ints) -> None:
        """Go on from `start`, up to the block's end or an alarm."""
        if jit.compiled:
            self.put_in_order(self.rows.of[signals])
        self.call(
            "follow_before", block, signals, start, self.rows.of, need, self.windows, self.n,
            *(self.rows[name] for name in ("ring", "seen", "top", "order", "ordered")),
        )  # fmt: skip

    def put_in_order(self, rows: Ints) -> None:
        """Sort what is remembered, where the last values came while kernels were not compiled."""
        for row in rows[self.rows["ordered"][rows] != self.rows["seen"][rows]]:
            held = self.rows["ring"][row, : self.rows["seen"][row]]
            self.rows["order"][row, : held.size] = np.argsort(held)

    def top(self, signals: Ints) -> Ints:
        """n w times the distance of each window; -1 while it is not full."""
        found: Ints = self.rows["top"][self.rows.of[signals]]
        return found

    def taken(self, signals: Ints) -> Ints:
        """How many values there were."""
        found: Ints = self.rows["seen"][self.rows.of[signals]]
        return found

    def compared(self, signal: int, k: int) -> tuple[Floats, Ints]:
        """The reference of a window, sorted, and the cells of its values in it, the oldest first."""
        row, w = self.rows.of[signal], int(self.windows[k])
        line = remembered(self.rows["ring"][row], int(self.rows["seen"][row]))[-self.n - w :]
        ordered = np.sort(line[: self.n])
        return ordered, codes_of(ordered, line[self.n :])

    def forget(self, signals: Ints) -> None:
        """What comes next is a reference again."""
        rows = self.rows.of[signals]
        self.rows["seen"][rows] = 0
        self.rows["top"][rows] = -1
        self.rows["ordered"][rows] = -1

    def state(self) -> Any:
        known = self.rows.known()
        rows = self.rows.of[known]
        ring, seen = self.rows["ring"][rows], self.rows["seen"][rows]
        held = np.arange(ring.shape[1]) < seen[:, None]
        return [known, seen, self.rows["top"][rows], ring[held]]

    def restore(self, state: Any) -> None:
        known, seen, top, ring = state
        self.rows.clear()
        self.admit(known)
        rows = self.rows.of[known]
        self.rows["seen"][rows], self.rows["top"][rows] = seen, top
        whole = self.rows["ring"]
        held = np.zeros(whole.shape, bool)
        held[rows] = np.arange(whole.shape[1]) < seen[:, None]
        whole[held] = ring
