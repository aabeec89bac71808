"""Which partition a record belongs to: the same as Kafka's own producers choose, on every log."""

from __future__ import annotations

import struct
from functools import lru_cache

SEED = 0x9747B28C
FACTOR = 0x5BD1E995
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Austin Appleby's hash, as Kafka's default partitioner uses it.

    >>> murmur2(b"driftline")
    2021504706
    """
    whole = len(data) & ~3
    digest = SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        mixed = word * FACTOR & MASK
        digest = digest * FACTOR & MASK ^ (mixed ^ mixed >> 24) * FACTOR & MASK
    if rest := data[whole:]:
        digest = (digest ^ int.from_bytes(rest, "little")) * FACTOR & MASK
    digest = (digest ^ digest >> 13) * FACTOR & MASK
    return digest ^ digest >> 15


@lru_cache(65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key.

    >>> [partition_of(key, 4) for key in (b"a", b"b", b"c")]
    [0, 0, 2]
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions
