"""Drifts that were found: of each what a list shows, and the whole record where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.log import Gone, Log
from engine.drift.evidence.record import Place, Start
from engine.spec import Spec
from streams.records import Placed
from streams.serve.views.compacted import Compacted

KNOWN_MAX = 10_000


class Seen(msgspec.Struct, kw_only=True):
    """As much of a drift record as a list shows."""

    fingerprint: str
    partition: int
    signal: str
    detector: str
    segment: str = ""
    change: str = ""
    direction: str = ""
    detected: Place
    start: Start
    key: str = ""
    at: tuple[int, int] = (0, 0)  # partition and offset of the record
    recorded_ms: int = 0

    @property
    def text(self) -> str:
        """In a line.

        >>> place, start = Place(9, 0), Start(5, 0, 4, False)
        >>> more = {"fingerprint": "f", "partition": 0, "detector": "ks", "detected": place, "start": start}
        >>> Seen(signal="amount", change="mean", direction="up", **more).text
        'amount: mean up'
        """
        return f"{self.signal}: {self.change} {self.direction}".rstrip(": ")


_decode = msgspec.json.Decoder(Seen).decode


def seen(placed: Placed) -> Seen:
    """What a record says."""
    found = _decode(placed.record.value or b"")
    found.key = (placed.record.key or b"").decode(errors="replace")
    found.at, found.recorded_ms = (placed.partition, placed.record.offset), placed.record.timestamp
    return found


class Drifts:
    """What the topic of drifts holds; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.book = Compacted(spec, "drifts", seen, KNOWN_MAX)

    def look(self, log: Log) -> list[Seen]:
        """Read on; what is new."""
        return self.book.look(log)

    @property
    def items(self) -> Iterable[Seen]:
        return self.book.known.values()

    def of(self, signal: str, most: int) -> list[Seen]:
        """The newest of a signal."""
        found = [each for each in self.items if each.signal == signal]
        return sorted(found, key=lambda each: -each.recorded_ms)[:most]

    def whole(self, log: Log, key: bytes) -> msgspec.Raw | None:
        """A drift's newest record, as it lies on the topic; None if it is there no more."""
        if (found := self.book.known.get(key)) is None:
            return None
        try:
            batch = log.read(self.book.topic, *found.at, 1)
        except Gone:
            return None
        return next((msgspec.Raw(each.value or b"null") for each in batch.records() if each.key == key), None)
