"""Streams on which trees grow, and what runs a tree or a forest beside its compiled twin on them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.models.compiled.block import BOOL, FLOAT, INT, LEARN, PREDICT, Ragged
from engine.models.compiled.twin import Twin
from engine.state import digest

Event = tuple[dict[str, Any], Any, int]
KINDS = {float: FLOAT, int: INT, bool: BOOL}


def boxes(
    size: int, seed: int = 1, flip: int = 0, names: tuple[Any, ...] = ("k0", "k1", "k2")
) -> list[Event]:
    """Classes that depend on boxes, so that trees grow; integers and booleans; features that are missing,
    swapped or late; now and then a rare class; with `flip`, a change after so many events."""
    rng, events = random.Random(seed), []
    for t in range(size):
        x: dict[str, Any] = {f"x{j}": rng.random() for j in range(7 if t < size // 2 else 8)}
        x["x4"], x["x5"] = int(x["x4"] * 10), x["x5"] > 0.5
        box = (x["x0"] > 0.5) + (x["x1"] > x["x2"]) * (x["x3"] < 0.6)
        if flip and (t // flip) % 2:
            box += 1
        for name in [n for n in x if rng.random() < 0.05]:
            del x[name]
        if rng.random() < 0.1:
            x = dict(rng.sample(list(x.items()), len(x)))
        y = names[box % len(names)] if rng.random() > 0.05 else names[-1]
        events.append((x, y, PREDICT | LEARN if rng.random() < 0.7 else rng.choice((PREDICT, LEARN))))
    return events


def alone(model: Any, events: list[Event]) -> list[Any]:
    """What River says, event by event."""
    said = []
    for x, y, op in events:
        said.append(bits(model.predict_proba_one(x)) if op & PREDICT else None)
        if op & LEARN:
            model.learn_one(x, y)
    return said


def bits(votes: dict[Any, float]) -> list[tuple[str, str]]:
    return [(repr(label), float(vote).hex()) for label, vote in votes.items()]


def rows(twin: Twin, events: list[Event]) -> Ragged:
    layouts = [twin.names.layout(tuple(x), bytes(KINDS[type(v)] for v in x.values())) for x, *_ in events]
    values = [float(v) for x, *_ in events for v in x.values()]
    return Ragged(np.array(layouts, np.int64), np.array(values, np.float64))


def compiled(twin: Twin, events: list[Event]) -> tuple[Twin, list[Any], int]:
    """What the twin says to the same events, as one block; what it leaves is River's, and counted."""
    said, at, left = list[Any](), 0, 0
    while at < len(events):
        part = events[at:]
        ops = np.array([op for *_, op in part], np.uint8)
        answers, done = twin.run(ops, rows(twin, part), twin.model.labels([y for _, y, _ in part]))
        assert answers.kinds is not None
        assert answers.classes is not None
        for i, (*_, op) in enumerate(part[:done]):
            votes = zip(answers.classes[answers.kinds[i]], answers.values[i].tolist(), strict=False)
            said.append(bits(dict(votes)) if op & PREDICT else None)
        at += done
        if at < len(events):
            said += alone(twin.write_back(), events[at : at + 1])
            twin, at, left = Twin(twin.river, twin.names), at + 1, left + 1
    return twin, said, left


def beside(make: Callable[[], Any], events: list[Event], seed: int = 1) -> tuple[Any, Any, int]:
    """Run both, in random batches and with round trips; return both models and how many events were left."""
    rng, river, model = random.Random(seed), make(), make()
    said, start, lefts, twin = list[Any](), 0, 0, Twin(model)
    while start < len(events):
        part = events[start : start + rng.choice((1, 2, 16, 256, 999))]
        if rng.random() < 0.2:
            said += alone(twin.write_back(), part)
            twin = Twin(twin.river, rng.choice((None, twin.names)))
        else:
            twin, more, left = compiled(twin, part)
            said, lefts = said + more, lefts + left
        start += len(part)
    assert said == alone(river, events)
    assert digest(twin.write_back()) == digest(river)
    return twin.river, river, lefts
