"""How often categories came: the frequent ones by themselves, the others together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Floats

KEPT = 256  # categories that are told apart
ROOM = 4 * KEPT  # while they are counted; when there are more, the rarest join the others


class Counts:
    """Counts categories, which come as numbers (`signals.place`); NaN is left out.

    Examples
    --------
    >>> counts = Counts()
    >>> counts.add(np.array([0.25, 0.5, 0.25, np.nan]))
    >>> counts.n, counts.known, counts.share(0.25)
    (3, {0.25: 2, 0.5: 1}, 0.6666666666666666)
    """

    def __init__(self) -> None:
        self.n = 0
        self.known: dict[float, int] = {}
        self.others = 0

    def add(self, values: Floats) -> None:
        """Count, in the order of the values."""
        values = values[~np.isnan(values)]
        self.n += len(values)
        while len(values):
            found, first, inverse = np.unique(values, return_index=True, return_inverse=True)
            new = np.sort(
                [at for at, value in zip(first, found.tolist(), strict=True) if value not in self.known]
            )
            room = ROOM - len(self.known)
            stop = len(values) if len(new) <= room else new[room]
            counts = np.bincount(inverse[:stop], minlength=len(found)).tolist()
            for at in np.argsort(first, kind="stable").tolist():
                if counts[at]:
                    value = float(found[at])
                    self.known[value] = self.known.get(value, 0) + counts[at]
            values = values[stop:]
            if len(values):
                self._prune()

    def _prune(self) -> None:
        """Keep the most frequent."""
        kept = self.top()
        self.others += sum(self.known.values()) - sum(kept.values())
        self.known = {value: n for value, n in self.known.items() if value in kept}

    def top(self, most: int = KEPT) -> dict[float, int]:
        """The most frequent, those first."""
        return dict(sorted(self.known.items(), key=lambda pair: (-pair[1], pair[0]))[:most])

    def merge(self, other: Counts) -> None:
        """Take all that another one took."""
        self.n += other.n
        self.others += other.others
        for value, n in other.known.items():
            self.known[value] = self.known.get(value, 0) + n
        if len(self.known) > ROOM:
            self._prune()

    def share(self, value: float) -> float:
        """Of one category; 0 if it did not come, or joined the others."""
        return self.known.get(value, 0) / self.n if self.n else 0.0

    @classmethod
    def of(cls, known: Mapping[float, int], others: int) -> Counts:
        made = cls()
        made.known, made.others = dict(known), others
        made.n = sum(made.known.values()) + others
        return made

    def state(self) -> list[Any]:
        return [self.n, dict(self.known), self.others]

    @classmethod
    def restored(cls, state: list[Any]) -> Counts:
        made = cls()
        made.n, known, made.others = state
        made.known = dict(known)
        return made
