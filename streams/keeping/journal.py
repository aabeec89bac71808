"""The journal: one entry a commit, saying what a shard took, in which order, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from zlib import crc32

import msgspec

from connectors.log import Headers
from engine.batch import Lines, Output

Run = tuple[str, int, int]  # topic, first, end: the offsets with first <= n < end
ALERTS = "alerts"  # their lane


class Pointer(msgspec.Struct, frozen=True):
    """A snapshot: the state right after one entry, in signed chunks in the snapshots topic."""

    seq: int  # the entry it covers
    journal: int  # that entry's offset in the journal
    next: dict[str, int]  # where the inputs went on after it
    name: str  # what the keys of its chunks begin with
    first: int  # the offsets between which the chunks lie: first <= n < end
    end: int
    chunks: int
    size: int
    sign: str
    made_ms: int


class Refusal(msgspec.Struct, frozen=True):
    """A record on which the walk failed: it is a dead letter now, and at every replay."""

    topic: str
    offset: int
    exception: str
    message: str


class Entry(msgspec.Struct, omit_defaults=True):
    """One commit of a shard."""

    pipeline: str
    seq: int
    runs: list[Run]
    next: dict[str, int]  # per topic: the first offset that is not taken
    digest: str  # of the outputs but for alerts: a replay must make the same bytes
    spec: str  # the fingerprint of the spec that made them
    snapshots: list[Pointer] = []  # newest first, two that hold and one that may still have to be removed
    refused: list[Refusal] = []
    fresh: bool = False  # this entry begins with an empty state, whatever came before
    judge: str = ""  # the fingerprint of the conditions that alerts come from
    alerts: str = ""  # the alerts' digest: a replay under the same conditions must make the same bytes


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Entry).decode


def add_run(runs: list[Run], topic: str, first: int, end: int) -> None:
    """Append a run, or lengthen the last one: how batches were cut is not kept.

    >>> runs = [("a", 0, 5)]
    >>> add_run(runs, "a", 5, 7)
    >>> add_run(runs, "b", 0, 1)
    >>> runs
    [('a', 0, 7), ('b', 0, 1)]
    """
    if runs and runs[-1][0] == topic and runs[-1][2] == first:
        runs[-1] = (topic, runs[-1][1], end)
    else:
        runs.append((topic, first, end))


class Digest:
    """A fingerprint of outputs: the same however they were cut on their way in.

    A CRC for each column of each topic: it guards against accidents, at a fifth of the cost of a hash.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[int]] = {}  # by topic: count, and CRCs of keys, values, headers

    def add(self, outputs: Mapping[str, Output | Lines]) -> None:
        for topic, rows in outputs.items():
            if not len(rows):
                continue
            column = self.columns.setdefault(topic, [0, 0, 0, 0])
            column[0] += len(rows)
            column[1] = crc32(b"\n".join([*filter(None, rows.keys), b""]), column[1])
            for chunk in rows.flat:
                column[2] = crc32(chunk, column[2])
            if rows.headers is not None:
                column[3] = crc32(b"".join(map(_flat, rows.headers)), column[3])

    def hex(self) -> str:
        """Of all outputs but the alerts, whose conditions may change while the state stays."""
        return _short({name: column for name, column in self.columns.items() if name != ALERTS})

    def alerts(self) -> str:
        """Of the alerts; empty if there are none."""
        return _short(self.columns[ALERTS]) if ALERTS in self.columns else ""


def _short(columns: object) -> str:
    return sha256(msgspec.json.encode(columns, order="sorted")).hexdigest()[:16]


def _flat(headers: Headers) -> bytes:
    return b"".join([name.encode() + content for name, content in headers])
