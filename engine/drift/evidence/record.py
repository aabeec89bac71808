"""A drift record: what is written to the alerts topic when a signal is not what it was.

Nothing in it depends on a clock. Figures that come from sums of floats have six digits. A record comes at
once; a revision of it, under the same key, when more is known.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

Figures = dict[str, bool | float | int | None]


class Start(msgspec.Struct, gc=False):
    """The first record of the change, as it is estimated."""

    offset: int
    time: int
    records: int  # from it to the alarm, both included
    bounded: bool  # it may lie further back than is remembered


class Place(msgspec.Struct, gc=False):
    """A record."""

    offset: int
    time: int


class Before(msgspec.Struct):
    """What it was: the reference."""

    window: str
    n: int
    figures: Figures


class Now(msgspec.Struct):
    """What it is since the change began."""

    window: str
    n: int
    first_offset: int
    last_offset: int
    first_time: int
    last_time: int
    figures: Figures


class Change(msgspec.Struct):
    """One thing that is other than before."""

    kind: str  # mean, spread, shape, share, categories, missing, rate
    before: float | None = None
    now: float | None = None
    effect: float | None = None


class Histogram(msgspec.Struct):
    """Shares between common edges; the first and the last bin hold what lies beyond them, too."""

    edges: list[float]
    reference: list[float]
    current: list[float]


class Category(msgspec.Struct):
    """One category's share, then and now."""

    category: str
    before: float
    now: float
    new: bool


class Feature(msgspec.Struct):
    """A signal of the same panel, and how much of the change since the start is in it."""

    signal: str
    share: float
    effect: float  # Kolmogorov-Smirnov distance, of categories the total variation


class Group(msgspec.Struct):
    """Records with a common origin."""

    by: str
    value: str
    before: int  # records with a value, in what is remembered before the start
    since: int
    share: float  # of the change; all groups of one kind together: 1
    effect: float | None  # Cliff's delta of its values since then; of categories the total variation
    first_offset: int | None  # where it was first seen
    new: bool  # since the start


class Drift(msgspec.Struct, kw_only=True):
    """What is written."""

    fingerprint: str
    revision: int = 0
    pipeline: str
    partition: int
    model: str
    version: str
    panel: str  # events or outcomes
    signal: str
    kind: str  # of signal
    feature: str
    segment: str
    detector: str
    statistic: float | None
    threshold: float | None
    p_value: float | None
    effect_size: float | None
    effect: str  # what effect_size is
    effects: Figures
    change: str
    direction: str  # up, down, or neither
    changes: list[Change]
    detected: Place
    start: Start
    shows: Place | None  # the first record since the start at which it can be seen
    reference: Before
    current: Now
    histogram: Histogram | None
    categories: list[Category]
    top_features: list[Feature]
    top_elsewhere: list[Feature] = []  # the same of the other panel, once it has enough records since then
    groups: list[Group]
    suspected_cause: str | None
    cause: str | None = None  # what drifted: data, labels, relation, confidence; see cause.py
    moved: list[str] = []  # from what that is told
    quality: Figures = {}
    warnings: list[str] = []
    dropped: int = 0  # drifts before this one that were not told, because there were too many

    @property
    def key(self) -> bytes:
        """Under which it and its revisions lie: another one for each time that the signal drifts."""
        return f"{self.fingerprint}-{self.detected.offset}".encode()

    def json(self) -> bytes:
        """As it is written."""
        return _encode(self)


def fingerprint(pipeline: str, partition: int, signal: str, detector: str, segment: str) -> str:
    """What drifted, and who found it: the same each time.

    >>> fingerprint("payments", 0, "amount", "rank_sr", "")
    '0b1ae9dda5541358'
    """
    parts: list[Any] = [pipeline, partition, signal, detector, segment]
    return hashlib.blake2b(_encode(parts), digest_size=8).hexdigest()


def read(value: bytes) -> Drift:
    """A drift record from the topic."""
    return msgspec.json.decode(value, type=Drift)


def told_number(value: float | None) -> float | None:
    """A figure as it is told; None where there is no number.

    >>> told_number(1 / 3), told_number(float("inf"))
    (0.333333, None)
    """
    return None if value is None or not math.isfinite(value) else digits(value)


def digits(value: float) -> float:
    """Six of them."""
    return float(f"{value:.6g}")


def told_figures(given: Mapping[str, Any]) -> Figures:
    """Figures as they are told."""
    return {name: value if isinstance(value, int) else told_number(value) for name, value in given.items()}
