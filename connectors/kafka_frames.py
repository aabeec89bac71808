"""Record batches of Kafka, framed by a kernel from lines that are kept together.

aiokafka takes such a batch in the place of its own builder: full, closed, and ready but for what the
producer says of itself. Ids, sequences, transactions and retries stay aiokafka's. Until the kernel is
compiled (`warm`), or without numba, records are appended one by one, which costs several times as much.

A batch of version 2 is a head of 61 bytes and its records, each

    length, attributes (0), time delta (0), offset delta, key length, key, value length, value, headers (0)

with lengths and deltas as zigzag varints. All records of a batch have one timestamp here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from crc32c import crc32c

from connectors.log import Lined, Payload

HEAD = struct.Struct(">qiibIhiqqqhii")
CRC_AT, COUNTED_FROM = 17, 21
TRANSACTIONAL = 1 << 4
LINE_BREAK = ord("\n")
RECORD_BYTES_MAX = 24  # of a record, besides its key and value

Kernel = Callable[..., tuple[int, int]]
_kernel: Kernel | None = None


def warm() -> None:
    """Compile the kernel, or load it from disk. From then on batches are framed."""
    global _kernel  # noqa: PLW0603 - once a process
    from connectors.kafka_kernel import frame

    frame(np.empty(100, np.uint8), 0, 0, 0, *_columns([b"k"], b"v\n"))
    _kernel = frame


def framed(rows: Payload, room: int, time_ms: int, transactional: bool) -> Iterator[Framed]:
    """Rows as batches of at most `room` bytes.

    None at all while there is no kernel, and when rows are not kept as lines, have headers or lack a key, or
    could be too large for a batch of their own.
    """
    if _kernel is None or not rows.keys or not isinstance(rows, Lined) or rows.headers is not None:
        return
    keys = [key for key in rows.keys if key is not None]
    longest = max(_longest(chunk, room) for _, chunk in rows.lines()) + max(map(len, keys))
    if len(keys) < len(rows.keys) or HEAD.size + longest + RECORD_BYTES_MAX > room:
        return
    attributes, start = TRANSACTIONAL if transactional else 0, 0
    batch = Framed(room, time_ms, attributes)
    for count, chunk in rows.lines():
        columns, first = _columns(keys[start : start + count], chunk), 0
        while (first := batch.fill(_kernel, first, columns)) < count:
            yield batch
            batch = Framed(room, time_ms, attributes)
        start += count
    if batch.count:
        yield batch


def _longest(chunk: bytes, room: int) -> int:
    """A bound on the longest line, no larger than need be where it matters."""
    return len(chunk) if len(chunk) < room // 2 else max(map(len, chunk.split(b"\n")))


def _columns(keys: list[bytes], chunk: bytes) -> tuple[Any, ...]:
    """Keys, where each of them ends, lines, and where each of them ends."""
    lines = np.frombuffer(chunk, np.uint8)
    ends = np.cumsum(np.fromiter(map(len, keys), np.int64, len(keys)))
    return np.frombuffer(b"".join(keys), np.uint8), ends, lines, (lines == LINE_BREAK).nonzero()[0]


class Framed:
    """Takes the place of aiokafka's BatchBuilder, to which nothing more can be appended."""

    def __init__(self, room: int, time_ms: int, attributes: int) -> None:
        self.buffer: Any = np.empty(room, np.uint8)
        self.end, self.count = HEAD.size, 0
        self.time, self.attributes = time_ms, attributes
        self.producer = (-1, -1, -1)  # id, epoch, first sequence

    def fill(self, kernel: Kernel, first: int, columns: tuple[Any, ...]) -> int:
        """Take lines from `first` on; return the first that does not fit."""
        stop, self.end = kernel(self.buffer, self.end, self.count, first, *columns)
        self.count += stop - first
        return stop

    def append(self, **record: Any) -> None:
        """Nothing is taken."""

    def close(self) -> None: ...

    def closed(self) -> bool:
        return True

    def record_count(self) -> int:
        return self.count

    def size(self) -> int:
        return self.end

    def _set_producer_state(self, producer_id: int, epoch: int, sequence: int) -> None:
        self.producer = producer_id, epoch, sequence

    def _build(self) -> bytes:
        length, last, time, whole = self.end - 12, self.count - 1, self.time, self.buffer[: self.end]
        head = (0, length, -1, 2, 0, self.attributes, last, time, time, *self.producer, self.count)
        HEAD.pack_into(whole, 0, *head)
        struct.pack_into(">I", whole, CRC_AT, crc32c(memoryview(whole)[COUNTED_FROM:]))
        built: bytes = whole.tobytes()
        return built
