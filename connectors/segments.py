"""How the SQLite log keeps records: cut into segments, each packed into one row.

A row per record would cost 4 us each, and `sqlite3` gives up the interpreter's lock at every row:
next to a busy thread each of them may then wait 5 ms. A row per appended batch avoids both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import msgspec

from connectors.log import Headers, Lined, Payload

SEGMENT_RECORDS_MAX = 1_000
SEGMENT_BYTES_MAX = 1 << 20  # a single record may be larger

Stored = tuple[
    int | list[int],  # timestamps; one number when all are the same
    list[bytes | None] | None,  # keys; None when there are none
    list[bytes | None] | bytes,  # values; or lines of JSON, a line break at the end of each
    list[list[tuple[str, bytes]]] | None,  # headers; None when there are none
]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


class Segment(NamedTuple):
    """Consecutive records of one partition, unpacked."""

    offsets: range
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: Sequence[Headers] | None

    def behind(self, first: int, limit: int) -> Segment:
        """At most `limit` of its records from the offset `first` on."""
        start = max(0, first - self.offsets.start)
        if start == 0 and limit >= len(self.offsets):
            return self
        part = slice(start, start + limit)
        headers = self.headers[part] if self.headers is not None else None
        return Segment(self.offsets[part], self.timestamps[part], self.keys[part], self.values[part], headers)


class Columns(NamedTuple):
    """The last five fields of a `Batch`."""

    offsets: Sequence[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: Sequence[Headers] | None


def join(parts: Sequence[Segment]) -> Columns:
    """The records of several segments in a row."""
    if len(parts) == 1:
        return Columns(*parts[0])
    columns = Columns(_join_offsets(parts), [], [], [], None)
    for part in parts:
        columns.timestamps.extend(part.timestamps)
        columns.keys.extend(part.keys)
        columns.values.extend(part.values)
    if all(part.headers is None for part in parts):
        return columns
    headers = [part.headers if part.headers is not None else [()] * len(part.offsets) for part in parts]
    return columns._replace(headers=list(chain.from_iterable(headers)))


def _join_offsets(parts: Sequence[Segment]) -> Sequence[int]:
    if all(part.offsets.stop == follower.offsets.start for part, follower in pairwise(parts)):
        return range(parts[0].offsets.start, parts[-1].offsets.stop) if parts else range(0)
    return list(chain.from_iterable(part.offsets for part in parts))


def now_ms() -> int:
    return int(time.time() * 1000)


def cut(rows: Payload, records_max: int = SEGMENT_RECORDS_MAX) -> Iterator[slice]:
    """The slices of `rows` that become segments.

    >>> from connectors.log import Rows
    >>> list(cut(Rows([None] * 3, [b"a", b"b", b"c"]), records_max=2))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    count = len(rows.values)
    for start in range(0, count, records_max):
        yield from _halve(rows, start, min(start + records_max, count))


def _halve(rows: Payload, start: int, stop: int) -> Iterator[slice]:
    size = sum(len(value) for value in rows.values[start:stop] if value is not None)
    if size <= SEGMENT_BYTES_MAX or stop - start == 1:
        yield slice(start, stop)
    else:
        middle = (start + stop) // 2
        yield from _halve(rows, start, middle)
        yield from _halve(rows, middle, stop)


def pack_all(rows: Payload, timestamps: Sequence[int] | int) -> Iterator[tuple[slice, int, bytes]]:
    """The segments of `rows`: which records, the newest timestamp, the body."""
    if isinstance(rows, Lined) and all(len(chunk) <= SEGMENT_BYTES_MAX for _, chunk in rows.lines()):
        for part, lines in _gather(rows.lines()):
            yield part, *_pack(rows, part, timestamps, lines)
    else:
        for part in cut(rows):
            yield part, *pack(rows, part, timestamps)


def _gather(chunks: Sequence[tuple[int, bytes]]) -> Iterator[tuple[slice, bytes]]:
    """Chunks of lines joined until they fill a segment."""
    start = stop = size = 0
    gathered: list[bytes] = []
    for count, chunk in chunks:
        if gathered and (stop + count - start > SEGMENT_RECORDS_MAX or size + len(chunk) > SEGMENT_BYTES_MAX):
            yield slice(start, stop), b"".join(gathered)
            gathered, start, size = [], stop, 0
        gathered.append(chunk)
        stop, size = stop + count, size + len(chunk)
    if gathered:
        yield slice(start, stop), b"".join(gathered)


def pack(rows: Payload, part: slice, timestamps: Sequence[int] | int) -> tuple[int, bytes]:
    """The newest timestamp and the body of one segment."""
    return _pack(rows, part, timestamps, list(rows.values[part]))


def _pack(
    rows: Payload, part: slice, timestamps: Sequence[int] | int, values: list[bytes | None] | bytes
) -> tuple[int, bytes]:
    keys = list(rows.keys[part])
    headers = list(rows.headers[part]) if rows.headers is not None else None
    stamps = timestamps if isinstance(timestamps, int) else list(timestamps[part])
    newest = stamps if isinstance(stamps, int) else max(stamps)
    if not isinstance(stamps, int) and min(stamps) == newest:
        stamps = newest
    body = (stamps, None if keys.count(None) == len(keys) else keys, values, headers)
    return newest, _encoder.encode(body)


def unpack(first: int, body: bytes) -> Segment:
    """Undo `pack`.

    >>> from connectors.log import Rows
    >>> unpack(7, pack(Rows([b"k"], [b"v"]), slice(0, 1), 1234)[1])
    Segment(offsets=range(7, 8), timestamps=[1234], keys=[b'k'], values=[b'v'], headers=None)
    """
    timestamps, keys, values, headers = _decoder.decode(body)
    if isinstance(values, bytes):
        values = [*values[:-1].split(b"\n")]
    count = len(values)
    return Segment(
        range(first, first + count),
        [timestamps] * count if isinstance(timestamps, int) else timestamps,
        [None] * count if keys is None else keys,
        values,
        headers,
    )
