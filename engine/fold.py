"""Events to feature rows. Today a row is the event's own fields; windows over time will be folded in here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decode import Events

Features = dict[str, Any]


@dataclass
class Rows:
    """Feature rows as columns by name: dicts for models that take one event, a matrix for kernels."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def dicts(self) -> Iterator[Features]:
        """One dict a row, without the features that are missing.

        >>> list(Rows(("a", "b"), [(1.0, 2.0), (3.0, None)]).dicts())
        [{'a': 1.0, 'b': 2.0}, {'a': 3.0}]
        """
        names = self.names
        for row in self.rows:
            x = dict(zip(names, row, strict=True))
            yield {k: v for k, v in x.items() if v is not None} if None in row else x

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The numbers, one row an event, NaN where one is missing."""
        return np.array(self.rows, np.float64)


class Fold:
    """Makes the feature rows of one shard."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def rows(self, events: Events) -> Rows:
        return Rows(self.names, events.rows)
