"""Events to feature rows: the event's own fields, and what `engine/features` makes of it and those before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.categories import Categories
from engine.columns import Events
from engine.errors import SpecError
from engine.features import Made
from engine.joined import Settlements
from engine.spec import Spec
from engine.specfeatures import Feature
from engine.specparts import Kind

Features = dict[str, Any]


@dataclass
class Rows:
    """Feature rows as columns by name: dicts for models that take one event."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    complete: bool = False  # no value can be missing
    floats: bool = False  # every value that is there is a float
    _flat: npt.NDArray[np.float64] | None = field(default=None, init=False, repr=False, compare=False)

    def flat(self) -> npt.NDArray[np.float64] | None:
        """All values, row by row, where each is there and a float; made once, not to be written to.

        >>> Rows(("a", "b"), [(1.0, 2.0), (3.0, 4.0)], complete=True, floats=True).flat()
        array([1., 2., 3., 4.])
        """
        if self._flat is None and self.floats and self.complete:
            size = len(self.rows) * len(self.names)
            self._flat = np.fromiter(chain.from_iterable(self.rows), np.float64, size)
        return self._flat

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
    """Makes the feature rows of one shard.

    Parameters
    ----------
    spec
        The pipeline's spec. If all its features are fields, an event's row is taken as it is.
    labels
        What a label is: boolean, category or number.
    """

    def __init__(self, spec: Spec, labels: str = "boolean") -> None:
        self.names = spec.feature_names
        fields = spec.events.fields
        self.complete = all(
            isinstance(entry, str) and fields[entry].is_there for entry in spec.features or self.names
        )
        self.categories = Categories(spec)
        self.floats = self.complete and set(spec.feature_kinds) == {Kind.NUMBER}  # all are fields
        self.made = Made(spec) if any(isinstance(entry, Feature) for entry in spec.features) else None
        if self.made is not None and self.made.targets and labels == "category":
            raise SpecError(
                "features: target is the mean of labels, and these are categories; "
                "with labels.positive they are true or false"
            )

    def rows(self, events: Events) -> Rows:
        """The rows of new events, which remember them instead of what was read."""
        if self.made is not None:
            events.rows = self.made.rows(events.rows, events.times, events.labels)
        if self.categories.names:
            events.rows = [*self.categories.shown(events.rows)]
        return self.again(events.rows)

    def again(self, rows: Sequence[tuple[Any, ...]]) -> Rows:
        """Rows that were folded before and are remembered."""
        if self.made is not None and self.made.targets:
            rows = [row[: len(self.names)] for row in rows]  # what lies behind is for `learn`
        return Rows(self.names, rows, self.complete, self.floats)

    def learn(self, late: Settlements) -> None:
        """Let features of labels know those that came later."""
        if self.made is not None and self.made.targets:
            self.made.learn(late.rows, late.labels, late.before)

    def state(self) -> list[Any]:
        """What is remembered of the events before, for a snapshot."""
        return [self.categories.state(), None if self.made is None else self.made.state()]

    def restore(self, state: list[Any]) -> None:
        categories, made = state
        self.categories.restore(categories)
        if self.made is not None:
            self.made.restore(made)
