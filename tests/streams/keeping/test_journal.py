"""The journal's entries: they read back as they were written, and say what was taken, however it was cut."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batch import Output
from streams.keeping import journal
from streams.keeping.journal import Digest, Entry, Pointer, Refusal, Run

POINTER = Pointer(3, 2, {"p.events": 7}, "0/3/abc", 10, 12, 2, 600_000, "beef", 1_700_000_000_000)
ENTRY = Entry("p", 4, [("p.events", 7, 9)], {"p.events": 9}, "0123", "4567")


def test_an_entry_reads_back() -> None:
    """Every field of it."""
    refusal = Refusal("p.events", 8, "TypeError", "no")
    full = msgspec.structs.replace(ENTRY, snapshots=[POINTER], refused=[refusal], fresh=True)
    assert journal.decode(journal.encode(full)) == full


def test_what_an_entry_is_made_of() -> None:
    """Other programs may read it: these are its names, and what does not apply is left out."""
    assert msgspec.json.decode(journal.encode(ENTRY)) == {
        "pipeline": "p",
        "seq": 4,
        "runs": [["p.events", 7, 9]],
        "next": {"p.events": 9},
        "digest": "0123",
        "spec": "4567",
    }


def test_an_entry_of_a_later_version() -> None:
    """Fields that this version does not know are passed over."""
    known = msgspec.json.decode(journal.encode(ENTRY))
    assert journal.decode(msgspec.json.encode({**known, "later": 1})) == ENTRY


def test_what_is_no_entry() -> None:
    """A record of something else is told apart."""
    with pytest.raises(msgspec.ValidationError):
        journal.decode(b'{"pipeline": "p"}')


def cut_at_random(runs: list[Run], rng: random.Random) -> list[Run]:
    parts = []
    for topic, first, end in runs:
        marks = sorted({first, end, *(rng.randint(first, end) for _ in range(3))})
        parts += [(topic, *pair) for pair in pairwise(marks)]
    return parts


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9))), st.randoms(use_true_random=False))
def test_runs_do_not_depend_on_cuts(lengths: list[tuple[str, int]], rng: random.Random) -> None:
    """The same records in the same order are the same runs."""
    taken, ends = list[Run](), {"a": 5, "b": 0}
    for topic, length in lengths:
        taken.append((topic, ends[topic], ends[topic] + length))
        ends[topic] += length
    whole, pieces = list[Run](), list[Run]()
    for run in taken:
        journal.add_run(whole, *run)
    for run in cut_at_random(taken, rng):
        journal.add_run(pieces, *run)
    assert pieces == whole
    assert all(one[0] != two[0] for one, two in pairwise(whole))


def rows(n: int, first: int = 0, headed: bool = False) -> Output:
    out = Output()
    for i in range(first, first + n):
        out.add(b"k%d" % (i % 3), b"value %d" % i, [("h", b"%d" % i)] if headed else ())
    return out


def digest(*parts: dict[str, Output]) -> str:
    found = Digest()
    for part in parts:
        found.add(part)
    return found.hex()


@pytest.mark.parametrize("headed", [False, True])
def test_a_digest_does_not_depend_on_cuts(headed: bool) -> None:
    """Nor on how the outputs of several topics alternate."""
    whole = digest({"a": rows(9, headed=headed), "b": rows(4)})
    first = {"a": rows(2, headed=headed), "b": Output()}
    assert digest(first, {"b": rows(4)}, {"a": rows(7, 2, headed)}) == whole


def test_a_digest_tells_outputs_apart() -> None:
    """Another value, key, header, order, topic or number of records is another digest."""
    others = [
        {"a": rows(9)},
        {"a": rows(8)},
        {"b": rows(9)},
        {"a": rows(9, 3)},
        {"a": rows(9, headed=True)},
        {"a": Output([b"k"] * 9, rows(9).values)},
        {"a": Output(rows(9).keys, rows(9).values[::-1])},
        {"a": rows(9), "b": rows(1)},
        {},
    ]
    assert len({digest(other) for other in others}) == len(others)
