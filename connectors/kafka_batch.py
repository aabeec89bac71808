"""From the records of a Kafka client to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.log import Batch


def to_batch(topic: str, partition: int, first: int, end: int, records: Sequence[Any]) -> Batch:
    """The columns of a client's records; both Kafka clients give theirs the same names."""
    return Batch(
        topic,
        partition,
        first,
        end,
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [list(record.headers) for record in records] if any(record.headers for record in records) else None,
    )
