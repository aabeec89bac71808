"""Events of one batch as those see them who remember by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.features.kernels import NEVER, Flags, Floats, Ints

Column = Sequence[Any]
Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """Columns of events, a slot for the key of each."""

    call: Call  # runs a kernel by its name
    slots: Ints
    fresh: Flags
    times: Ints
    before: Ints  # the newest event time of the same key before, or NEVER
    late: Flags  # 0: not; 1: within limits.lateness_max; 2: later
    numbers: Mapping[str, Floats]  # of the fields that are numbers; NaN where one is missing
    read: Mapping[str, Column]  # of every field

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Span:
    """A window: how long it is, of what kind, and how late an event may be."""

    over: int
    tumbling: bool
    lateness_max: int

    def borders(self, at: Moment) -> tuple[Ints, Ints, Ints]:
        """Of each event: where it is entered, after what its window begins, and what nobody asks for."""
        newest = np.maximum(at.before, at.times)
        if not self.tumbling:
            return at.times, at.times - self.over, newest - (self.over + self.lateness_max)
        places = at.times // self.over * self.over
        return places, places - 1, (newest - self.lateness_max) // self.over * self.over - 1


class Table(Protocol):
    """What remembers something by key, for some features."""

    def reserve(self, slots: int) -> None:
        """Make room for so many slots."""

    def run(self, at: Moment) -> Sequence[Floats | Column]:
        """Enter events; return a column for each feature, with NaN or None where it is missing."""

    def state(self, slots: int) -> list[Any]:
        """A copy of what is remembered of the first so many slots, which are all."""

    def one(self, slot: int) -> list[Any]:
        """The state of a table that has this slot only, which is its first."""

    def restore(self, state: list[Any]) -> None: ...


def gaps(at: Moment) -> tuple[Ints, Flags]:
    """The time between each event and the newest of its key before, 0 if there is none; and who is behind."""
    apart = np.where(at.before == NEVER, 0, at.times - at.before)
    return np.abs(apart), (apart < 0).astype(np.uint8)
