"""The ledger beside the plainest table that does the same: a dict of all that is remembered."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from engine.idindex import IdIndex
from engine.ledger import OPEN_MIN, Ledger
from engine.page import PAGE, Packed
from engine.shard import Shard
from tests.engine.cases import Feed, event, label, rows, spec

VALUES = [1.5, 2, True, None, "NL", -0.0, 2**63, float(2**60)]
WIDE = 1 << 20  # so wide a row that few pages stay open
ODD = 2**70  # more than a packed row can hold


class Plain:
    """Slots, ids and labels in one dict: what the ledger has to equal."""

    def __init__(self) -> None:
        self.first = self.end = 0
        self.slots: dict[str, int] = {}
        self.known: dict[int, tuple[str, tuple[Any, ...]]] = {}
        self.labels: dict[int, Any] = {}

    def forget(self, first: int) -> None:
        for slot in range(self.first, first):
            del self.slots[self.known.pop(slot)[0]], self.labels[slot]
        self.first = first

    def items(self) -> list[tuple[Any, ...]]:
        return [(*self.known[slot], self.labels[slot]) for slot in range(self.first, self.end)]


def grow(rng: random.Random, ledger: Ledger, plain: Plain, n: int, odd: bool = False) -> None:
    """Remember `n` events more in both."""
    found = []
    for slot in range(plain.end, plain.end + n):
        x = (rng.random(), rng.choice(VALUES), ODD if odd and slot % 7 == 0 else 7)
        note = rng.choice([None, 0.25])
        entry = (x, slot * 10 + rng.randrange(100), slot * 2, f"c{slot % 9}", slot % 2 == 0, 0.5, note)
        found.append((f"e{slot}", entry, rng.choice([None, None, True])))
        plain.known[slot], plain.slots[f"e{slot}"] = (f"e{slot}", entry), slot
        plain.labels[slot] = found[-1][2]
    plain.end += n
    ids, entries, labels = zip(*found, strict=True)
    ledger.extend(ids, *zip(*entries, strict=True), labels)


def ask(rng: random.Random, ledger: Ledger, plain: Plain) -> None:
    """Both say the same of ids, offsets and slots that are there, were there, or will be."""
    for _ in range(30):
        slot = rng.randrange(max(0, plain.first - 2000), plain.end + 100)
        assert ledger.find(f"e{slot}") == plain.slots.get(f"e{slot}")
        assert ledger.find_offset(slot * 2) == plain.slots.get(f"e{slot}")
        assert ledger.find_offset(slot * 2 + 1) is None
        if slot in plain.known:
            assert (*ledger.entry(slot), ledger.label(slot)) == (*plain.known[slot], plain.labels[slot])
            assert ledger.time(slot) == plain.known[slot][1][1]
    for size in (1, 5, 50):
        names = [f"e{rng.randrange(plain.first, plain.end + 40 * size)}" for _ in range(size)]
        new = [f"new{i}" for i in range(size)]
        assert ledger.knows_any(names) == (not plain.slots.keys().isdisjoint(names))
        assert not ledger.knows_any(new)


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_a_dict(seed: int) -> None:
    """Whatever is remembered, labelled, forgotten, packed and saved, in whatever order."""
    rng = random.Random(seed)
    ledger, plain = Ledger(WIDE), Plain()
    for step in range(60):
        grow(rng, ledger, plain, rng.choice([1, 3, 256, 900]), odd=step == 9)
        for slot in rng.sample(range(plain.first, plain.end), min(20, plain.end - plain.first)):
            plain.labels[slot] = rng.choice([None, True, False])
            ledger.settle(slot, plain.labels[slot])
        if rng.random() < 0.3:
            first = rng.randrange(plain.first, plain.end + 1) if rng.random() < 0.2 else plain.first + 1
            plain.forget(first)
            ledger.forget(first)
        if rng.random() < 0.7:
            ledger.pack()
        if rng.random() < 0.1:
            parts = pickle.loads(pickle.dumps(list(ledger.parts())))
            ledger = Ledger.restored(WIDE, iter(parts))
        assert len(ledger) == plain.end - plain.first
        ask(rng, ledger, plain)
    assert list(ledger.items()) == plain.items()


def test_a_saved_ledger_shows_its_moment() -> None:
    """Parts that are asked for later do not show what came meanwhile."""
    rng = random.Random(5)
    ledger, plain = Ledger(WIDE), Plain()
    grow(rng, ledger, plain, OPEN_MIN * PAGE + 3 * PAGE)
    ledger.pack()
    wanted, parts = list(ledger.items()), ledger.parts()
    for slot in range(0, ledger.end, 100):
        ledger.settle(slot, "another")
    grow(rng, ledger, plain, 2 * PAGE)
    ledger.forget(PAGE + 5)
    ledger.pack()
    assert list(Ledger.restored(WIDE, parts).items()) == wanted


def test_types_are_kept() -> None:
    """A number stays the number that it was: an integer is no float, and minus zero is not zero."""
    row = ("e", tuple(VALUES), "c", True, 0.5, None)
    for odd in (row, ("e", (ODD,), "c", "a class", None, [1.0, 2])):
        found = Packed.of([odd], [0], [0], [None]).row(0)
        assert repr(found) == repr(odd)


def test_the_index_holds_what_its_buckets_can_not() -> None:
    """More ids than eight of one bucket are found all the same, until they are forgotten."""
    crowd = [name for name in map(str, range(200_000)) if hash(name) % 2048 == 7][:20]
    index = IdIndex(2**32 - 10)  # slots may pass the width of a cell
    index.append(crowd)
    slots = [index.first + i for i in range(len(crowd))]
    assert [index.find(name) for name in crowd] == [[slot] for slot in slots]
    assert sorted(index.search(crowd)) == list(enumerate(slots))
    index.forget(slots[15])
    assert [index.find(name) for name in crowd] == [[]] * 15 + [[slot] for slot in slots[15:]]


def test_late_labels_and_duplicates_find_packed_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far behind the recent ones everything happens as it does among them."""
    monkeypatch.setattr("engine.ledger.OPEN_VALUES", 1)
    n = OPEN_MIN * PAGE + 4 * PAGE
    for by in ("event_id", "prediction_id"):
        feed = Feed(labels={"by": by, "id": by}, model={"use": "tests.engine.cases:Picky"})
        feed("events", *(event(f"e{i}", float(i % 900)) for i in range(n)))
        assert feed.shard.join.ledger.packed >= 3
        name = "e5" if by == "event_id" else "p.events-0-5"
        said = {by: name}
        [row] = rows(feed("labels", label("", True) | said).outcomes)
        assert (row["event_id"], row["label"], row["event_time"] % 1000) == ("e5", True, 5)
        [row] = rows(feed("labels", label("", False) | said).outcomes)
        assert row["correction"]
        assert len(feed("labels", label("", False) | said)) == 0
        assert len(feed("events", event("e6")).predictions) == 0
        assert feed.shard.model.model.learned == [(5.0, True), (5.0, False)]


def test_a_large_ledger_goes_on_after_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen with packed pages, thawed, and the same to every later record."""
    monkeypatch.setattr("engine.ledger.OPEN_VALUES", 1)
    wanted = spec(limits={"remember_max": 7000})
    live = Feed(limits={"remember_max": 7000})
    live("events", *(event(f"e{i}") for i in range(8000)))
    other = Feed(limits={"remember_max": 7000})
    other.shard = Shard.thaw(wanted, 0, b"".join(live.shard.freeze()))
    other.next = dict(live.next)
    assert other.shard.digest() == live.shard.digest()
    more = [event(f"e{i}") for i in range(7000, 9000)]
    late = [label(f"e{i}", i % 3 == 0) for i in range(1100, 9000, 7)]
    for what, records in (("events", more), ("labels", late)):
        assert other(what, *records).lanes() == live(what, *records).lanes()
    assert other.shard.digest() == live.shard.digest()
