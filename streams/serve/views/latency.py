"""How long events waited for their predictions: from the one record's timestamp to the other's."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from connectors.log import Gone, Log
from engine.spec import Spec
from streams.records import last

RECORDS = 256  # of a partition, the newest, that are looked at
LATENCY_MAX_MS = 3_600_000  # events that seem to have waited longer carry the time at which they happened


class _Source(msgspec.Struct):
    offset: int


class _Prediction(msgspec.Struct):
    source: _Source


_decode = msgspec.json.Decoder(_Prediction).decode


def latencies(log: Log, spec: Spec, partition: int, span: tuple[int, int], count: int = RECORDS) -> list[int]:
    """Those of the newest predictions before an offset, in milliseconds."""
    placed = last(log, spec.topic("predictions"), partition, span, count)
    made = {_decode(each.record.value or b"").source.offset: each.record.timestamp for each in placed}
    if not made:
        return []
    first = max(min(made), max(made) - 4 * count)
    try:
        events = log.read(spec.topic("events"), partition, first, max(made) - first + 1)
    except Gone:  # the events were deleted before their predictions
        return []
    pairs = zip(events.offsets, events.timestamps, strict=True)
    waited = (made[offset] - sent for offset, sent in pairs if offset in made)
    return [ms for ms in waited if 0 <= ms < LATENCY_MAX_MS]


def told(found: Iterable[int]) -> dict[str, float | None]:
    """Half of them waited no longer, and all but one in a hundred.

    >>> told([1, 2, 3, 4, 50])
    {'p50': 3.0, 'p99': 50.0}
    >>> told([])
    {'p50': None, 'p99': None}
    """
    values = np.array(list(found), np.float64)
    if not len(values):
        return {"p50": None, "p99": None}
    p50, p99 = np.quantile(values, [0.5, 0.99], method="higher")
    return {"p50": float(p50), "p99": float(p99)}
