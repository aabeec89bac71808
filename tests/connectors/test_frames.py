"""Batches that the kernel frames are read by aiokafka as what went in."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from connectors import kafka_frames
from connectors.kafka_frames import Framed, framed
from connectors.log import Payload, Rows
from engine.batch import Lines

ROOM = 50_000


@pytest.fixture(autouse=True)
def warm() -> Iterator[None]:
    kafka_frames.warm()
    yield
    kafka_frames._kernel = None  # other tests begin without it


def lines(*counts: int, size: int = 400) -> Lines:
    """Chunks of so many lines of random lengths, with keys of random lengths."""
    dice, made = random.Random(sum(counts)), Lines()
    for count in counts:
        values = [b'"%s"' % (b"x" * dice.randrange(size)) for _ in range(count)]
        keys = [b"k" * dice.choice([0, 1, 63, 64, 300]) for _ in range(count)]
        made.add(keys, b"".join(value + b"\n" for value in values), None)
    return made


def read(batch: Framed) -> list[tuple[bytes | None, bytes | None]]:
    found = DefaultRecordBatch(batch._build())
    assert found.validate_crc()
    records = list(found)
    assert [record.offset for record in records] == list(range(batch.record_count()))
    assert {record.timestamp for record in records} == {1234}
    return [(record.key, record.value) for record in records]


@pytest.mark.parametrize("counts", [(1,), (3, 1, 40), (256,) * 7, (100, 1) * 20, (1500,)])
def test_what_went_in(counts: tuple[int, ...]) -> None:
    """Every record is there, in order, in batches that are not too large."""
    made = lines(*counts, size=150)
    batches = list(framed(made, ROOM, 1234, transactional=True))
    found = [record for batch in batches for record in read(batch)]
    assert found == list(zip(made.keys, made.values, strict=True))
    assert all(batch.size() <= ROOM for batch in batches)
    size = sum(len(key or b"") + len(value or b"") + 24 for key, value in found)
    assert len(batches) <= 1 + size // (ROOM - 1000)  # and they are full


def test_the_producers_part() -> None:
    """What a producer says of itself stands in the head, also when it says it again."""
    [batch] = framed(lines(5), ROOM, 1234, transactional=True)
    for producer in [(7, 2, 100), (7, 3, 105)]:
        batch._set_producer_state(*producer)
        found = DefaultRecordBatch(batch._build())
        assert (found.producer_id, found.producer_epoch, found.base_sequence) == producer
        assert found.is_transactional
        assert found.validate_crc()


HUGE = Lines([b"k"], [b'"%s"\n' % (b"x" * ROOM)], [1])
HEADED = Lines([b"k"], [b"1\n"], [1], [[("a", b"")]])


@pytest.mark.parametrize("rows", [Rows([b"k"], [b"v"]), Lines(), HUGE, HEADED])
def test_what_is_left_to_aiokafka(rows: Payload) -> None:
    """Rows that are kept one by one, none at all, a line larger than a batch, and headers."""
    assert list(framed(rows, ROOM, 1234, transactional=False)) == []


def test_nothing_without_the_kernel() -> None:
    """Before it is compiled, records are appended one by one."""
    kafka_frames._kernel = None
    assert list(framed(lines(5), ROOM, 1234, transactional=False)) == []
