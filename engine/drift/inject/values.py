"""What a field was before a change, and what a change makes of one value.

Strengths are in units of the field's own spread, as it was before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

from engine.drift.inject.plan import Change
from engine.specparts import FieldSpec, Kind

KNOWN_MAX = 1_000
"""Different values of a field that are remembered, the first ones."""


class Known:
    """What a field was before.

    >>> known = Known()
    >>> for value in (1.0, 2.0, 3.0, "a", None): known.see(value)
    >>> known.mean, known.spread, known.words
    (2.0, 1.0, ['a'])
    """

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.values: dict[Any, None] = {}  # the different ones, in their order
        self.words: list[str] = []  # those that are texts

    def see(self, value: Any) -> None:
        number = as_number(value)
        if number is not None:
            self.count += 1
            gap = number - self.mean
            self.mean += gap / self.count
            self.squares += gap * (number - self.mean)
        if isinstance(value, (str, bool, int, float)) and value not in self.values:
            self._remember(value)

    def _remember(self, value: Any) -> None:
        if len(self.values) < KNOWN_MAX:
            self.values[value] = None
            if isinstance(value, str):
                self.words.append(value)

    @property
    def spread(self) -> float:
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0


class Cell(NamedTuple):
    """Where a value lies in an event, and what it was before."""

    name: str
    path: tuple[str, ...]
    field: FieldSpec | None  # None: the label
    known: Known

    def read(self, row: Any) -> Any:
        for part in self.path:
            row = row.get(part) if isinstance(row, dict) else None
        return msgspec.json.decode(row) if isinstance(row, msgspec.Raw) else row

    def write(self, row: dict[str, Any], value: Any) -> None:
        """Put a value in, or take it out: None is missing."""
        for part in self.path[:-1]:
            inner = row.setdefault(part, {})
            if not isinstance(inner, dict):
                return
            row = inner
        if value is None:
            row.pop(self.path[-1], None)
        else:
            row[self.path[-1]] = value


def as_number(value: Any) -> float | None:
    """
    >>> as_number(2), as_number(True), as_number("2")
    (2.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def within(value: float, field: FieldSpec) -> float:
    """A number as its field takes it, so that a change is no dead letter."""
    low = -math.inf if field.min is None else field.min
    high = math.inf if field.max is None else field.max
    value = min(max(value, low), high)
    return round(value) if field.type is Kind.INTEGER else value


# -- what is done to one value -----------------------------------------------------------------------------


def moved(value: float, known: Known, change: Change, weight: float, rng: Random) -> float:
    return value + change.power * weight * known.spread


def widened(value: float, known: Known, change: Change, weight: float, rng: Random) -> float:
    return known.mean + (value - known.mean) * (1 + (change.power - 1) * weight)


def reshaped(value: float, known: Known, change: Change, weight: float, rng: Random) -> float:
    """Part of it stays, the rest is drawn anew, so that mean and spread are what they were."""
    part = change.power * weight
    drawn = rng.choice((-1.0, 1.0)) if change.into == "bimodal" else rng.expovariate(1.0) - 1
    own = math.sqrt(1 - part * part) * (value - known.mean) / known.spread
    return known.mean + known.spread * (own + part * drawn)


NUMBERS: Mapping[str, Callable[[float, Known, Change, float, Random], float]] = {
    "mean": moved,
    "spread": widened,
    "shape": reshaped,
}


def another(value: Any, known: Sequence[Any], rng: Random) -> Any:
    """A category that is not this one; the same if there is no other."""
    others = [each for each in known if each != value]
    return rng.choice(others) if others else value
