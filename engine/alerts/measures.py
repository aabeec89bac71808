"""What the conditions of one shard measure.

The shard looks at places that depend on its records only (`Judge.is_due`). What came since the last look goes
to the panes of each condition, and those of which enough came to be worth it are measured: so a window of
many events costs no more than one of few, and what a look costs does not grow with the stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.alerts.condition import When, parse
from engine.alerts.measuring import Instant, Measure, measure
from engine.alerts.panes import NONE, Pane, Panes
from engine.alerts.sources import Fresh, Seen, Source
from engine.alerts.subjects import SUBJECTS, Unit
from engine.errors import SpecError
from engine.specalerts import Condition

SUMS_MAX = 50_000  # that a pane of one condition may have, over all its segments
LABELS = {"class": "class", "reason": "reason"}  # what `of` names is a feature otherwise


class Reading(NamedTuple):
    """What a condition measured, of one segment."""

    place: int
    """Of the condition in the spec's list."""
    labels: dict[str, str]
    """What tells it from the condition's others."""
    value: float
    past: float | None
    """The same of the window before, where it is compared with that,"""
    noise: float
    """and the standard error of the difference: of shares; 0 where it is not known."""
    n: int
    """How many outcomes, events, labels or records it is of."""
    ms: int
    """How much time went by between them."""
    first_offset: int | None
    """The events that it tells of."""
    last_offset: int | None


class Gauge:
    """One condition, measured.

    Parameters
    ----------
    place
        Of the condition in the spec's list.
    condition, when
        What it says.
    how
        How it is measured.
    """

    def __init__(self, place: int, condition: Condition, when: When, how: Measure | Instant) -> None:
        self.place, self.condition, self.when, self.how = place, condition, when, how
        self.timed = condition.is_timed or SUBJECTS[when.subject].over == "time"
        self.over = condition.window(self.timed)
        self.least = 1 if isinstance(how, Instant) and condition.at_least is None else condition.least
        self.panes: dict[int, Panes] = {}  # by group
        kept = condition.model_dump(mode="json", include={"when", "over", "by"})
        # What its state is good for:
        self.known = msgspec.json.encode(kept, order="sorted").decode()

    def add(self, fresh: Fresh, names: Sequence[tuple[str, int]], ms: int) -> None:
        """What came since the last look."""
        assert isinstance(self.how, Measure)
        for _, row in names:
            sums = fresh.sums[row]
            if not self.timed and row not in self.panes and not sums.any():
                continue  # nothing came yet
            if row not in self.panes:
                self.panes[row] = Panes(len(sums), self.over, self.when.moves)
            held = float(ms) if self.timed else self.how.held(sums)
            self.panes[row].add(sums, held, ms, fresh.first, fresh.last)

    def read(self, names: Sequence[tuple[str, int]]) -> Iterator[Reading]:
        """What is worth being judged: where enough came, of late and of all."""
        if isinstance(self.how, Instant):
            value, n = self.how.read()
            if value is not None and n >= self.least:
                yield Reading(self.place, self._labels(""), value, None, 0.0, n, 0, None, None)
            return
        for name, row in names:
            if (panes := self.panes.get(row)) is not None and panes.is_news:
                yield from self._reading(name, *panes.windows(), self.how)

    def _reading(self, name: str, now: Pane, before: Pane | None, how: Measure) -> Iterator[Reading]:
        n, value = how.held(now.sums), how.value(now)
        if value is None or math.isnan(value) or n < self.least:
            return
        past, noise = None, 0.0
        if self.when.moves:
            if before is None or (other := how.held(before.sums)) < self.least:
                return
            if (past := how.value(before)) is None:
                return
            if SUBJECTS[self.when.subject].unit is Unit.SHARE:
                noise = standard_error(value, n, past, other)
        first, last = (None if offset == NONE else offset for offset in (now.first, now.last))
        yield Reading(self.place, self._labels(name), value, past, noise, round(n), now.ms, first, last)

    def _labels(self, segment: str) -> dict[str, str]:
        of = SUBJECTS[self.when.subject].of
        told = {
            "metric": self.when.subject,
            LABELS.get(of, "feature"): self.when.of or "",
            "segment": segment,
        }
        return {name: value for name, value in told.items() if value}


def standard_error(share: float, n: float, past: float, other: float) -> float:
    """Of the difference between two shares, of so many each, if nothing has changed.

    >>> round(standard_error(0.5, 100, 0.5, 100), 4)
    0.0707
    """
    both = (share * n + past * other) / (n + other)
    return math.sqrt(max(0.0, both * (1 - both)) * (1 / n + 1 / other))


class Measures:
    """All conditions of one shard that are measured.

    Parameters
    ----------
    conditions
        Of the spec.
    seen
        The shard.
    """

    def __init__(self, conditions: Sequence[Condition], seen: Seen) -> None:
        self.seen = seen
        self.sources: dict[str, Source] = {}
        self.gauges: list[tuple[str, Gauge]] = []  # with the key of their source
        self.now: int | None = None
        self.newest = NONE  # offset of the newest event at the last look
        for place, condition in enumerate(conditions):
            self._build(place, condition)
        self.begin()

    def _build(self, place: int, condition: Condition) -> None:
        when = parse(condition.when)
        if when.subject == "drift" or SUBJECTS[when.subject].where == "worker":
            return
        try:
            how = measure(when, condition.by, self.seen)
        except SpecError as error:
            raise SpecError(f"alerts[{place}].when: {error}") from None
        key = ""
        if isinstance(how, Measure):
            key = how.key
            if key not in self.sources:
                self.sources[key] = how.source()
            self._check_size(place, condition, self.sources[key])
        self.gauges.append((key, Gauge(place, condition, when, how)))

    def _check_size(self, place: int, condition: Condition, source: Source) -> None:
        rows = 1 if condition.by is None else self.seen.quality.wanted.segments_max + 1
        if rows * source.size > SUMS_MAX:
            raise SpecError(
                f"alerts[{place}].by: {condition.when} by {condition.by} would keep {rows * source.size:,} "
                f"sums, {SUMS_MAX:,} are allowed: lower metrics.segments_max or metrics.classes_max"
            )

    def __bool__(self) -> bool:
        return bool(self.gauges)

    def look(self, now: int) -> list[Reading]:
        """Measure what came up to here, at this time of the records."""
        last, self.now = self.now, now if self.now is None else max(now, self.now)
        first, self.newest = self.newest, self.seen.newest
        self.seen.quality.count()
        fresh = {key: self._placed(source.take(), first) for key, source in self.sources.items()}
        names = {key: source.groups() for key, source in self.sources.items()}
        for key, gauge in self.gauges:
            if key and not (gauge.timed and last is None):  # before there was a look no time went by
                gauge.add(fresh[key], names[key], 0 if last is None else self.now - last)
        return [reading for key, gauge in self.gauges for reading in gauge.read(names.get(key, ()))]

    def _placed(self, fresh: Fresh, last: int) -> Fresh:
        """With the offsets of the events that came meanwhile, where it has none of its own."""
        if fresh.first != NONE or self.newest == last:
            return fresh
        return fresh._replace(first=last + 1, last=self.newest)

    # -- its state -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """What is to come is all that counts."""
        for source in self.sources.values():
            source.begin()
        self.now, self.newest = None, self.seen.newest

    def state(self) -> Mapping[str, Any]:
        return {
            "sources": {key: source.state() for key, source in self.sources.items()},
            "panes": {
                gauge.known: [[row, panes.state()] for row, panes in gauge.panes.items()]
                for _, gauge in self.gauges
            },
            "made": self._made(),
            "now": [self.now, self.newest],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; conditions that were not there before begin anew."""
        self.begin()
        self.now, self.newest = state["now"]
        if state["made"] != self._made():
            return  # classes or segments have other numbers now
        for key, source in self.sources.items():
            if key in state["sources"]:
                source.restore(state["sources"][key])
        for key, gauge in self.gauges:
            for row, panes in state["panes"].get(gauge.known, ()):
                gauge.panes[row] = Panes(self.sources[key].size, gauge.over, gauge.when.moves)
                gauge.panes[row].restore(panes)

    def _made(self) -> list[Any]:
        """What has to be the same for sums to mean the same."""
        wanted = self.seen.quality.wanted
        return [wanted.classes_max, wanted.segments, wanted.segments_max, wanted.probabilities]
