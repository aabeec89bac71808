"""Changes that a backtest plants into recorded events: what, where and how strong.

Only what is written stands here; `inject_rows.py` does it to rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from engine.nearest import nearest
from engine.spec import Spec
from engine.specparts import Kind, Part

What = Literal["mean", "spread", "shape", "categories", "missing", "swap", "label_flip"]

CHANGES_MAX = 100
SPANS_MAX = 1_000
"""How often a change may come again."""
NUMBERS = (Kind.NUMBER, Kind.INTEGER)
WORDS = (Kind.CATEGORY, Kind.TEXT, Kind.BOOLEAN)


class Rules(NamedTuple):
    """What a kind of change takes."""

    strength: float  # where none is written
    share: bool  # whether the strength is a share, of rows or of the whole way
    kinds: tuple[Kind, ...]  # of fields; empty: any
    fields: tuple[int, int]  # how many, at least and at most
    also: frozenset[str] = frozenset()  # keys that mean nothing elsewhere


MANY = 1_000
RULES: Mapping[str, Rules] = {
    "mean": Rules(1.0, False, NUMBERS, (1, MANY)),
    "spread": Rules(2.0, False, NUMBERS, (1, MANY)),
    "shape": Rules(0.9, True, NUMBERS, (1, MANY), frozenset({"into"})),
    "categories": Rules(0.3, True, WORDS, (1, MANY), frozenset({"to"})),
    "missing": Rules(0.3, True, (), (1, MANY)),
    "swap": Rules(1.0, True, (), (2, 2)),
    "label_flip": Rules(0.3, True, (), (0, 0)),
}


def place(value: object) -> object:
    """Check where something is said to lie in a file.

    >>> place(1000), place(0.5), place("2026-01-05")
    (1000, 0.5, '2026-01-05')
    """
    if isinstance(value, str):
        try:
            time_ms(value)
            return value
        except ValueError:
            pass
    elif not isinstance(value, bool) and (
        (isinstance(value, int) and value >= 1) or (isinstance(value, float) and 0 < value < 1)
    ):
        return value
    raise ValueError(
        "a place is a row, from 1 on (1000), a share of the file (0.5) or a time (2026-01-05T12:00)"
    )


def time_ms(text: str) -> int:
    """A time as it is written, in milliseconds; without a zone, UTC.

    >>> time_ms("1970-01-01T00:00:01")
    1000
    """
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp() * 1000)


Place = Annotated[int | float | str, BeforeValidator(place)]
Rows = Annotated[int, Field(ge=1, le=1 << 40)]


class Change(Part):
    """One change, once or again and again."""

    change: What
    """`mean` adds, `spread` scales around the mean, `shape` leaves mean and spread as they are, `categories`
    puts other categories in, `missing` takes values out, `swap` exchanges two fields, and `label_flip`
    turns labels."""
    fields: tuple[str, ...] = ()
    """What is changed, by the names in `events.fields`. Labels need none."""
    at: Place = 0.5
    """The first row that is changed: its number from 0 on, a share of the file, or a time."""
    until: Place | None = None
    """The first row that is as it was. Default: none."""
    strength: float | None = None
    """mean: how many standard deviations are added (1). spread: the factor (2). shape: how much of the new
    shape there is, up to 1 (0.9). All others: the share of rows (0.3; of swapped ones 1)."""
    into: Literal["bimodal", "skewed"] = "bimodal"
    """What a `shape` becomes."""
    to: str | None = None
    """The category that `categories` puts in; it may be new. Default: any other that was there before."""
    over: Annotated[int, Field(ge=0, le=1 << 40)] = 0
    """Rows in which it comes about little by little. 0: at once."""
    every: Rows | None = None
    """It comes again after so many rows, each time for as long; without `until` for half of them."""

    @model_validator(mode="after")
    def fits(self) -> Change:
        if wrong := "\n".join(self._wrong()):
            raise ValueError(wrong)
        return self

    def _wrong(self) -> Iterator[str]:
        rules, count = RULES[self.change], len(self.fields)
        least, most = rules.fields
        if not least <= count <= most:
            wanted = {0: "no fields", 2: "two fields"}.get(most, "fields")
            yield f"{self.change} takes {wanted}, not {count}"
        if len(set(self.fields)) < count:
            yield "fields names one twice"
        for key in sorted({"into", "to"} & self.model_fields_set - rules.also):
            known = next(name for name, other in RULES.items() if key in other.also)
            yield f"{key} means nothing for {self.change}, only for {known}"
        if rules.share and not 0 < self.power <= 1:
            yield f"strength is a share for {self.change}: above 0, at most 1"
        if self.change == "spread" and (self.power <= 0 or self.power == 1):
            yield "strength is a factor for spread: above 0, and not 1"
        if self.change == "mean" and self.power == 0:
            yield "strength 0 changes nothing"

    @property
    def power(self) -> float:
        """The strength, written or not."""
        return RULES[self.change].strength if self.strength is None else self.strength

    @property
    def told(self) -> str:
        """Its name in a report.

        >>> Change(change="mean", fields=["amount"], strength=0.5).told
        'mean 0.5 of amount'
        """
        what = f"{self.change} {self.power:g}"
        return f"{what} of {', '.join(self.fields)}" if self.fields else what


class Planted(Part):
    """All that is planted into one file."""

    changes: Annotated[tuple[Change, ...], Field(min_length=1, max_length=CHANGES_MAX)]
    """In the order in which they are done to a row."""
    seed: int = 0
    """Another one picks other rows where a share of them is changed."""


def wrong_changes(planted: Planted, spec: Spec) -> Iterator[str]:
    """What doesn't go with this pipeline: a sentence each."""
    for i, change in enumerate(planted.changes):
        where = f"changes[{i}]"
        for name in change.fields:
            yield from _wrong_field(f"{where}.fields", name, change, spec)
        kinds = {spec.events.fields[name].type for name in change.fields if name in spec.events.fields}
        if change.change == "swap" and len(kinds) == 2:
            one, other = sorted(kinds)
            yield f"{where}.fields names a {one} and a {other}; swap takes two of one type"


def _wrong_field(where: str, name: str, change: Change, spec: Spec) -> Iterator[str]:
    field, wanted = spec.events.fields.get(name), RULES[change.change].kinds
    if field is None:
        yield f"{where} names {name!r}, which is not in events.fields{nearest(name, spec.events.fields)}"
    elif name in (spec.events.id, spec.events.time):
        yield f"{where} names {name!r}, by which an event is known; change other fields"
    elif field.type is Kind.IGNORED:
        yield f"{where} names {name!r}, which is ignored"
    elif wanted and field.type not in wanted:
        kinds = ", ".join(kind.value for kind in wanted)
        yield f"{where} names {name!r}, a {field.type.value}; {change.change} takes {kinds}"
    elif change.to is not None and field.type is Kind.BOOLEAN:
        yield f"{where} names {name!r}, a boolean, which has no category {change.to!r}"


class Span(NamedTuple):
    """Rows that are changed."""

    start: int
    stop: int  # the first that is not
    over: int
    every: int | None

    def offset(self, row: int) -> int | None:
        """How many rows after the beginning this one lies; None if it is not changed.

        >>> [Span(10, 12, 0, 5).offset(row) for row in (9, 10, 11, 12, 15)]
        [None, 0, 1, None, 0]
        """
        since = row - self.start
        if since < 0:
            return None
        since = since % self.every if self.every else since
        return since if since < self.stop - self.start else None

    def weight(self, row: int) -> float:
        """How much of the change there is: from 0 to 1."""
        since = self.offset(row)
        if since is None:
            return 0.0
        return min(1.0, (since + 1) / self.over) if self.over else 1.0

    def times(self, rows: int) -> list[tuple[int, int]]:
        """First row and first row behind it, each time that it comes.

        >>> Span(10, 12, 0, 5).times(18)
        [(10, 12), (15, 17)]
        """
        starts = range(self.start, rows, self.every or max(1, rows))
        return [(start, min(rows, start + self.stop - self.start)) for start in starts]


def span(change: Change, rows: int, start: int, until: int | None) -> Span:
    """Where a change lies in a file of so many rows, once its places are known as rows."""
    if start >= rows:
        raise ValueError(f"at: {change.at} lies behind the last of {rows:,} rows")
    end = rows if change.every is None else start + max(1, change.every // 2)
    stop = end if until is None else until
    if stop <= start:
        raise ValueError(f"until: {change.until} lies before at: {change.at}")
    if change.every is not None and stop - start >= change.every:
        raise ValueError(f"every: {change.every} is no longer than the change itself, {stop - start:,} rows")
    if change.every is not None and (rows - start) / change.every > SPANS_MAX:
        raise ValueError(f"every: {change.every} makes it come more than {SPANS_MAX:,} times")
    return Span(start, stop, change.over, change.every)


def row_of(where: float | str, rows: int) -> int | None:
    """A place as a row; None for a time, which only the events tell.

    >>> row_of(1000, 4000), row_of(0.5, 4001)
    (1000, 2001)
    """
    if isinstance(where, str):
        return None
    return max(1, math.ceil(where * rows)) if isinstance(where, float) else where
