"""Labels and predictions as numbers that arrays can count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.metrics.block import Ints

OTHER = "other"


class Codes:
    """The codes of classes: the order in which they came, and one for all beyond the bound.

    Two classes beyond the bound share their code, but are not taken for one another: where such a
    prediction was wrong it gets a code that no label has.

    Examples
    --------
    >>> codes = Codes(most=2)
    >>> label, guess = codes.of(["a", "b", "c", "c"], ["a", "a", "c", "d"])
    >>> label.tolist(), guess.tolist()
    ([0, 1, 2, 2], [0, 0, 2, 3])
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[Any, int] = {}

    @property
    def size(self) -> int:
        return self.most + 2

    def of(self, labels: Sequence[Any], guesses: Sequence[Any]) -> tuple[Ints, Ints]:
        known, other = self.known, self.most
        for name in dict.fromkeys((*labels, *guesses)):
            if len(known) == self.most:
                break
            known.setdefault(name, len(known))
        get = known.get
        label, guess = [get(y, other) for y in labels], [get(y, other) for y in guesses]
        if len(known) == self.most:
            for i, code in enumerate(guess):
                if code == other and label[i] == other and guesses[i] != labels[i]:
                    guess[i] = other + 1
        return np.array(label, np.int64), np.array(guess, np.int64)

    @property
    def names(self) -> list[str]:
        """What each code is called."""
        return [*map(str, self.known), *[OTHER] * (self.size - len(self.known))]


def truths(values: Sequence[Any]) -> Ints:
    """1 for what is true, 0 for all else, whatever a model may call its classes.

    >>> truths([True, False, 1, "maybe"]).tolist()
    [1, 0, 1, 0]
    """
    try:
        found = bytes(values)
    except (TypeError, ValueError):
        found = b"?"
    if found.translate(None, b"\0\1"):
        found = bytes([value == 1 for value in values])
    return np.frombuffer(found, np.uint8).astype(np.int64)
