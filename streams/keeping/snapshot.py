"""Snapshots: a shard's state in signed chunks, beside the commits.

A snapshot is a row of records in the compacted snapshots topic, one chunk each, under keys that no other
snapshot has. Its manifest is the `Pointer` in the next journal entry: what no entry names does not exist,
and is swept. The signature is HMAC-SHA256 over what the snapshot says it is and all its bytes, and is
checked before a single byte is unpickled: whoever can write to the topic can not make a worker run code.

An entry names up to three: the two newest, and the one that they took the place of, until its chunks are
gone. So a crash between commit and removal leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.log import Gone, Store
from engine.errors import StateError
from streams.keeping.journal import Pointer

CHUNK_BYTES = 512 * 1024
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one shard's snapshots lie, and how they are signed."""

    pipeline: str
    partition: int
    topic: str
    key: bytes
    size_max: int

    def signer(self, seq: int) -> hmac.HMAC:
        said = f"driftline {FORMAT} {self.pipeline} {self.partition} {seq}\n"
        return hmac.new(self.key, said.encode(), hashlib.sha256)


async def write(
    shelf: Shelf, store: Store, seq: int, journal: int, positions: dict[str, int], pieces: Iterable[bytes]
) -> Pointer:
    """Write the chunks; the snapshot exists once an entry names what is returned."""
    name = f"{shelf.partition}/{seq}/{uuid.uuid4().hex[:12]}"
    sign, size, offsets = shelf.signer(seq), 0, list[int]()
    for chunk in cut(pieces):
        size += len(chunk)
        if size > shelf.size_max:
            await drop(shelf, store, name, len(offsets))
            raise StateError(f"the state is larger than snapshots.size_max = {shelf.size_max} bytes")
        sign.update(chunk)
        offsets.append(await store.put(shelf.topic, f"{name}/{len(offsets)}".encode(), chunk))
    return Pointer(
        seq=seq,
        journal=journal,
        next=positions,
        name=name,
        first=offsets[0],
        end=offsets[-1] + 1,
        chunks=len(offsets),
        size=size,
        sign=sign.hexdigest(),
        made_ms=int(time.time() * 1000),
    )


async def read(shelf: Shelf, store: Store, pointer: Pointer) -> bytes:
    """The bytes of a snapshot that is whole and signed with our key, else StateError says what is wrong."""
    where = f"the snapshot of entry {pointer.seq}"
    if pointer.size > shelf.size_max:
        raise StateError(f"{where} has {pointer.size} bytes, snapshots.size_max is {shelf.size_max}")
    prefix = f"{pointer.name}/".encode()
    chunks = _chunks(store, shelf.topic, pointer.first, pointer.end)
    found = {key: value async for key, value in chunks if value is not None and key.startswith(prefix)}
    wanted = [f"{pointer.name}/{n}".encode() for n in range(pointer.chunks)]
    if missing := [key for key in wanted if key not in found]:
        raise StateError(f"{where} lacks {len(missing)} of {pointer.chunks} chunks")
    sign = shelf.signer(pointer.seq)
    for key in wanted:
        sign.update(found[key])
    if not hmac.compare_digest(sign.hexdigest(), pointer.sign):
        raise StateError(f"{where} is not signed with this pipeline's key (snapshots.key)")
    return b"".join(found[key] for key in wanted)


async def drop(shelf: Shelf, store: Store, name: str, chunks: int) -> None:
    for n in range(chunks):
        await store.put(shelf.topic, f"{name}/{n}".encode(), None)


async def sweep(shelf: Shelf, store: Store, named: Sequence[Pointer], seq: int) -> int:
    """Remove chunks of snapshots up to entry `seq` that no entry names; return how many.

    Crashes leave them. Those of later entries may be on their way at this very moment.
    """
    start, end = await store.bounds(shelf.topic)
    first = max(start, min((pointer.first for pointer in named), default=start))
    ours = tuple(f"{pointer.name}/".encode() for pointer in named)
    orphans: dict[bytes, None] = {}
    async for key, value in _chunks(store, shelf.topic, first, end):
        mine = key.startswith(f"{shelf.partition}/".encode()) and int(key.split(b"/")[1]) <= seq
        if mine and not key.startswith(ours):
            if value is None:
                orphans.pop(key, None)
            else:
                orphans[key] = None
    for key in orphans:
        await store.put(shelf.topic, key, None)
    return len(orphans)


async def _chunks(
    store: Store, topic: str, first: int, end: int
) -> AsyncIterator[tuple[bytes, bytes | None]]:
    try:
        async for batch in store.read(topic, first, end):
            for key, value in zip(batch.keys, batch.values, strict=True):
                yield key or b"", value
    except Gone:
        return  # compacted away: the caller finds chunks missing


def cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A stream of bytes in chunks of at most CHUNK_BYTES.

    >>> [len(chunk) for chunk in cut([b"x" * 600_000, b"y"])]
    [524288, 75713]
    """
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
