"""Streams for compiled forms: synthetic ones with every oddity of rows, real ones where they are at hand."""

from __future__ import annotations

import csv
import gzip
import os
import random
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from engine.models.compiled.block import LEARN, PREDICT

HERE = Path(os.environ.get("DRIFTLINE_STREAMS") or Path(__file__).parents[4] / "shared" / "streams")
REAL = {  # name -> the column with the class
    "elec2": "class",
    "insects2013_abrupt": "target",
    "keystroke": "target",
    "bank_marketing": "y",
    "kdd99_10pct": "label",
}


class Event(NamedTuple):
    """A row, its label as a number and as a class, and what to do: predict, learn, or both."""

    x: dict[Any, Any]
    number: float
    kind: str
    op: int


def operations(rng: random.Random) -> Iterator[int]:
    """Mostly both; at times only one of them, or a run of lessons that come late."""
    while True:
        if rng.random() < 0.01:
            yield from [LEARN] * rng.randrange(1, 30)
        yield PREDICT | LEARN if rng.random() < 0.7 else rng.choice((PREDICT, LEARN))


def numbers(size: int, seed: int, width: int = 6) -> list[Event]:
    """Floats, integers and booleans; missing and permuted keys; features that appear on the way; drift."""
    rng, found = random.Random(seed), []
    slopes = [rng.gauss(0, 1) for _ in range(2 * width)]
    ops = operations(rng)
    for t in range(size):
        names = [j for j in range(width if t < size // 2 else 2 * width) if rng.random() > 0.12]
        if rng.random() < 0.1:
            rng.shuffle(names)
        x = {f"f{j}": _value(rng, j) for j in names}
        sign = -1 if 2 * size // 3 < t < 5 * size // 6 else 1
        z = sign * sum(slopes[j] * x[f"f{j}"] for j in names) + rng.gauss(0, 1)
        found.append(Event(x, z, "abcde"[min(4, int(abs(z)) // 4)], next(ops)))
    return found


def _value(rng: random.Random, j: int) -> float:
    if j % 6 == 3:
        return rng.randint(-3, 9)
    if j % 6 == 4:
        return rng.random() < 0.3
    return round(rng.gauss(0, 1 + j), 1) if j % 6 == 5 else rng.gauss(0, 1 + j)


def texts(size: int, seed: int) -> list[Event]:
    """Numbers beside categories, of which more and more come up."""
    rng, found = random.Random(seed), []
    for t, event in enumerate(numbers(size, seed, width=3)):
        known = 3 + 20 * t // size
        x = dict(event.x)
        for name in ("colour", "shop", "page"):
            if rng.random() > 0.1:
                x[name] = f"{name[0]}{int(known * rng.random() ** 2)}"
        if rng.random() < 0.05:
            x = dict(rng.sample(list(x.items()), len(x)))
        found.append(event._replace(x=x))
    return found


def holes(size: int, seed: int) -> list[Event]:
    """Rows of five numbers in which None stands for what is missing."""
    rng, found = random.Random(seed), []
    for event in numbers(size, seed):
        x = {f"f{j}": None if rng.random() < 0.1 else rng.gauss(j, 2) for j in range(4)}
        x["f4"] = None if rng.random() < 0.1 else rng.randint(0, 5)
        found.append(event._replace(x=x))
    return found


def whole(size: int, seed: int) -> list[Event]:
    """Rows of five numbers, all there."""
    rng = random.Random(seed)
    return [
        event._replace(x={f"f{j}": rng.gauss(j, 2) if j != 3 else rng.randint(0, 5) for j in range(5)})
        for event in numbers(size, seed)
    ]


def there(name: str) -> bool:
    """Whether a stream can be had here."""
    return name not in REAL or (HERE / f"{name}.csv.gz").exists()


def real(name: str, size: int, seed: int) -> list[Event]:
    """A recorded stream, over again when it is too short; values are missing at random."""
    rng, found = random.Random(seed), []
    ops = operations(rng)
    with gzip.open(HERE / f"{name}.csv.gz", "rt") as file:
        rows = list(islice(csv.DictReader(file), size))
    for row in islice(cycle(rows), size):
        x = {key: parsed(text) for key, text in row.items() if key != REAL[name] and rng.random() > 0.03}
        known = [value for value in x.values() if not isinstance(value, str)]
        found.append(Event(x, sum(known[:5]), row[REAL[name]], next(ops)))
    return found


def parsed(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def stream(name: str, size: int, seed: int) -> list[Event]:
    """A stream by its name."""
    makers = {"numbers": numbers, "texts": texts, "holes": holes, "whole": whole}
    return makers[name](size, seed) if name in makers else real(name, size, seed)
