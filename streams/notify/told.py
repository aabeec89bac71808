"""What receivers were told: records on the compacted topic of deliveries.

    <receiver>/<digest of the group>   the group's message under way, and what was told of its alerts
    again/<id of a message>            a dead letter that was sent again
    since/<receiver>                   where the topic of alerts ended when the receiver was new

A message is written before it is sent, and again once it was taken. Whoever goes on after a crash sends what
stands as `sending` once more, with the same id.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.notifier import Parcel

AGAIN, SINCE = "again/", "since/"
Status = Literal["sending", "sent", "dead"]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What a receiver was told last of one alert."""

    what: Literal["firing", "resolved", "failed"]
    starts: str
    """Of which of its lives: its startsAt."""
    at: int


class Entry(msgspec.Struct):
    """A record about a group, or about a dead letter that is sent again."""

    receiver: str
    labels: tuple[tuple[str, str], ...]
    status: Status
    at: int
    """When it was written."""
    began: int = 0
    """When the message was tried first."""
    attempts: int = 0
    marks: dict[str, Mark] = {}
    """What was told, by fingerprint."""
    telling: dict[str, Mark] = {}
    """What the message under way tells."""
    parcel: Parcel | None = None


class Since(msgspec.Struct):
    """Where the topic of alerts ended, by partition, when there was a receiver for the first time."""

    ends: dict[int, int]


entries = msgspec.json.Decoder(Entry)
starts = msgspec.json.Decoder(Since)
encode = msgspec.json.encode
