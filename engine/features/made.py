"""What is made of an event's own values: each function takes columns, and gives one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zlib import crc32

from engine.features.moment import Column
from engine.specfeatures import Feature

JOINT = " & "  # between the parts of a cross


def ratio(feature: Feature, of: Sequence[Column]) -> Column:
    """The first over the second; missing if the second is 0."""
    return finite(a / b if a is not None and b else None for a, b in zip(*of, strict=True))


def product(feature: Feature, of: Sequence[Column]) -> Column:
    """All of them, one times the other."""
    rows = zip(*of, strict=True)
    return finite(None if None in row else math.prod(map(float, row)) for row in rows)


def cross(feature: Feature, of: Sequence[Column]) -> Column:
    """One category for each combination."""
    rows = zip(*of, strict=True)
    return [None if None in row else JOINT.join(map(str, row)) for row in rows]


def hash_(feature: Feature, of: Sequence[Column]) -> Column:
    """One of so many categories, the same for the same value; some values share one."""
    into = feature.into or 1
    return [None if value is None else f"h{crc32(str(value).encode()) % into}" for value in of[0]]


MADE: dict[str, Callable[[Feature, Sequence[Column]], Column]] = {
    "ratio": ratio,
    "product": product,
    "cross": cross,
    "hash": hash_,
}


def finite(values: Iterable[float | None]) -> Column:
    """None for what is beyond all numbers."""
    return [None if value is None or not math.isfinite(value) else value for value in values]


class Fill:
    """Puts something where a value is missing: what was there last, the mean so far, or a constant."""

    def __init__(self, feature: Feature) -> None:
        self.value = feature.value
        self.count, self.mean, self.last = 0, 0.0, None

    def run(self, of: Sequence[Column]) -> Column:
        """The column without gaps; before the first value `mean` and `last` have nothing to put there."""
        if self.value not in ("mean", "last"):
            return [self.value if value is None else value for value in of[0]]
        by_mean, found = self.value == "mean", list[Any]()
        for value in of[0]:
            if value is None:
                found.append(self.last if not by_mean else self.mean if self.count else None)
                continue
            found.append(value)
            if by_mean:
                self.count += 1
                self.mean += (value - self.mean) / self.count
            else:
                self.last = value
        return found

    def state(self) -> list[Any]:
        return [self.count, self.mean, self.last]

    def restore(self, state: list[Any]) -> None:
        self.count, self.mean, self.last = state
