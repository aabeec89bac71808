"""Batches move, events mean: the same bytes however a stream is cut, and from every snapshot of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.log import Batch
from engine.batch import Outputs
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.cases import DAY, NOW, batch, event, label
from tests.engine.cases import spec as pipeline

SPEC = pipeline(
    labels={"in_event": "y", "wait": "2h"},
    limits={"remember_max": 1000, "early_max": 20},
    model={"use": "tests.engine.cases:Picky", "with": {"predict_fails": 13, "learn_fails": 14}},
)


# Here what gets no label is taken for negative, in half the time that it is remembered.
NEGATIVE = pipeline(
    labels={"in_event": "y", "wait": "2h", "unlabelled": "negative", "negative_after": "1h"},
    limits={"remember_max": 1000, "early_max": 20},
    model={"use": "tests.engine.cases:Picky", "with": {"predict_fails": 13, "learn_fails": 14}},
)


@pytest.fixture(autouse=True, scope="module", params=["open", "packed"])
def pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """All of it again with a ledger that packs what is older than a few events."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "packed":
            for name, value in {"PAGE": 8, "OPEN_VALUES": 1, "OPEN_MIN": 1, "AT_ONCE": 100}.items():
                patch.setattr(f"engine.ledger.{name}", value)
        yield


def stream(seed: int, n: int = 1600) -> list[Batch]:
    """Runs of events and labels with everything that may go wrong, as a shard takes them."""
    rng = random.Random(seed)
    events: list[Any] = []
    labels: list[Any] = []
    for i in range(n):
        name = f"e{rng.randrange(max(1, i))}" if rng.random() < 0.1 else f"e{i}"
        pace = i * 5_000 + max(0, i - n * 9 // 10) * 95_000  # first too many to remember, then too old
        at = NOW + pace + rng.randrange(-DAY // 48, DAY // 48)
        y = rng.choice([True, False, None, None, "odd"]) if rng.random() < 0.3 else None
        kind = rng.random()
        events.append(b"{" if kind < 0.02 else event(name, float(rng.randrange(20)), at=at, y=y))
        when = (at + rng.randrange(-DAY // 8, DAY // 8)) / 1000
        labels.append(label(f"e{max(0, i + rng.randrange(-50, 30))}", rng.random() < 0.5, label_time=when))
    runs, taken = [], {"events": 0, "labels": 0}
    while min(taken.values()) < n:
        what = rng.choice(["events", "labels"])
        first = taken[what]
        taken[what] = min(n, first + rng.randrange(1, 300))
        records = (events if what == "events" else labels)[first : taken[what]]
        if records:
            runs.append(batch(f"p.{what}", records, first))
    return runs


def total(shard: Shard, runs: list[Batch], cuts: random.Random | None) -> Outputs:
    """Walk the runs, whole or cut at random places."""
    out = Outputs()
    for run in runs:
        start = 0
        while start < len(run):
            stop = len(run) if cuts is None else min(len(run), start + cuts.choice([1, 2, 7, 50, 300]))
            out.extend(shard.walk(run.cut(start, stop)))
            start = stop
    return out


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([SPEC, NEGATIVE]), st.integers(0, 10_000), st.integers(0, 10_000))
def test_outputs_do_not_depend_on_cuts(spec: Spec, seed: int, cuts: int) -> None:
    """Every lane has the same bytes in the same order, and the states are equal."""
    whole, pieces = Shard(spec, 0), Shard(spec, 0)
    wanted, found = total(whole, stream(seed), None), total(pieces, stream(seed), random.Random(cuts))
    assert found.lanes() == wanted.lanes()
    assert pieces.digest() == whole.digest()


@pytest.mark.parametrize("spec", [SPEC, NEGATIVE])
def test_one_by_one(spec: Spec) -> None:
    """The hardest cut: batches of one record."""
    whole, single = Shard(spec, 0), Shard(spec, 0)
    runs = stream(3)
    wanted = total(whole, runs, None)
    ones = [run.cut(i, i + 1) for run in runs for i in range(len(run))]
    assert total(single, ones, None).lanes() == wanted.lanes()
    assert single.digest() == whole.digest()
    # The stream is what it claims to be: everything happens in it.
    assert len(wanted.dead_letters) > 50
    only = set() if spec is NEGATIVE else {"assumed", "unlearned"}
    assert {name for name, n in asdict(whole.join.counts).items() if not n} == only
    assert whole.join.delays.total > 0


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([SPEC, NEGATIVE]), st.integers(0, 10_000), st.data())
def test_a_snapshot_at_any_place_goes_on_with_the_same_bytes(
    spec: Spec, seed: int, data: st.DataObject
) -> None:
    """Freeze, go on, thaw the frozen: both give the rest alike, though the frozen one was still in pieces."""
    runs = stream(seed, 500)
    place = data.draw(st.integers(0, len(runs)))
    live = Shard(spec, 0)
    total(live, runs[:place], None)
    pieces = live.freeze()  # taken now, read after the state has gone on
    wanted = total(live, runs[place:], None)
    restored = Shard.thaw(spec, 0, b"".join(pieces))
    assert total(restored, runs[place:], None).lanes() == wanted.lanes()
    assert restored.digest() == live.digest()
