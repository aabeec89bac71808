"""What a compiled form is: the contract between a River object, its arrays and the chain that runs it.

The chain (`twin.py`) calls, for each block: `reserve`, `mark` and `run` of every transformer in order, then
`reserve`, `labels` and `run` of the model. If the model stops before the end of the block, Python must take
the event at which it stopped: every transformer is sent back to its mark and runs again up to there, all
steps write their state back, River takes that one event, and the steps are made anew from River's objects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from engine.models.compiled.block import Answers, Block, Floats, Names
from engine.models.compiled.encode import EXACT

NUMBERS = {bool, int, float, type(None)}


class Unsupported(Exception):
    """A River object has no compiled form; the message says which part of it, and why."""


class Step(ABC):
    """One step of a pipeline with its state in arrays.

    Parameters
    ----------
    part
        The River object whose state it takes, and into which `write_back` puts it.
    names
        The names of features that all steps of a chain share.
    """

    final: ClassVar[bool]
    takes_texts: ClassVar[bool] = False  # else an event with texts at this step is River's

    def __init__(self, part: Any, names: Names) -> None:
        self.part, self.names = part, names
        self.check(part)
        self.load()

    def check(self, part: Any) -> None:  # noqa: B027 - most have nothing to refuse
        """Raise Unsupported if the object's parameters have no compiled form."""

    @abstractmethod
    def load(self) -> None:
        """Take the state of the River object."""

    def reserve(self) -> None:  # noqa: B027 - nor anything by feature
        """Make room for `len(self.names)` features."""

    def warm(self) -> None:  # noqa: B027 - one run compiles what most have
        """Compile kernels that a first run of two events does not come to; the state may be spoilt."""

    @abstractmethod
    def write_back(self) -> None:
        """Put the state into the River object, as if River had done all the work: to the bit, and with
        every dict in River's order. What was taken goes on to be used."""


class Transformer(Step):
    """A step that makes other rows. Names in `state` are its arrays, for `mark` and `rewind`."""

    final = False
    state: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def run(self, block: Block) -> Block:
        """Transform both rows of each operation, and learn where it learns.

        The result may be shorter than the block: Python then takes the first event that is missing.
        """

    def mark(self) -> None:
        """Remember the state, until the next call."""
        self._marked = [getattr(self, name).copy() for name in self.state]

    def rewind(self) -> None:
        """Go back to the state that was remembered."""
        for name, array in zip(self.state, self._marked, strict=True):
            setattr(self, name, array)


class Model(Step):
    """The last step: predicts, and learns."""

    final = True
    supervised: ClassVar[bool] = True  # learns from labels
    weighs: ClassVar[bool] = False  # takes weights of lessons; else such a lesson is River's
    weights: Floats | None = None  # of the block that runs, 1 where there is none
    alone: bool = True  # whether no transformer comes before it

    @abstractmethod
    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        """Predict and learn in order; return the answers, and how many operations were done.

        Fewer than there are: Python must take the next one, which has changed nothing here. That is
        where River would raise, and where a prediction or a learned value isn't finite.
        """

    def labels(self, values: Sequence[Any]) -> Floats:
        """Labels as numbers; NaN where there is none, and where only Python can take it.

        This one is for numbers, true and false.
        """
        return numbers(values)


def exact(*values: float) -> None:
    """Raise Unsupported where a state holds an integer that no float holds.

    An event with one is River's, and some of River's objects keep it as it was.

    >>> exact(1.5, 2**60)
    Traceback (most recent call last):
    ...
    engine.models.compiled.step.Unsupported: the integer 1152921504606846976 in the state is no float
    """
    for value in values:
        if type(value) is int and not -EXACT <= value <= EXACT:
            raise Unsupported(f"the integer {value} in the state is no float")


def numbers(values: Sequence[Any]) -> Floats:
    """Numbers, true, false and None as floats; NaN for None and for anything else.

    >>> numbers([True, 2, None, "3", 10**400])
    array([ 1.,  2., nan, nan, nan])
    """
    if set(map(type, values)) <= NUMBERS:
        try:
            return np.array(values, np.float64)
        except OverflowError:
            pass
    return np.array([_number(value) for value in values], np.float64)


def _number(value: Any) -> float:
    if type(value) in NUMBERS and value is not None:
        try:
            return float(value)
        except OverflowError:
            pass
    return np.nan
