"""References as text: written for others to read, and read from the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from engine.drift.evidence.counts import KEPT, Counts
from engine.drift.evidence.reference import Reference
from engine.drift.evidence.sketch import Sketch
from engine.drift.signals import place
from engine.errors import SpecError

VERSION = 1
POINTS_MAX = 10_000

Limit = float | Literal["inf", "-inf"]


class Numbers(msgspec.Struct, tag="numbers", tag_field="kind", forbid_unknown_fields=True):
    """A sketch: points, and for how many values each stands."""

    n: int
    missing: int
    min: Limit
    max: Limit
    points: list[tuple[Limit, int]]


class Shares(msgspec.Struct, tag="categories", tag_field="kind", forbid_unknown_fields=True):
    """How often each category came."""

    n: int
    missing: int
    categories: dict[str, int]
    others: int = 0


class File(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in `reference.json`."""

    driftline_reference: int
    signals: dict[str, Numbers | Shares]


def written(references: Mapping[str, Reference], names: Callable[[str, float], str | None]) -> bytes:
    """References as JSON. `names` tells a category of a signal by its number, None where nobody knows."""
    signals = {signal: _written(signal, found, names) for signal, found in references.items()}
    return msgspec.json.encode(File(VERSION, signals))


def _written(signal: str, found: Reference, names: Callable[[str, float], str | None]) -> Numbers | Shares:
    missing = found.asked - found.n
    if isinstance(found.values, Sketch):
        told = found.values.told()
        return Numbers(found.n, missing, told["min"], told["max"], told["points"])
    named = {names(signal, value): n for value, n in found.values.top().items()}
    known = {name: n for name, n in named.items() if name is not None}
    return Shares(found.n, missing, known, found.n - sum(known.values()))


def read(text: str | bytes) -> dict[str, Reference]:
    """The references of a text, by the names of their signals.

    Raises
    ------
    SpecError
        If it is none; says what is wrong.

    Examples
    --------
    >>> point = '{"kind": "numbers", "n": 1, "missing": 0, "min": 2, "max": 2, "points": [[2, 1]]}'
    >>> read('{"driftline_reference": 1, "signals": {"x": %s}}' % point)["x"].told()["mean"]
    2.0
    """
    try:
        found = msgspec.json.decode(text, type=File)
    except msgspec.DecodeError as error:
        raise SpecError(
            f"the recorded reference is not what driftline drift export writes: {_plain(error)}"
        ) from None
    if found.driftline_reference != VERSION:
        raise SpecError(
            f"the recorded reference has version {found.driftline_reference}, this program reads {VERSION}: "
            "export it anew"
        )
    return {signal: _read(signal, entry) for signal, entry in found.signals.items()}


def _plain(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]


def _read(signal: str, entry: Numbers | Shares) -> Reference:
    categories = isinstance(entry, Shares)
    made = Reference(categories)
    made.asked = entry.n + entry.missing
    if problem := _problem(entry):
        raise SpecError(f"the recorded reference of {signal}: {problem}; export it anew")
    if isinstance(entry, Shares):
        made.values = Counts.of({place(name): n for name, n in entry.categories.items()}, entry.others)
    else:
        points = [(float(value), weight) for value, weight in entry.points]
        made.values = Sketch.of(points, float(entry.min), float(entry.max))
    return made


def _problem(entry: Numbers | Shares) -> str | None:
    """What does not add up."""
    if isinstance(entry, Shares):
        counts = [*entry.categories.values(), entry.others]
        if len(entry.categories) > KEPT:
            return f"{len(entry.categories):,} categories, at most {KEPT:,} are told apart"
    else:
        counts = [weight for _, weight in entry.points]
        if len(counts) > POINTS_MAX:
            return f"{len(counts):,} points, at most {POINTS_MAX:,} are read"
        if not all(float(entry.min) <= float(value) <= float(entry.max) for value, _ in entry.points):
            return "a point lies outside min and max"
    if entry.missing < 0 or min(counts, default=0) < 0:
        return "a count is negative"
    if not entry.n or sum(counts) != entry.n:
        return f"it counts {sum(counts):,} values and says n is {entry.n:,}"
    return None
