"""The probabilities of many classes, remembered with a prediction until its label comes.

They lie in the note of a remembered event, before what others note: how many they are, then each, by the
order in which classes were first named.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.metrics.block import Floats

COUNT = struct.Struct("<H")
NAN = float("nan")

Note = bytes | None


class Odds:
    """The places of classes in a note.

    Parameters
    ----------
    most
        Classes beyond are not remembered, and their outcomes have no log loss.

    Examples
    --------
    >>> odds = Odds(10)
    >>> notes = odds.noted([{"a": 0.25, "b": 0.75}, None], [b"more", None])
    >>> odds.rest(notes)
    [b'more', None]
    >>> [column.tolist() for column in odds.given(notes, ["b", "b"])]
    [[0.75, nan], [0.625, nan]]
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.places: dict[str, int] = {}

    def noted(self, odds: Sequence[dict[str, float] | None], notes: Sequence[Note]) -> list[Note]:
        """The probabilities of each prediction, and behind them its note."""
        return [self._pack(each or {}) + (note or b"") for each, note in zip(odds, notes, strict=True)]

    def _pack(self, odds: dict[str, float]) -> bytes:
        places = self.places
        for name in odds:
            if name not in places and len(places) < self.most:
                places[name] = len(places)
        values = [0.0] * (len(places) if odds else 0)
        for name, value in odds.items():
            if name in places:
                values[places[name]] = value
        return COUNT.pack(len(values)) + struct.pack(f"<{len(values)}d", *values)

    def rest(self, notes: Sequence[Note]) -> list[Note]:
        """What others noted."""
        return [None if note is None else note[_end(note) :] or None for note in notes]

    def given(self, notes: Sequence[Note], labels: Sequence[Any]) -> tuple[Floats, Floats]:
        """The probability that each label was given, and the sum of the squares of all; NaN without any."""
        found = [self._given(note, str(label)) for note, label in zip(notes, labels, strict=True)]
        both = np.array(found, np.float64).reshape(len(found), 2)
        return both[:, 0].copy(), both[:, 1].copy()

    def _given(self, note: Note, label: str) -> tuple[float, float]:
        if note is None or (end := _end(note)) == COUNT.size:
            return NAN, NAN
        values = struct.unpack_from(f"<{(end - COUNT.size) // 8}d", note, COUNT.size)
        place = self.places.get(label)
        if place is None and len(self.places) == self.most:
            return NAN, NAN
        # A class that nobody had heard of had no probability.
        return values[place] if place is not None and place < len(values) else 0.0, sum(p * p for p in values)


def _end(note: bytes) -> int:
    """Where the probabilities end."""
    count: int = COUNT.unpack_from(note)[0]
    return COUNT.size + 8 * count
