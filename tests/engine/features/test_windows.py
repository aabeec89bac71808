"""Windows over event time, beside lists of all events."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batch import Outputs
from engine.features.keys import Keys
from engine.fold import Fold
from engine.shard import Shard
from engine.specfeatures import Feature
from engine.state import digest
from tests.engine.cases import NOW, batch
from tests.engine.features.conftest import compiled
from tests.engine.features.oracle import Oracle
from tests.engine.features.streams import FIELDS, columns, folded, payments, spec

AGGS = ("count", "sum", "mean", "min", "max", "variance", "zscore")


def window(agg: str, **more: Any) -> dict[str, Any]:
    return {"name": agg, "agg": agg, "of": "amount", "by": "card", "over": "5m"} | more


def every(**more: Any) -> list[dict[str, Any]]:
    return [window(agg, **more) for agg in AGGS]


OTHERS: list[dict[str, Any]] = [
    {"name": "since", "agg": "since_last", "by": "card"},
    {"name": "last_amount", "agg": "last", "of": "amount", "by": "card"},
    {"name": "last_shop", "agg": "last", "of": "shop", "by": "card", "over": "2m"},
    {"name": "fading", "agg": "ewm", "of": "amount", "by": "card", "half_life": "1m"},
    {"name": "faded", "agg": "ewm", "of": "amount", "half_life": "10s", "own": False},
    {"name": "shops", "agg": "distinct", "of": "shop", "by": "card", "over": "1m"},
    {"name": "day_shops", "agg": "distinct", "of": "shop", "over": "2m", "window": "tumbling"},
    {"name": "amounts", "agg": "distinct", "of": "amount", "over": "5m", "own": False},
]


def beside_the_oracle(features: list[dict[str, Any]], seed: int, n: int, size: int, **more: Any) -> None:
    wanted = spec(*features, **{"limits": {"window_events_max": 4096}} | more)
    events = payments(seed, n)
    oracles = [Oracle(Feature.model_validate(f), wanted.limits.lateness_max) for f in features]
    found = folded(wanted, events, size)
    for event, row in zip(events, found, strict=True):
        for oracle in oracles:
            value, name = oracle(event), oracle.feature.name
            number = isinstance(value, int | float)
            assert row.get(name) == (pytest.approx(value, rel=1e-9, abs=1e-9) if number else value)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 7, 100]), st.booleans(), st.booleans())
def test_windows_are_those_of_the_lists(seed: int, size: int, own: bool, tumbling: bool) -> None:
    """Every aggregation, by card and over the whole shard, with late and equal times and missing values."""
    kind = "tumbling" if tumbling else "sliding"
    beside_the_oracle(every(own=own, window=kind), seed, 120, size)
    beside_the_oracle(every(own=own, window=kind, by=(), over="30s"), seed, 120, size)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 7, 100]))
def test_what_was_there_last_is_that_of_the_lists(seed: int, size: int) -> None:
    """Distinct values, the last one and the time since, means that fade."""
    beside_the_oracle(OTHERS, seed, 120, size, limits={"distinct_max": 4096})


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 200))
def test_a_frozen_window_goes_on(seed: int, place: int) -> None:
    """From the state at any place the rest is the same, and so is the state at the end."""
    day = window("count", name="day", over="1d", window="tumbling", by=["card", "shop"])
    wanted = spec(*every(), *OTHERS, day, limits={"distinct_max": 8})
    events, live, thawed = payments(seed, 200), Fold(wanted), Fold(wanted)
    folded(wanted, events[:place], 9, live)
    thawed.restore(live.state())
    assert folded(wanted, events[place:], 50, live) == folded(wanted, events[place:], 3, thawed)
    assert digest(live.state()) == digest(thawed.state())


def test_many_events_of_one_key_are_put_together() -> None:
    """The memory of a key is bounded; what is put together spans little of the window."""
    features = [window("count"), window("sum"), window("variance")]
    wanted = spec(*features, limits={"window_events_max": 32, "lateness_max": "0s"})
    events = sorted(payments(3, 500, cards=1, pace=200), key=lambda event: event["at"])
    exact = Oracle(Feature.model_validate(features[0]), 0)
    wider = Oracle(Feature.model_validate(features[0] | {"over": "318750ms"}), 0)  # by 2/32
    fold = Fold(wanted)
    for event, row in zip(events, folded(wanted, events, 100, fold), strict=True):
        least, most = exact(event), wider(event)
        if least is not None and most is not None:
            assert least <= row["count"] <= most
    assert fold.made is not None
    assert max(fold.made.memories[0].tables[0].state(1)[0][2]) <= 32


def test_compiled_kernels_give_the_same_bits(kernels: dict[str, Any]) -> None:
    """Compiled half-way, the state goes on; and all is as it was without."""
    more = [w | {"name": "t" + w["name"]} for w in every(window="tumbling", own=False)]
    wanted = spec(*every(), *OTHERS, *more, limits={"distinct_max": 8})
    events, plain, fast = payments(5, 600), Fold(wanted), Fold(wanted)
    found = folded(wanted, events, 50, plain)
    half = folded(wanted, events[:300], 50, fast)
    with compiled(kernels):
        assert half + folded(wanted, events[300:], 50, fast) == found
        again = Fold(wanted)
        assert folded(wanted, events, 77, again) == found
    assert digest(fast.state()) == digest(plain.state()) == digest(again.state())


def test_the_least_recently_seen_key_leaves() -> None:
    """No more keys than the limit; who comes back begins anew."""
    wanted = spec(window("count", over="1d"), limits={"entities_max": 2})
    events = [{"at": i, "card": card, "amount": 1.0} for i, card in enumerate("ababcabc")]
    fold = Fold(wanted)
    assert [row["count"] for row in folded(wanted, events, 3, fold)] == [1, 1, 2, 2, 1, 1, 1, 1]
    assert fold.made is not None
    assert fold.made.memories[0].keys.left == 4


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_outputs_do_not_depend_on_cuts(seed: int, cuts: int) -> None:
    """Whole batches or pieces, and from a snapshot in the middle: the same bytes, the same state."""
    rng, runs = random.Random(cuts), []
    for first in range(0, 600, 150):
        records = [p | {"y": rng.random() < 0.3} for p in payments(seed, 600)[first : first + 150]]
        runs.append(batch("p.events", records, first))
    wanted = spec(*every(), *OTHERS, limits={"distinct_max": 4, "window_events_max": 8, "entities_max": 4})
    whole, pieces = Shard(wanted, 0), Shard(wanted, 0)
    found, again = Outputs(), Outputs()
    for run in runs:
        found.extend(whole.walk(run))
        place = 0
        while place < len(run):
            stop = min(len(run), place + rng.choice([1, 2, 7, 50, 300]))
            again.extend(pieces.walk(run.cut(place, stop)))
            place = stop
        pieces = Shard.thaw(wanted, 0, b"".join(pieces.freeze()))
    assert again.lanes() == found.lanes()
    assert len(found.predictions) == 600
    assert pieces.digest() == whole.digest()


def test_a_row_without_windows_is_taken_as_it_was_read() -> None:
    """What a spec doesn't ask for costs nothing."""
    wanted = spec()
    fold, events = Fold(wanted), columns(batch("p.events", [b""] * 50), wanted, payments(1, 50))
    read = events.rows
    assert fold.made is None
    assert fold.rows(events).rows is events.rows is read


def test_what_is_remembered_is_what_was_seen() -> None:
    """A label that comes later teaches the very row on which the prediction was made."""
    wanted = spec(
        {"name": "n", "agg": "count", "by": "card", "over": "1d"},
        events={"id": "card", "time": "at", "fields": FIELDS | {"card": {"type": "text"}}},
        labels={},
        model={"use": "tests.engine.cases:Learned"},
    )
    shard = Shard(wanted, 0)
    shard.walk(batch("p.events", [{"at": NOW + i, "card": str(i), "amount": 1.0} for i in range(3)]))
    shard.walk(batch("p.labels", [{"event_id": "1", "label": True, "label_time": NOW / 1000}]))
    assert shard.model.state().learned == [({"amount": 1.0, "n": 1.0}, True)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 12)), st.integers(1, 5), st.integers(1, 8))
def test_who_leaves_is_who_was_seen_least_recently(names: list[int], most: int, size: int) -> None:
    """As an ordered dict has it, and from any state of it."""
    keys, wanted = Keys(most), OrderedDict[int, None]()
    for start in range(0, len(names), size):
        part = names[start : start + size]
        slots, fresh = keys.take(part)
        for name, is_fresh in zip(part, fresh, strict=True):
            assert is_fresh == (name not in wanted)
            wanted[name] = None
            wanted.move_to_end(name)
            if len(wanted) > most:
                wanted.popitem(last=False)
        assert set(keys.slots) == set(wanted)
        assert [keys.names[slot] for slot in slots[-1:]] == part[-1:]
        again = Keys(most)
        again.restore(keys.state())
        keys = again
