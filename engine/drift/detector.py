"""What a detector is.

A detector watches some signals at once, each for itself. It is handed blocks: a row for each signal, a
column for each record, NaN where a record says nothing about a signal. What it finds must not depend on
how the records are cut into blocks.

Each signal may raise one false alarm in so many values: its run length. What a detector does to hold that
is its own affair, and `Entry.guarantee` says what the promise rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOGETHER = -1  # stands for all signals of a detector, where a signal is named by its row
RUN_LENGTH_MIN = 100.0


class Alarm(NamedTuple):
    """A signal is not what it was."""

    at: int  # which column of the block
    signal: int  # which row, or TOGETHER
    statistic: float
    threshold: float
    back: int  # how many values of the signal ago the change began, this one included; 0 if nobody knows
    what: str  # what moved, as far as the detector can tell: "up", "down", "scale", "shape", ... or ""
    rows: tuple[int, ...] = ()  # of TOGETHER: the signals in which it is, as far as the detector can tell


class Levels(NamedTuple):
    """Where each signal stands: arrays, one entry a signal."""

    statistic: Floats
    threshold: Floats  # infinite while the detector is not ready to judge
    taken: Ints  # values since the detector began or began anew


class Detector(Protocol):
    """Watches signals. Behind an alarm the signal that raised it begins anew, with the next value."""

    def update(self, block: Floats) -> list[Alarm]:
        """Take a block; what is found, by column and then by signal.

        `block` has the shape (signals, records) and lies row by row in memory. It is only read. Infinite
        values are allowed and are the largest, or smallest, of all.
        """

    def allow(self, lengths: Floats, together: float) -> None:
        """From here on, so many values may pass between two false alarms of each signal.

        `together` is the run length, in records, of TOGETHER; infinite: nobody wants it. A detector
        that cannot speak for all signals at once ignores it.
        """

    def restart(self, signals: Sequence[int]) -> None:
        """Forget what these signals were: what comes is what they are to be compared with."""

    def levels(self) -> Levels: ...

    def state(self) -> Any:
        """What it knows, as plain values and arrays that don't change any more."""

    def restore(self, state: Any) -> None:
        """The inverse, in a detector that was built with the same arguments."""


@runtime_checkable
class Seeded(Protocol):
    """A detector that can begin with what a signal was before."""

    def seed(self, signal: int, values: Floats, weights: Floats) -> None:
        """Begin a signal anew behind these values, each seen so often."""


def nothing() -> None:
    """What there is to compile where there are no kernels."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of detectors."""

    build: Callable[[int, Mapping[str, Any]], Detector]
    """Takes how many signals there are, and the options that the spec gives; raises SpecError if these are
    wrong."""
    takes: tuple[str, ...]
    """The kinds of signals that it is for: numbers, shares (of zeros and ones), categories."""
    guarantee: str
    """What holds the run length: proven, tabulated, simulated, or none."""
    options: Mapping[str, Any]
    """The names of its options with their defaults."""
    together: bool = False
    """Whether it can speak for all its signals at once."""
    each: bool = True
    """Whether it watches each of its signals for itself. If not, all that it finds is of TOGETHER, and it is
    given records as they are."""
    warm: Callable[[], None] = nothing
    """Compiles its kernels, where it has some, and lets all detectors of its kind run them."""
