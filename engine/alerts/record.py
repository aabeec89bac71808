"""An alert as it lies on the topic: in Alertmanager's shape, and what Driftline knows besides.

Nothing in it depends on a clock: its times are those of the records at which things came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import msgspec

_encode = msgspec.json.Encoder().encode

NEVER = "0001-01-01T00:00:00Z"  # as Alertmanager writes a time that is not known
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
SEPARATOR = b"\xff"
KNOWN = 10_000  # fingerprints that are kept: bytes one by one take their time

Status = Literal["firing", "acknowledged", "resolved"]
Transition = Literal[
    "fired",
    "updated",
    "acknowledged",
    "silenced",
    "unsilenced",
    "inhibited",
    "uninhibited",
    "resolved",
]


class Care(msgspec.Struct, frozen=True):
    """Who looks after an alert."""

    by: str
    why: str


class Alert(msgspec.Struct, kw_only=True):
    """One alert, as of its newest transition."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str = msgspec.field(name="startsAt")
    ends_at: str = msgspec.field(name="endsAt", default=NEVER)
    generator_url: str = msgspec.field(name="generatorURL", default="")
    fingerprint: str
    transition: Transition = "fired"
    revision: int = 0  # counts the records of this alert since it fired
    muted: str = ""  # "silence:<id>" or "inhibited:<alertname>": it is true, but nobody is to be told
    acknowledged: Care | None = None
    by: str = ""  # who brought this transition about
    why: str = ""
    time: int  # of the record that brought the transition about
    source: Literal["engine", "worker"] = "engine"
    held_back: int = 0  # transitions before this one that were not told, because there were too many
    traceparent: str | None = None
    evidence: dict[str, Any] | None = None

    @property
    def key(self) -> bytes:
        """Under which its records lie."""
        return self.fingerprint.encode()

    def json(self) -> bytes:
        """As it is written."""
        return _encode(self)


def read(value: bytes) -> Alert:
    """An alert from the topic."""
    return msgspec.json.decode(value, type=Alert)


def fingerprint(labels: Mapping[str, str]) -> str:
    """What an alert is known by: the very number that Prometheus and Alertmanager make of its labels.

    >>> fingerprint({"alertname": "Drift", "pipeline": "payments"})
    'a77fddf39758577a'
    """
    return _hashed(tuple(sorted(labels.items())))


@lru_cache(KNOWN)
def _hashed(labels: tuple[tuple[str, str], ...]) -> str:
    found = OFFSET
    for name, value in labels:
        for byte in b"".join((name.encode(), SEPARATOR, value.encode(), SEPARATOR)):
            found = (found ^ byte) * PRIME & MASK
    return f"{found:016x}"


def millis(text: str) -> int:
    """The inverse of `iso`.

    >>> millis("2026-01-28T09:00:00.250Z")
    1769590800250
    """
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def iso(ms: int) -> str:
    """A time as RFC 3339 has it.

    >>> iso(1_769_590_800_250)
    '2026-01-28T09:00:00.250Z'
    """
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
