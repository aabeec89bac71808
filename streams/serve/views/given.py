"""Orders as they lie on the control topic; what was sent to several shards is one order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from engine.control import KINDS, Kind, Order, Silence, Unsilence
from streams.alerts.orders import Known
from streams.records import Placed

SAME_MS = 5_000  # within which the same order to several shards was given once

_kind = msgspec.json.Decoder(Kind)
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


class Given(NamedTuple):
    """An order as it lies on the topic; several shards may have the same one."""

    time: int
    order: Order | None  # None: it is none
    places: tuple[tuple[int, int], ...]  # partition and offset

    @property
    def partitions(self) -> list[int]:
        return [partition for partition, _ in self.places]


def given(records: Iterable[Placed]) -> list[Given]:
    """The orders among these records, oldest first; what was sent to several shards is one order."""
    found: list[Given] = []
    open_: dict[bytes, int] = {}
    for placed in sorted(records, key=lambda each: each.record.timestamp):
        value, time = placed.record.value or b"", placed.record.timestamp
        place, at = (placed.partition, placed.record.offset), open_.get(value)
        if at is not None and time - found[at].time <= SAME_MS and place[0] not in found[at].partitions:
            found[at] = found[at]._replace(places=(*found[at].places, place))
        else:
            open_[value] = len(found)
            found.append(Given(time, read(value), (place,)))
    return found


def read(value: bytes) -> Order | None:
    """An order from the topic; None if it is none."""
    try:
        order: Order = _decoders[_kind.decode(value).do].decode(value)
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
        return None
    return order


def silences(orders: Iterable[Given]) -> list[Known]:
    """Those that these orders, oldest first, tell of; the newest first."""
    found: dict[str, Known] = {}
    for each in orders:
        order = each.order
        if isinstance(order, Silence):
            found.pop(order.id, None)
            found[order.id] = Known(order, each.time, ended=False)
        elif isinstance(order, Unsilence) and order.id in found:
            found[order.id] = found[order.id]._replace(ended=True)
    return list(found.values())[::-1]
