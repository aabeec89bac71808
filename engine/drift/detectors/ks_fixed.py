"""What `ks` remembers where the reference stays: sorted values, the cells of the latest ones, and walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.detectors import ks_kernel, ks_walk
from engine.drift.detectors.rows import Rows
from engine.kernels import Kernels

jit = Kernels(ks_kernel, instead={"follow": ks_walk.follow})
GATHERED, SEEN = 0, 1


class Fixed:
    """The n values that come first are the reference of every window.

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
        self.windows, self.n, kinds = windows, n, windows.size
        self.call: Callable[..., Any] = jit.run
        cells, size = ks_walk.cells_of(n), int(windows[-1])
        blocks = cells // ks_kernel.BLOCK
        self.rows = Rows(
            signals,
            {
                "reference": (np.float64, (n,)),
                "ring": (np.uint16, (size,)),
                "counts": (np.int64, (2,)),
                "top": (np.int64, (kinds,)),
                "planted": (np.int64, ()),
            },
        )
        self.walks = Rows(
            signals, {"walks": (np.int32, (kinds, cells)), "tables": (np.int32, (kinds, 3, blocks))}
        )

    def bytes_all(self) -> int:
        """What it takes when every signal has values."""
        return self.rows.bytes_all() + self.walks.bytes_all()

    def known(self) -> Ints:
        """The signals that had values."""
        return self.rows.known()

    def admit(self, signals: Ints) -> None:
        fresh = signals[self.rows.of[signals] < 0]
        self.rows.admit(signals)
        self.forget(fresh)

    def follow(self, block: Floats, signals: Ints, start: Ints, need: Ints) -> None:
        """Go on from `start`, up to the block's end, an alarm, or the end of a reference."""
        self.call(
            "follow", block, signals, start, self.rows.of, need, self.windows,
            *(self.rows[name] for name in ("reference", "ring", "counts", "top", "planted")),
            self.walks["walks"], self.walks["tables"],
        )  # fmt: skip
        rows = self.rows.of[signals]
        full = (self.rows["counts"][rows, GATHERED] == self.n) & (self.rows["planted"][rows] < 0)
        for signal in signals[full].tolist():
            reference = self.rows["reference"][self.rows.of[signal]]
            reference[:] = np.sort(reference) + 0.0  # no minus zero
            self.plant(signal)

    def seed(self, signal: int, values: Floats) -> None:
        """Begin a signal with so many sorted values as its reference."""
        self.admit(np.array([signal]))
        row = self.rows.of[signal]
        self.rows["reference"][row] = values + 0.0
        self.rows["counts"][row, GATHERED] = self.n
        self.plant(signal)

    def plant(self, signal: int) -> None:
        """Make the walks of a signal."""
        row = self.rows.of[signal]
        self.walks.admit(np.array([signal]))
        place = self.rows["planted"][row] = self.walks.of[signal]
        walks, tables = self.walks["walks"][place], self.walks["tables"][place]
        ordered, codes = self.latest(signal)
        for k, w in enumerate(self.windows):
            ks_walk.plant(walks[k], tables[k], ordered, codes[-w:], w)

    def top(self, signals: Ints) -> Ints:
        """n w times the distance of each window; -1 while it is not full."""
        found: Ints = self.rows["top"][self.rows.of[signals]]
        return found

    def taken(self, signals: Ints) -> Ints:
        """How many values there were."""
        found: Ints = self.rows["counts"][self.rows.of[signals]].sum(axis=1)
        return found

    def latest(self, signal: int) -> tuple[Floats, Ints]:
        """The reference, sorted, and the cells of the latest values, the oldest first."""
        row = self.rows.of[signal]
        seen, ring = int(self.rows["counts"][row, SEEN]), self.rows["ring"][row]
        order = np.arange(max(seen - ring.size, 0), seen) % ring.size
        return self.rows["reference"][row], ring[order].astype(np.int64)

    def compared(self, signal: int, k: int) -> tuple[Floats, Ints]:
        """The reference of a window, sorted, and the cells of the latest values, in which it lies."""
        return self.latest(signal)

    def forget(self, signals: Ints) -> None:
        """What comes next is a reference again."""
        rows = self.rows.of[signals]
        self.rows["counts"][rows] = 0
        self.rows["top"][rows] = -1
        self.rows["planted"][rows] = -1

    def state(self) -> Any:
        known = self.rows.known()
        rows = self.rows.of[known]
        counts = self.rows["counts"][rows]
        held = np.arange(self.n) < counts[:, [GATHERED]]
        rung = np.arange(self.windows[-1]) < counts[:, [SEEN]]
        reference, ring = self.rows["reference"][rows], self.rows["ring"][rows]
        return [known, counts, self.rows["top"][rows], reference[held], ring[rung]]

    def restore(self, state: Any) -> None:
        known, counts, top, reference, ring = state
        self.rows.clear()
        self.walks.clear()
        self.admit(known)
        rows = self.rows.of[known]
        self.rows["counts"][rows], self.rows["top"][rows] = counts, top
        for name, column, flat in (("reference", GATHERED, reference), ("ring", SEEN, ring)):
            whole = self.rows[name]
            inside = np.zeros(whole.shape, bool)
            inside[rows] = np.arange(whole.shape[1]) < counts[:, [column]]
            whole[inside] = flat
        for signal in known[counts[:, GATHERED] == self.n].tolist():
            self.plant(signal)
