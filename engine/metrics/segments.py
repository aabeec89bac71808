"""Outcomes told apart by fields that the spec names, with a bounded number of values each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.metrics.block import Ints

OTHER = "other"
MISSING = "missing"


def named(value: Any) -> str:
    """How a value is called in a report.

    >>> named(True), named(None), named("NL")
    ('true', 'missing', 'NL')
    """
    if value is None:
        return MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)


class Segments:
    """A seat for each of the first values of each field, and one for all others.

    Parameters
    ----------
    fields
        What they are called.
    most
        How many values of a field have a seat of their own.
    """

    def __init__(self, fields: Sequence[str], most: int) -> None:
        self.fields, self.most = tuple(fields), most
        self.seats: list[dict[str, int]] = [{} for _ in self.fields]

    @property
    def groups(self) -> int:
        return len(self.fields) * (self.most + 1)

    def places(self, rows: Sequence[Sequence[Any]]) -> Ints:
        """The group of each value, a column a field; new values take what seats are free."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.fields)
        found = [self._column(i, column) for i, column in enumerate(columns)]
        return np.array(found, np.int64).reshape(len(self.fields), len(rows)).T

    def _column(self, field: int, values: Sequence[Any]) -> list[int]:
        seats, base = self.seats[field], field * (self.most + 1)
        names = [named(value) for value in values]
        for name in dict.fromkeys(names):
            if len(seats) == self.most:
                break
            seats.setdefault(name, len(seats))
        get, other = seats.get, self.most
        return [base + get(name, other) for name in names]

    def known(self) -> list[tuple[str, int]]:
        """Each segment's name and group; `other` where a field has run out of seats."""
        found = []
        for i, (field, seats) in enumerate(zip(self.fields, self.seats, strict=True)):
            base = i * (self.most + 1)
            found += [(f"{field}={name}", base + seat) for name, seat in seats.items()]
            if len(seats) == self.most:
                found.append((f"{field}={OTHER}", base + self.most))
        return found
