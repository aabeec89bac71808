"""What grows with the predictions that wait for their label, and with the entities in a cache in memory."""

from __future__ import annotations

import asyncio
import gc
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from connectors.cache import MemoryCache
from connectors.log import Batch
from engine import warming
from engine.columns import Events
from engine.models.scores import Scores
from engine.shard import Shard
from engine.spec import Spec
from streams.cache.entityform import Form

SIZE = 256  # events of a batch
ROUNDS = 40  # batches that are timed
NOW = 1_700_000_000_000
NAMES = [f"x{i}" for i in range(8)]
PAGE_BYTES = 4096


def waiting(count: int) -> dict[str, float]:
    """A shard in which so many predictions wait, with eight numbers and ids of 36 characters.

    `join_us` is what the join takes of an event's time, `walk_us` the whole walk with a compiled model,
    `label_us` the walk of a label record that comes late. `freeze_ms` is how long a snapshot stops the
    walk, `piece_ms` the longest piece of writing it, `thaw_s` reading it again. All are times of the
    processor, so that others on the machine matter less.
    """
    shard, rng = Shard(_spec(count), 0), random.Random(7)
    warming.warm(shard.spec)
    shard.model.switch()
    gc.collect()
    before = _resident()
    for number in range(count // SIZE):
        _join(shard, _events(rng, number))
    gc.collect()
    found = {"bytes": (_resident() - before) / count} if count else {}
    found |= _saved(shard) if count else {}
    first = count // SIZE
    found["join_us"] = _timed(lambda i: _events(rng, first + i), lambda events: _join(shard, events))
    found["walk_us"] = _timed(lambda i: _records(rng, first + ROUNDS + i), shard.walk)
    if count >= SIZE * ROUNDS:
        ledger = shard.join.ledger
        slots = rng.sample(range(ledger.first, ledger.end), SIZE * ROUNDS)
        ids = [ledger.entry(slot)[0] for slot in slots]
        found["label_us"] = _timed(lambda i: _labels(ids[i * SIZE : (i + 1) * SIZE], i), shard.walk)
    return {name: round(value, 3) for name, value in found.items()}


def _saved(shard: Shard) -> dict[str, float]:
    """A snapshot, and back."""
    began = time.process_time()
    pieces, longest = shard.freeze(), 0.0
    frozen, data = time.process_time() - began, list[bytes]()
    while True:
        began = time.process_time()
        piece = next(pieces, None)
        longest = max(longest, time.process_time() - began)
        if piece is None:
            break
        data.append(piece)
    whole = b"".join(data)
    began = time.process_time()
    Shard.thaw(shard.spec, 0, whole)
    thaw = time.process_time() - began
    figures = {"freeze_ms": frozen * 1000, "piece_ms": longest * 1000, "thaw_s": thaw}
    return {**figures, "snapshot_mb": len(whole) / 1e6}


def cached(count: int) -> dict[str, float]:
    """A cache in memory with so many entities of eight numbers and their predictions; writing one."""
    spec, rng = _spec(count), random.Random(7)
    form, cache = Form(spec), MemoryCache(3_600_000, count)
    out = Shard(spec, 0).walk(_records(rng, 0))
    prediction = out.predictions.values[0] or b""
    gc.collect()
    before, seconds = _resident(), 0.0
    for first in range(0, count, SIZE):
        rows = [(NOW, tuple(rng.random() for _ in NAMES)) for _ in range(SIZE)]
        names = [f"card-{first + i:031}" for i in range(SIZE)]
        began = time.process_time()
        entries = {form.key(name): form.write(row, prediction) for name, row in zip(names, rows, strict=True)}
        asyncio.run(cache.put(entries))
        seconds += time.process_time() - began
    gc.collect()
    return {"bytes": round((_resident() - before) / count, 1), "us": round(seconds / count * 1e6, 3)}


def _spec(count: int) -> Spec:
    fields = {"id": {"type": "text"}, **{name: {"type": "number"} for name in NAMES}}
    given = {
        "pipeline": "p",
        "events": {"id": "id", "fields": fields},
        "limits": {"remember_max": max(1000, count)},
        "labels": {"wait": "3650d"},
    }
    return Spec.model_validate(given)


def _ids(rng: random.Random) -> list[str]:
    return [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(SIZE)]


def _places(number: int) -> tuple[int, int, list[int], list[int]]:
    offsets = list(range(number * SIZE, (number + 1) * SIZE))
    return offsets[0], offsets[-1] + 1, offsets, [NOW + offset for offset in offsets]


def _events(rng: random.Random, number: int) -> Events:
    """The batch of this number as if it had just been decoded."""
    first, end, offsets, stamps = _places(number)
    batch = Batch("p.events", 0, first, end, offsets, stamps, [None] * SIZE, [b""] * SIZE)
    rows: list[tuple[Any, ...]] = [tuple([rng.random() for _ in NAMES]) for _ in offsets]
    ids = _ids(rng)
    return Events(batch, list(range(SIZE)), ids, ids, stamps, rows, [None] * SIZE)


def _records(rng: random.Random, number: int) -> Batch:
    """The batch of this number as it comes."""
    first, end, offsets, stamps = _places(number)
    values = [msgspec.json.encode({"id": name, **{x: rng.random() for x in NAMES}}) for name in _ids(rng)]
    return Batch("p.events", 0, first, end, offsets, stamps, [None] * SIZE, values)


def _labels(ids: list[str], number: int) -> Batch:
    first, _, offsets, stamps = _places(number)
    values = [msgspec.json.encode({"event_id": name, "label": True}) for name in ids]
    n = len(values)
    return Batch("p.labels", 0, first, first + n, offsets[:n], stamps[:n], [None] * n, values)


def _join(shard: Shard, events: Events) -> None:
    """What the join does with a batch, and at the turn behind it."""
    n = len(events)
    for claimed in shard.join.claim(events):
        shard.join.remember(claimed, claimed.events.rows, Scores([True] * n, [0.5] * n, [None] * n))
    shard.join.expire()


def _timed(make: Callable[[int], Any], walk: Callable[[Any], object]) -> float:
    """The mean time of an event: some turns have more to do than others."""
    seconds = 0.0
    for i in range(ROUNDS):
        batch = make(i)
        began = time.process_time()
        walk(batch)
        seconds += time.process_time() - began
    return seconds / ROUNDS / SIZE * 1e6


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
