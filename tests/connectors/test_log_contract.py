"""What every `Log` must do, whatever is behind it."""

from __future__ import annotations

import random
import threading
import time

import pytest

from connectors.log import Gone, Misfit, Record, Rows, Topic
from engine.batch import Lines
from tests.connectors.worlds import World, make_topic, rows, values


def test_round_trip(world: World) -> None:
    """Keys, values, headers and timestamps come back as they were, byte for byte."""
    topic = make_topic(world, "events")
    keys = [b"k", None, b"", bytes(range(256))]
    stored = [b"v", b"", None, bytes(reversed(range(256)))]
    headers = [[("ce_id", b"1"), ("ce_id", b"\xff")], [], [("trace", b"")], []]
    keys[2] = b"key"  # Kafka has no record without key and value
    stamps = [int(time.time()) * 1000 - at for at in range(4)]  # older ones Kafka would delete soon
    world.log.append(topic, 0, Rows(keys, stored, headers), stamps)
    found = list(world.log.read(topic, 0, 0, wait=30).records())
    assert [record._replace(headers=list(record.headers)) for record in found] == [
        Record(at, stamps[at], keys[at], stored[at], headers[at]) for at in range(4)
    ]


@pytest.mark.parametrize("counts", [[1], [256, 256, 256, 256, 7], [999, 2], [3, 1200]])
@pytest.mark.parametrize("size", [1, 9000])
def test_lines_are_records(world: World, counts: list[int], size: int) -> None:
    """Values that are kept together as lines are parted again by whoever reads, with keys and headers."""
    topic, lines, wanted = make_topic(world, "predictions"), Lines(), list[tuple[bytes, bytes, object]]()
    counts = counts if size == 1 else [min(count, 130) for count in counts]
    for block, count in enumerate(counts):
        made = [
            (b"k%d" % at, b'"%d:%d:%s"' % (block, at, b"x" * size), [("n", b"\n")]) for at in range(count)
        ]
        keys, stored, headers = map(list, zip(*made, strict=True))
        lines.add(keys, b"".join(line + b"\n" for line in stored), headers if block else None)
        wanted += made if block else [(key, line, []) for key, line, _ in made]
    world.log.append(topic, 0, lines)
    found, at = list[Record](), 0
    while at < len(wanted):
        batch = world.log.read(topic, 0, at, wait=30)
        found, at = [*found, *batch.records()], batch.end
    assert [(record.key, record.value, list(record.headers)) for record in found] == wanted


def test_headers_are_none_without_any(world: World) -> None:
    """A batch says at once that no record has headers."""
    topic = make_topic(world, "events")
    world.log.append(topic, 0, Rows([b"k"], [b"v"], [[]]))
    assert not any(world.log.read(topic, 0, 0).headers or [])


def test_it_tells_where_rows_went(world: World) -> None:
    """An append returns the offsets of its rows, by which they are found again."""
    topic = make_topic(world, "events")
    world.log.append(topic, 0, rows(b"a"))
    offsets = world.log.append(topic, 0, rows(b"b", b"c"))
    found = {record.offset: record.value for record in world.log.read(topic, 0, 0, wait=30).records()}
    assert [found[offset] for offset in offsets] == [b"b", b"c"]


def test_timestamps_default_to_now(world: World) -> None:
    """Records without timestamps get the wall clock's, in milliseconds."""
    topic = make_topic(world, "events")
    before = int(time.time() * 1000)
    world.log.append(topic, 0, rows(b"a", b"b"))
    after = int(time.time() * 1000)
    assert all(before <= stamp <= after for stamp in world.log.read(topic, 0, 0).timestamps)


@pytest.mark.parametrize("limit", [1, 3, 700, 5000])
def test_reads_join_up(world: World, limit: int) -> None:
    """Whatever the limit, batches follow each other without gap or overlap, and hold every record."""
    topic, count = make_topic(world, "events"), 2300
    written = [b"%d" % at for at in range(count)]
    for part in (slice(0, 1), slice(1, 1200), slice(1200, count)):
        world.log.append(topic, 0, rows(*written[part]))
    found: list[bytes | None] = []
    start = at = 0 if limit > 3 else count - 7
    while at < count:
        batch = world.log.read(topic, 0, at, limit)
        assert (batch.first, len(batch) <= limit) == (at, True)
        assert list(batch.offsets) == list(range(at, batch.end))
        found, at = [*found, *batch.values], batch.end
    assert found == written[start:]


def test_read_from_anywhere(world: World) -> None:
    """A read may begin in the middle of what was appended at once."""
    topic = make_topic(world, "events")
    world.log.append(topic, 0, rows(*[b"%d" % at for at in range(50)]))
    for first in random.Random(1).sample(range(50), 10):
        assert world.log.read(topic, 0, first, 2).values[0] == b"%d" % first


def test_order_of_two_writers(world: World) -> None:
    """Two writers at once lose nothing, and each one's records keep their order."""
    topic, other = make_topic(world, "events"), world.another()
    for at in range(20):
        (world.log if at % 2 else other).append(topic, 0, rows(b"%d" % at, b"%d+" % at))
    assert values(world.log, topic) == [b"%d%s" % (at, sign) for at in range(20) for sign in (b"", b"+")]


def test_partitions_are_apart(world: World) -> None:
    """Each partition has its own offsets and bounds."""
    topic = make_topic(world, "events", 3)
    world.log.append(topic, 2, rows(b"a", b"b"))
    assert world.log.bounds(topic) == [(0, 0), (0, 0), (0, 2)]
    assert values(world.log, topic, 2) == [b"a", b"b"]


def test_nothing_to_read(world: World) -> None:
    """At the end a read gives an empty batch that says where to go on, at once or after the wait."""
    topic = make_topic(world, "events")
    world.log.append(topic, 0, rows(b"a"))
    began = time.monotonic()
    for wait in (0.0, 0.1):
        batch = world.log.read(topic, 0, 1, wait=wait)
        assert (len(batch), batch.first, batch.end) == (0, 1, 1)
    assert 0.1 <= time.monotonic() - began < 30


def test_wait_ends_with_the_first_record(world: World) -> None:
    """A waiting reader sees at once what another process appends."""
    topic, other = make_topic(world, "events"), world.another()
    found: list[object] = []

    def wait() -> None:
        reader = world.log
        found.extend(reader.read(topic, 0, 0, wait=30).values)

    def write() -> None:
        time.sleep(0.1)
        other.append(topic, 0, rows(b"a"))

    if type(other).__name__ == "SqliteLog":  # its connections belong to the thread that opened them
        other.append(topic, 0, rows(b"a"))
        wait()
    else:
        writer = threading.Thread(target=write)
        writer.start()
        wait()
        writer.join()
    assert found == [b"a"]


def test_create_leaves_what_is_there(world: World) -> None:
    """Creating again returns nothing and changes nothing."""
    topic = make_topic(world, "events", 2)
    world.log.append(topic, 1, rows(b"a"))
    assert world.log.create([Topic(topic, 5)]) == []
    assert world.log.topics()[topic].partitions == 2
    assert values(world.log, topic, 1) == [b"a"]


def test_topics_are_remembered(world: World) -> None:
    """Partitions, compaction and retention come back, also to another process."""
    wanted = [
        Topic(f"{world.prefix}.a", 3, retention_ms=3_600_000),
        Topic(f"{world.prefix}.b", 1, compacted=True),
        Topic(f"{world.prefix}.c", 1, retention_ms=-1),
    ]
    assert world.log.create(wanted) == [topic.name for topic in wanted]
    found = world.another().topics()
    assert [found[topic.name] for topic in wanted] == wanted


def test_unknown_topic_or_partition(world: World) -> None:
    """A topic or partition that is not there is a Misfit that names it."""
    topic = make_topic(world, "events")
    for name, partition in ((f"{world.prefix}.nope", 0), (topic, 1), (topic, -1)):
        with pytest.raises(Misfit, match=name):
            world.log.read(name, partition, 0)
        with pytest.raises(Misfit, match=name):
            world.log.append(name, partition, rows(b"a"))
    with pytest.raises(Misfit, match="nope"):
        world.log.bounds(f"{world.prefix}.nope")


def test_gone(world: World) -> None:
    """What was deleted is Gone, and so is what was never there; the rest stays readable."""
    topic = make_topic(world, "events")
    for value in (b"a", b"b", b"c"):
        world.log.append(topic, 0, rows(value))
    world.forget(topic, 2)
    assert world.log.bounds(topic) == [(2, 3)]
    assert values(world.log, topic) == [b"c"]
    for first in (0, 1, 9):
        with pytest.raises(Gone, match=topic):
            world.log.read(topic, 0, first)


def test_compacted(world: World) -> None:
    """Of a compacted topic the newest value of each key stays; None deletes the key."""
    topic = make_topic(world, "alerts", compacted=True)
    for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4"), (b"b", None)):
        world.log.append(topic, 0, Rows([key], [value]))
    batch = world.log.read(topic, 0, 0)
    newest = dict(zip(batch.keys, batch.values, strict=True))
    assert {key: value for key, value in newest.items() if value is not None} == {b"a": b"3", b"c": b"4"}
    assert world.log.bounds(topic) == [(0, 5)]
    assert batch.end == 5


def test_compacted_needs_keys(world: World) -> None:
    """A record without a key has no place in a compacted topic."""
    topic = make_topic(world, "alerts", compacted=True)
    with pytest.raises(Misfit, match="key"):
        world.log.append(topic, 0, rows(b"a"))
    assert world.log.bounds(topic) == [(0, 0)]


def test_large_values(world: World) -> None:
    """Values of hundreds of kilobytes come back whole, next to small ones."""
    topic = make_topic(world, "events")
    written = [bytes([at]) * size for at, size in enumerate((900_000, 3, 900_000, 500_000, 0))]
    world.log.append(topic, 0, rows(*written, key=b"k"))
    assert values(world.log, topic) == written
