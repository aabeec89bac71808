"""What waits to be walked: the oldest first, nothing lost between cuts, and no waiting for ever."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.log import Batch
from streams.keeping import queues
from streams.keeping.queues import Queues

TOPICS = ("events", "labels", "control")
Taken = list[tuple[int, int, int]]  # time, topic, offset


def make(topic: str, first: int, stamps: list[int], gaps: bool = False) -> Batch:
    """A batch with these timestamps; with gaps every second offset is a marker of a transaction."""
    step = 2 if gaps else 1
    offsets = [first + i * step for i in range(len(stamps))]
    nothing = [None] * len(stamps)
    return Batch(topic, 0, first, first + len(stamps) * step, offsets, stamps, nothing, nothing)


def filled(**stamps: list[int]) -> Queues:
    """Queues with one batch of each topic, and none behind."""
    found = Queues(TOPICS, lambda topic: 0)
    for topic, times in stamps.items():
        found.put(make(topic, 0, times))
    return found


def drained(queue: Queues, most: int = 256) -> list[Batch]:
    """All parts in the order in which they come."""
    parts = []
    while (part := queue.oldest(most)) is not None:
        queue.done(part)
        parts.append(part)
    return parts


def taken(parts: list[Batch]) -> Taken:
    return [
        (time, TOPICS.index(part.topic), offset)
        for part in parts
        for time, offset in zip(part.timestamps, part.offsets, strict=True)
    ]


def cut(topic: str, stamps: list[int], rng: random.Random, gaps: bool) -> list[Batch]:
    """A topic's records in batches of any length, also of none."""
    batches, first = [], 0
    while stamps:
        n = rng.randrange(4)
        batches.append(make(topic, first, stamps[:n], gaps))
        first, stamps = batches[-1].end, stamps[n:]
    return batches


STAMPS = st.lists(st.integers(0, 20), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.tuples(STAMPS, STAMPS, STAMPS), st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False))
def test_what_goes_in_comes_out(
    stamps: tuple[list[int], ...], most: int, gaps: bool, rng: random.Random
) -> None:
    """However batches were cut, each record comes out once, in its topic's order, in parts that join up."""
    queue = Queues(TOPICS, lambda topic: 0)
    lanes = [cut(topic, times, rng, gaps) for topic, times in zip(TOPICS, stamps, strict=True)]
    ends, parts = dict.fromkeys(TOPICS, 0), []
    while any(lanes) or queue:
        if any(lanes) and rng.random() < 0.5:
            queue.put(rng.choice([lane for lane in lanes if lane]).pop(0))
        elif (part := queue.oldest(most)) is not None:
            queue.done(part)
            assert part.first == ends[part.topic]
            assert len(part) <= most
            ends[part.topic] = part.end
            parts.append(part)
    for rank, times in enumerate(stamps):
        assert [time for time, topic, _ in taken(parts) if topic == rank] == times
    assert queue.lags() == dict.fromkeys(TOPICS, 0)


@settings(max_examples=200, deadline=None)
@given(st.tuples(STAMPS, STAMPS, STAMPS), st.integers(1, 9))
def test_merged_by_time(stamps: tuple[list[int], ...], most: int) -> None:
    """Topics whose records lie in order of time are merged; of equal times the event comes first."""
    times = {topic: sorted(s) for topic, s in zip(TOPICS, stamps, strict=True) if s}
    found = taken(drained(filled(**times), most))
    assert found == sorted(found)


def test_a_part_ends_where_another_topic_is_older() -> None:
    """Runs are as long as they can be: the fewer parts, the faster."""
    parts = drained(filled(events=[1, 2, 3, 7, 8], labels=[3, 4, 9]))
    assert [(part.topic, part.timestamps) for part in parts] == [
        ("events", [1, 2, 3]),
        ("labels", [3, 4]),
        ("events", [7, 8]),
        ("labels", [9]),
    ]


def test_a_part_is_at_most_so_long() -> None:
    """The shard asks for no more than its next turn is away."""
    assert [len(part) for part in drained(filled(events=[1] * 10), most=4)] == [4, 4, 2]


def test_a_batch_without_records() -> None:
    """Offsets alone, as transactions leave them on Kafka, are taken at once, so that positions go on."""
    queue = filled(events=[5])
    queue.put(Batch("labels", 0, 0, 3, [], [], [], []))
    assert [(part.topic, part.end) for part in drained(queue)] == [("labels", 3), ("events", 1)]


def test_it_waits_for_a_topic_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older records of it may be on their way; it waits a little, and not again until that topic is there."""
    monkeypatch.setattr(queues, "PATIENCE_S", 0.02)
    behind = {"events": 0, "labels": 7, "control": 0}
    queue = Queues(TOPICS, behind.__getitem__)
    queue.put(make("events", 0, [1, 2]))
    began = time.monotonic()
    assert queue.oldest(1) is None
    while (part := queue.oldest(1)) is None:
        pass
    assert time.monotonic() - began >= 0.02
    queue.done(part)
    assert queue.oldest(1) is not None  # it has waited already
    queue.put(make("labels", 0, [0]))
    assert drained(queue)[0].topic == "labels"


def test_it_waits_for_nobody_when_it_is_not_behind() -> None:
    """A topic of which there is nothing more holds nobody up."""
    queue = Queues(TOPICS, lambda topic: 0)
    queue.put(make("labels", 0, [9]))
    assert queue.oldest(256) is not None


def test_how_much_waits() -> None:
    """What is queued and what lies in the log count together, and a full queue says so."""
    queue = Queues(TOPICS, {"events": 5, "labels": 0, "control": 0}.__getitem__)
    queue.put(make("events", 0, [0] * queues.RECORDS_MAX))
    assert queue.lags() == {"events": queues.RECORDS_MAX + 5, "labels": 0, "control": 0}
    assert queue.is_full("events")
    assert (queue.end("events"), queue.end("labels")) == (queues.RECORDS_MAX, None)
    queue.clear()
    assert not queue
    assert not queue.is_full("events")
