"""Signals: what is watched, each a number a record.

A category becomes a number in [0, 1) that depends on its name only, so that categories which are equally
frequent as before look equally frequent as before; which of them is the smaller means nothing.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class Kind(StrEnum):
    """What a signal tells."""

    VALUE = "value"  # a feature that is a number
    CATEGORY = "category"  # a feature that is a category, a boolean or a text
    MISSING = "missing"  # 1 where a feature is missing
    OUTSIDE = "outside"  # 1 where a number lies outside the reference's range
    UNSEEN = "unseen"  # 1 where the reference has no such category
    CORRELATION = "correlation"  # how two features go together
    PREDICTION = "prediction"  # what was predicted
    SCORE = "score"
    CONFIDENCE = "confidence"  # the largest probability
    LABEL = "label"
    ERROR = "error"  # how far a prediction was from its label
    CALIBRATION = "calibration"  # label less probability


CLOCKS = ("events", "outcomes")  # what the values of a panel come with
OF_MODEL = frozenset({Kind.PREDICTION, Kind.SCORE, Kind.CONFIDENCE, Kind.ERROR, Kind.CALIBRATION})
SHARES = frozenset({Kind.MISSING, Kind.OUTSIDE, Kind.UNSEEN})


class Signal(NamedTuple):
    """One of them.

    >>> Signal(Kind.MISSING, "amount").name
    'amount.missing'
    >>> Signal(Kind.VALUE, "amount", segment="country=BR").name
    'amount[country=BR]'
    >>> Signal(Kind.ERROR).name
    'error'
    """

    kind: Kind
    feature: str = ""  # of a correlation both, as a*b
    categories: bool = False  # its numbers stand for categories
    segment: str = ""  # the records it is of; "": all
    share: bool = False  # its numbers lie between 0 and 1, and it is their mean that tells

    @property
    def is_there(self) -> bool:
        """Whether its segment has come yet, or its pair been chosen; those to come are numbered."""
        if self.kind is Kind.CORRELATION and "*" not in self.feature:
            return False
        return not self.segment or "=" in self.segment

    @property
    def name(self) -> str:
        if self.kind in (Kind.VALUE, Kind.CATEGORY, Kind.CORRELATION):
            told = self.feature
        else:
            told = f"{self.feature}.{self.kind}" if self.feature else str(self.kind)
        return f"{told}[{self.segment}]" if self.segment else told


def together(clock: str) -> str:
    """What all signals of a panel are called.

    >>> together("events"), together("outcomes")
    ('together', 'together.outcomes')
    """
    return "together" if clock == "events" else f"together.{clock}"


@lru_cache(65_536)
def place(category: object) -> float:
    """The number that stands for a category.

    >>> place("BR") == place("BR"), 0 <= place("BR") < 1, place("BR") == place("NL")
    (True, True, False)
    """
    found = hashlib.blake2b(str(category).encode(errors="surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(found, "big") >> 11) / (1 << 53)
