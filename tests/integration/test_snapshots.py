"""Snapshots that are damaged or gone, and topics that no longer reach back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

import pytest
from kafka import KafkaAdminClient

from connectors import segments
from connectors.log import Rows
from connectors.sqlite import SqliteLog
from streams.keeping.journal import Pointer
from tests.faults.harness import Place, Worker
from tests.faults.witness import newest_entry
from tests.integration.pipeline import Pipeline

pytestmark = pytest.mark.integration

OFTEN = {"snapshots": {"every_records": 500}}


def with_snapshots(at: Place) -> Pipeline:
    """A pipeline with two snapshots, stopped."""
    made = Pipeline(at, OFTEN)
    with Worker(made.path) as worker:
        for _ in range(4):
            made.feed(600)
            made.wait(worker)
        assert worker.stop() == 0
    return made


@pytest.fixture
def pipeline(on_sqlite: Place) -> Pipeline:
    return with_snapshots(on_sqlite)


def pointers(pipeline: Pipeline) -> Sequence[Pointer]:
    entry = newest_entry(pipeline.log, pipeline.spec)
    assert entry is not None
    return entry.snapshots[:2]


def flip(pipeline: Pipeline, pointer: Pointer) -> None:
    """Change one bit of a snapshot's first chunk where it lies in the file."""
    path = pipeline.at.url.removeprefix("sqlite:///")
    db = sqlite3.connect(path)
    key = f"{pointer.name}/0".encode()
    row, first, body = db.execute("SELECT id, first, body FROM segments WHERE key=?", (key,)).fetchone()
    segment = segments.unpack(first, body)
    value = bytearray(segment.values[0] or b"")
    value[len(value) // 2] ^= 1
    rows = Rows(segment.keys, [bytes(value)], segment.headers)
    damaged = segments.pack(rows, slice(0, 1), segment.timestamps)[1]
    db.execute("UPDATE segments SET body=? WHERE id=?", (damaged, row))
    db.commit()
    db.close()


@pytest.mark.parametrize("damaged", [1, 2])
def test_damaged_snapshots(pipeline: Pipeline, damaged: int) -> None:
    """A flipped bit is noticed; the older snapshot serves, or the whole journal; outputs are the same."""
    for pointer in pointers(pipeline)[:damaged]:
        flip(pipeline, pointer)
    pipeline.feed(600)
    worker = pipeline.work()
    assert len(worker.said("is not signed with this pipeline's key")) == damaged
    assert pipeline.verdict(worker).holds
    pipeline.close()


def test_snapshots_gone(on_kafka: Place) -> None:
    """When somebody deleted the topic of snapshots, a shard replays its whole journal."""
    pipeline = with_snapshots(on_kafka)
    admin = KafkaAdminClient(bootstrap_servers=on_kafka.url.removeprefix("kafka://"))
    admin.delete_topics([pipeline.spec.topic("snapshots")])
    admin.close()
    worker = pipeline.work()
    assert len(worker.said("going on with what is older")) == 2
    assert pipeline.verdict(worker).holds
    pipeline.close()


def test_retention_short(pipeline: Pipeline) -> None:
    """Inputs that no longer reach back to the older snapshot are reported."""
    assert isinstance(pipeline.log, SqliteLog)
    newest, older = pointers(pipeline)
    topic = next(topic for topic, at in newest.next.items() if at > older.next[topic])
    asyncio.run(pipeline.log.trim(topic, 0, newest.next[topic]))
    with Worker(pipeline.path) as worker:
        worker.wait(f"{topic} no longer reach back to the snapshot of entry {older.seq}", limit=15)
        assert worker.stop() == 0
    pipeline.close()
