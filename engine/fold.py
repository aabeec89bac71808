"""Events to feature rows. Today a row is the event's own fields; windows over time will be folded in here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from engine.columns import Events
from engine.spec import Spec

Features = dict[str, Any]


@dataclass
class Rows:
    """Feature rows as columns by name: dicts for models that take one event."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    complete: bool = False  # no value can be missing

    def dicts(self) -> Iterable[Features]:
        """One dict a row, without the features that are missing.

        >>> list(Rows(("a", "b"), [(1.0, 2.0), (3.0, None)]).dicts())
        [{'a': 1.0, 'b': 2.0}, {'a': 3.0}]
        """
        names = self.names
        if self.complete:
            return map(dict, map(zip, repeat(names), self.rows))
        pairs = (zip(names, row, strict=True) for row in self.rows)
        return ({name: value for name, value in pair if value is not None} for pair in pairs)


class Fold:
    """Makes the feature rows of one shard."""

    def __init__(self, spec: Spec) -> None:
        self.names = spec.feature_names
        fields = [spec.events.fields[name] for name in self.names]
        self.complete = all(field.required or field.default is not None for field in fields)

    def rows(self, events: Events) -> Rows:
        return self.again(events.rows)

    def again(self, rows: Sequence[tuple[Any, ...]]) -> Rows:
        """Rows that were folded before and are remembered."""
        return Rows(self.names, rows, self.complete)
