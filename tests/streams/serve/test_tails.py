"""Reading topics on, and finding what they held at a time."""

from __future__ import annotations

import random

import pytest

from connectors.log import Rows, Topic
from connectors.memory import MemoryLog
from streams.serve.problems import Problem
from streams.serve.views import compacted
from streams.serve.views.compacted import Compacted
from streams.serve.views.tails import Moments, Tail, spread
from tests.engine.cases import spec

LONG_AGO = 10**12  # everything is settled


def log_with(times: list[int]) -> MemoryLog:
    log = MemoryLog()
    log.create([Topic("t", 1)])
    if times:
        log.append("t", 0, Rows([None] * len(times), [b"x"] * len(times)), times)
    return log


@pytest.mark.parametrize("chunk", [1, 7, 500])
@pytest.mark.parametrize("seed", range(10))
def test_what_there_was_at_a_time(chunk: int, seed: int) -> None:
    """As by looking at every record, whatever the order of the questions, with gaps in the offsets."""
    rng = random.Random(seed)
    times = sorted(rng.randrange(1_000) for _ in range(rng.randrange(300)))
    log = log_with(times)
    for offset in rng.sample(range(len(times)), len(times) // 3):
        log.partition("t", 0)._delete(offset)
    found = Moments("t", 0, lambda record: 10 * record.offset, chunk)
    left = [(offset, times[offset]) for offset in log.partition("t", 0).offsets]
    for ms in rng.choices(range(1_100), k=50):
        before = [offset for offset, time in left if time < ms]
        assert found.find(log, log.bounds("t")[0], ms, LONG_AGO) == (10 * before[-1] if before else 0)


def test_what_is_not_settled_is_asked_again() -> None:
    """Records may still come for a time that has just passed."""
    log, found = log_with([100, 200]), Moments("t", 0)
    assert found.find(log, log.bounds("t")[0], 300, 301) == 2
    log.append("t", 0, Rows([None], [b"x"]), [250])
    assert found.find(log, log.bounds("t")[0], 300, 301) == 3


def test_a_tail_reads_on() -> None:
    """From so far before the end; then what comes; of very much only the newest."""
    log, tail = log_with([0] * 10), Tail("t", back=3, most=4)
    assert [each.record.offset for each in tail.new(log)] == [7, 8, 9]
    assert tail.new(log) == []
    log.append("t", 0, Rows([None] * 9, [b"y"] * 9))
    assert [each.record.offset for each in tail.new(log)] == [15, 16, 17, 18]
    assert tail.skipped == 5


def test_a_tail_that_takes_its_time() -> None:
    """A look ends after so many records, and says how many it has left for the next one."""
    log, tail = log_with([0] * 1_200), Tail("t", at_once=100)
    sizes = list[int]()
    while not sizes or tail.behind:
        sizes.append(len(tail.new(log)))
    assert sizes == [500, 500, 200]


def test_a_topic_that_is_long_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks is told how many are to go, and whoever asks again gets further."""
    monkeypatch.setattr(compacted, "AT_ONCE", 1)
    monkeypatch.setattr(compacted, "LOOK_SECONDS", -1.0)
    log = log_with([])
    log.create([Topic("p.alerts", 1, compacted=True)])
    log.append("p.alerts", 0, Rows([f"{i}".encode() for i in range(900)], [b"x"] * 900))
    book = Compacted(spec(), "alerts", lambda each: each.record.value, 1_000)
    with pytest.raises(Problem, match="400 records to go"):
        book.look(log)
    book.look(log)
    assert len(book.known) == 900


def test_a_topic_that_was_made_anew() -> None:
    """Its offsets begin again, and so does who reads it."""
    tail = Tail("t")
    assert len(tail.new(log_with([0] * 5))) == 5
    assert len(tail.new(log_with([0] * 2))) == 2


def test_what_is_over_is_forgotten_first() -> None:
    """Of more keys than are known those that are over make room, and then the oldest."""
    log, world = log_with([]), spec()
    log.create([Topic("p.alerts", 1, compacted=True)])
    book = Compacted(world, "alerts", lambda each: each.record.value, 3, lambda told: told == b"over")
    for key, value in (("a", b"open"), ("b", b"over"), ("c", b"open"), ("d", b"open"), ("e", b"open")):
        log.append("p.alerts", 0, Rows([key.encode()], [value]))
        book.look(log)
    assert list(book.known) == [b"c", b"d", b"e"]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 64])
def test_places_are_spread(count: int) -> None:
    """Each comes once."""
    assert sorted(spread(count)) == list(range(count))
