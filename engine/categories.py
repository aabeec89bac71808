"""A bound on the categories that a model is shown, and on the classes that it is taught.

A model grows with every category that it has not met before: a weight, a column, a branch. A field that was
taken for a category and holds something else, an id or a free text, would let it grow without end. So of each
feature the first `limits.categories_max` categories are shown by their names, and all that come after them by
one name, `OTHER`. How often that happened is counted.

Each class of the labels makes a model grow, too. There `limits.classes_max` are taught; a label that names
another is a dead letter, since no other name would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from engine.columns import Part
from engine.reasons import Reason, Rejection
from engine.spec import Spec
from engine.specparts import Kind

OTHER = "(other)"

Row = tuple[Any, ...]


class Categories:
    """The categories of one shard, by the place of the feature in a row.

    Fields that name their categories (`one_of`) are bounded already.
    """

    def __init__(self, spec: Spec) -> None:
        fields, kinds = spec.events.fields, zip(spec.feature_names, spec.feature_kinds, strict=True)
        self.names = {
            place: name
            for place, (name, kind) in enumerate(kinds)
            if kind is Kind.CATEGORY and (name not in fields or fields[name].one_of is None)
        }
        self.most = spec.limits.categories_max
        self.known: dict[int, dict[str | None, None]] = {place: {None: None} for place in self.names}
        self.others: dict[str, int] = {}  # how often, by feature

    def shown(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows as a model is to see them; most are as they were."""
        for place, known in self.known.items():
            if not known.keys() >= set(map(itemgetter(place), rows)):
                rows = self._bounded(rows, place, known)
        return rows

    def _bounded(self, rows: Sequence[Row], place: int, known: dict[str | None, None]) -> Sequence[Row]:
        """Learn new categories while there is room, and put others behind one name."""
        found, others = list(rows), 0
        for i, row in enumerate(rows):
            value = row[place]
            if value in known:
                continue
            if len(known) <= self.most:  # None is one of them
                known[value] = None
                continue
            found[i] = (*row[:place], OTHER, *row[place + 1 :])
            others += 1
        if others:
            name = self.names[place]
            self.others[name] = self.others.get(name, 0) + others
        return found

    def glanced(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The same, as if each row were the next one; nothing is learned."""
        for place, known in self.known.items():
            if len(known) > self.most and not known.keys() >= set(map(itemgetter(place), rows)):
                rows = [
                    row if row[place] in known else (*row[:place], OTHER, *row[place + 1 :]) for row in rows
                ]
        return rows

    def state(self) -> list[Any]:
        return [self.known, self.others]

    def restore(self, state: list[Any]) -> None:
        self.known, self.others = state


class Classes:
    """The classes that the labels of one shard have named."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[Any, None] = {None: None}  # no label

    def refused(self, labels: Sequence[Any]) -> list[int]:
        """Learn new classes while there is room; return the places of labels for which there is none."""
        if self.known.keys() >= set(labels):
            return []
        refused = []
        for i, label in enumerate(labels):
            if label in self.known:
                continue
            if len(self.known) <= self.most:
                self.known[label] = None
            else:
                refused.append(i)
        return refused

    def bounded(self, columns: Part, labels: Sequence[Any]) -> tuple[Part, list[Rejection]]:
        """Records, but for those whose label is of one class too many."""
        if not (refused := self.refused(labels)):
            return columns, []
        message = f"the labels have named limits.classes_max = {self.most} classes already"
        gone = set(refused)
        kept = columns.pick([row for row in range(len(columns)) if row not in gone])
        places = (columns.index[row] for row in refused)
        return kept, [Rejection(i, Reason.BAD_LABEL, "Unfit", message) for i in places]
