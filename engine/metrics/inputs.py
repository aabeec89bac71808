"""What comes in: how often each feature is missing, new, or refused.

A value of a category is new when it was not seen before. A bounded number of values is remembered; when no
more can be, each value that is not among them counts as new every time: a category that never stops growing
shows.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.reasons import Reason, Rejection

PLACE = re.compile(r"`\$\.?([^`]*)`$")  # where in the JSON a value lay, at the end of msgspec's message
REFUSED = (Reason.MISSING_FIELD, Reason.WRONG_TYPE, Reason.OUT_OF_RANGE, Reason.UNKNOWN_CATEGORY)


class Inputs:
    """Counts of one shard.

    Parameters
    ----------
    names
        The features of a row, in order.
    categories
        Those of them that are categories.
    paths
        Where each field lies in the JSON, by its path.
    complete
        Whether no feature can be missing.
    values_max
        How many values of a category are remembered.
    """

    def __init__(
        self,
        names: Sequence[str],
        categories: Iterable[str],
        paths: Mapping[str, str],
        complete: bool,
        values_max: int,
    ) -> None:
        self.names, self.paths, self.complete, self.values_max = tuple(names), paths, complete, values_max
        self.rows = 0
        self.missing = [0] * len(self.names)
        self.new = [0] * len(self.names)
        self.known: dict[int, dict[Any, None]] = {self.names.index(name): {} for name in categories}
        self.refused: dict[str, dict[str, int]] = {}  # by field, by reason

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Count rows of features."""
        self.rows += len(rows)
        if not rows or (self.complete and not self.known):
            return
        columns = list(zip(*rows, strict=True))
        if not self.complete:
            for i, column in enumerate(columns):
                self.missing[i] += column.count(None)
        for i, known in self.known.items():
            self.new[i] += self._new(columns[i], known)

    def _new(self, column: Sequence[Any], known: dict[Any, None]) -> int:
        fresh = set(column).difference(known, (None,))
        if not fresh:
            return 0
        n = 0
        for value in column:
            if value in fresh and value not in known:
                n += 1
                if len(known) < self.values_max:
                    known[value] = None
        return n

    def refuse(self, rejected: Iterable[Rejection]) -> None:
        """Count the fields for which events were refused."""
        for each in rejected:
            if each.reason in REFUSED and (name := self._field(each.message)) is not None:
                reasons = self.refused.setdefault(name, {})
                reasons[each.reason.value] = reasons.get(each.reason.value, 0) + 1

    def _field(self, message: str) -> str | None:
        """The field of which a message speaks, if it speaks of one."""
        place = PLACE.search(message)
        inside = "" if place is None else place[1]
        if (found := re.search(r"missing required field `([^`]*)`", message)) is not None:
            inside = f"{inside}.{found[1]}".lstrip(".")
        return self.paths.get(inside)

    def report(self) -> dict[str, dict[str, int]]:
        """For each field how many values were missing, new or refused, where any were.

        >>> inputs = Inputs(["x", "c"], ["c"], {}, False, 10)
        >>> inputs.add([(1.0, "a"), (None, "a"), (2.0, "b")])
        >>> inputs.report()
        {'x': {'missing': 1}, 'c': {'new': 2}}
        """
        found: dict[str, dict[str, int]] = {}
        for i, name in enumerate(self.names):
            counts = {"missing": self.missing[i], "new": self.new[i]}
            if seen := {what: n for what, n in counts.items() if n}:
                found[name] = seen
        for name, reasons in self.refused.items():
            found[name] = found.get(name, {}) | reasons
        return found

    def told(self) -> Inputs:
        """The counts at this moment, without the values that are remembered."""
        now = copy.copy(self)
        now.missing, now.new, now.known = self.missing.copy(), self.new.copy(), {}
        now.refused = {name: reasons.copy() for name, reasons in self.refused.items()}
        return now

    def state(self) -> list[Any]:
        known = [[i, list(values)] for i, values in self.known.items()]
        return [self.names, self.rows, self.missing, self.new, known, self.refused]

    def restore(self, state: list[Any]) -> None:
        """The inverse; features that were not there before begin at 0."""
        names, rows, missing, new, known, refused = state
        if tuple(names) == self.names:
            self.rows, self.missing, self.new, self.refused = rows, missing, new, refused
            self.known |= {i: dict.fromkeys(values[: self.values_max]) for i, values in known}
