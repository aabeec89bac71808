"""CloudEvents 1.0 over Kafka: attributes in headers (binary mode) or around the data (structured mode)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from engine.batch import Headers
from engine.reasons import Reason, Unfit

STRUCTURED = b"application/cloudevents+json"
VERSION = b"1.0"


class Envelope(msgspec.Struct):
    """A CloudEvent in structured mode."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a CloudEvent says of itself."""

    id: str
    time: datetime | None


decode = msgspec.json.Decoder(Envelope).decode


def is_structured(headers: Headers) -> bool:
    return any(n.lower() == "content-type" and content.startswith(STRUCTURED) for n, content in headers)


def unwrap(value: bytes) -> tuple[bytes, Cloud]:
    """The event's own bytes out of a structured CloudEvent, and what it says of itself."""
    envelope = decode(value)
    if envelope.data_base64 is not None:
        data = base64.b64decode(envelope.data_base64, validate=True)
    else:
        data = bytes(envelope.data)
    return data, Cloud(envelope.id, envelope.time)


def attributes(headers: Headers) -> Cloud | None:
    """What a binary CloudEvent says of itself; None if it is none."""
    found = {name.lower(): content for name, content in headers if name.lower().startswith("ce_")}
    version = found.get("ce_specversion")
    if version is None:
        return None
    if version != VERSION:
        raise Unfit(Reason.MALFORMED, f"CloudEvents version {version!r} is not supported; use 1.0")
    time = found.get("ce_time", b"").decode()
    return Cloud(found.get("ce_id", b"").decode(), datetime.fromisoformat(time) if time else None)
