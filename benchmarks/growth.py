"""What grows with what: time and memory against the number of features and of entities.

    python -m benchmarks.growth --json

Each measurement has a process of its own, which walks events in batches of 256 with everything compiled.
`features` and `windows` are the number of features, fields of the event or windows over time; `entities` that
of keys in a shard, of which four windowed features remember something. `waiting` and `cached` are told in
`waiting.py`.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.waiting import cached, waiting
from connectors.log import Batch
from engine import warming
from engine.columns import Events
from engine.fold import Fold
from engine.shard import Shard
from engine.spec import Spec
from tests.faults.harness import options, report, say

SIZE = 256  # events of a batch
TIMED = 40  # batches
NOW = 1_700_000_000_000
PAGE_BYTES = 4096
TELLING = 10_000  # fewer entities fit into pages that the process has already

AGGS = ("count", "sum", "mean", "min", "max", "variance", "zscore", "distinct")
BY_CARD: list[dict[str, Any]] = [
    {"name": "spend", "agg": "sum", "of": "amount", "by": "card", "over": "1h"},
    {"name": "mean", "agg": "mean", "of": "amount", "by": "card", "over": "24h"},
    {"name": "payments", "agg": "count", "by": "card", "over": "24h"},
    {"name": "since", "agg": "since_last", "by": "card"},
]


def features(count: int) -> dict[str, float]:
    """The whole walk, from bytes to bytes, of events with so many numbers and a label."""
    names = [f"x{i}" for i in range(count)]
    fields = {name: {"type": "number"} for name in names}
    spec = Spec.model_validate({"pipeline": "p", "events": {"fields": fields}, "labels": {"in_event": "y"}})
    shard, rng = Shard(spec, 0), np.random.default_rng(7)
    warming.warm(spec)
    shard.model.switch()

    def batches() -> Iterator[Batch]:
        for first in range(0, SIZE * TIMED * 2, SIZE):
            rows = rng.normal(size=(SIZE, count)).round(6).tolist()
            values = [
                msgspec.json.encode({**dict(zip(names, row, strict=True)), "y": sum(row) > 0}) for row in rows
            ]
            offsets = list(range(first, first + SIZE))
            stamps = [NOW + offset for offset in offsets]
            yield Batch("p.events", 0, first, first + SIZE, offsets, stamps, [None] * SIZE, values)

    return {"us": _timed(list(batches()), shard.walk)}


def windows(count: int) -> dict[str, float]:
    """The fold alone, of events with so many windowed features by one key, of several lengths."""
    made = [
        {"name": f"f{i}", "agg": AGGS[i % 8], "of": "amount", "by": "card", "over": f"{1 + i // 8}h"}
        for i in range(count)
    ]
    spec = _by_card(made, 1000)
    fold, rng = Fold(spec), random.Random(7)
    warming.warm(spec)
    return {"us": _timed([_payments(rng, i, 1000) for i in range(TIMED * 2)], fold.rows)}


def entities(count: int) -> dict[str, float]:
    """The fold alone, when so many cards have been seen; and the bytes that one more takes."""
    spec, rng = _by_card(BY_CARD, count), random.Random(7)
    warming.warm(spec)
    fold = Fold(spec)
    cards = [f"card-{i:031}" for i in range(count)]  # as long as a UUID
    rng.shuffle(cards)
    before = _resident()
    for first in range(0, count, SIZE):
        part = cards[first : first + SIZE]
        fold.rows(_events(first, part, [1.0] * len(part)))
    grown = _resident() - before
    fill = max(1, count // SIZE)
    us = _timed([_payments(rng, fill + i, count, cards) for i in range(TIMED * 2)], fold.rows)
    if count < TELLING:
        return {"us": us}
    return {"us": us, "bytes": round(grown / count, 1)}


QUESTIONS: dict[str, tuple[Callable[[int], dict[str, float]], tuple[int, ...]]] = {
    "features": (features, (8, 32, 128, 256)),
    "windows": (windows, (8, 32, 128, 256)),
    "entities": (entities, (1_000, 10_000, 100_000, 1_000_000)),
    "waiting": (waiting, (0, 1_000, 10_000, 100_000, 1_000_000)),
    "cached": (cached, (100_000,)),
}


def _by_card(made: list[dict[str, Any]], cards: int) -> Spec:
    fields = {"card": {"type": "text"}, "amount": {"type": "number"}}
    given = {
        "pipeline": "p",
        "events": {"fields": fields},
        "features": ["amount", *made],
        "limits": {"entities_max": cards},
    }
    return Spec.model_validate(given)


def _payments(rng: random.Random, number: int, count: int, cards: list[str] | None = None) -> Events:
    """The batch of this number, a payment a second: as if each had just been decoded."""
    chosen = [rng.randrange(count) for _ in range(SIZE)]
    # A new text each time, as decoding gives, not the one that is remembered.
    names = [("".join([*cards[i]]) if cards else f"card-{i:031}") for i in chosen]
    return _events(number * SIZE, names, [rng.random() for _ in names])


def _events(first: int, cards: list[str], amounts: list[float]) -> Events:
    n = len(cards)
    offsets, times = list(range(first, first + n)), [NOW + 1000 * (first + i) for i in range(n)]
    batch = Batch("p.events", 0, first, first + n, offsets, times, [None] * n, [b""] * n)
    read: list[tuple[Any, ...]] = list(zip(amounts, cards, strict=True))
    return Events(batch, list(range(n)), cards, cards, times, read, [None] * n)


def _timed(batches: list[Any], walk: Callable[[Any], object]) -> float:
    """The median time of an event, over the second half of batches."""
    seconds = []
    for batch in batches:
        began = time.perf_counter()
        walk(batch)
        seconds.append((time.perf_counter() - began) / SIZE)
    return round(float(np.percentile(seconds[len(seconds) // 2 :], 25)) * 1e6, 2)


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def measure(what: str, count: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    say(f"{what}: {count:,}")
    command = [sys.executable, "-m", "benchmarks.growth", "--one", what, "--count", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = msgspec.json.decode(done.stdout)
    return found


def main() -> None:
    parser = options("what grows with what", count=0)
    parser.add_argument("--one", choices=QUESTIONS, help="one measurement, here: of --count")
    asked = parser.parse_args()
    if asked.one:
        print(msgspec.json.encode(QUESTIONS[asked.one][0](asked.count)).decode())
        return
    figures: dict[str, Any] = {}
    for what, (_, counts) in QUESTIONS.items():
        for count in counts[::3] if asked.quick else counts:
            figures |= {f"{what}_{count}_{unit}": x for unit, x in measure(what, count).items()}
    report(figures, asked.json)


if __name__ == "__main__":
    main()
