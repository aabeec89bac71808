"""Where records come from, and which origin carries a change.

Records are told apart in some ways: by producer, by schema, by a field. Each way has its groups: the values
that came of late, at most so many; what comes beyond them is `(other)`. What a group adds to a change is
what it adds to the mean of the marks (`marks.py`), since the change began less before; so the shares of all
groups sum up to 1, and a group counts whether it is new, grew, or is what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from engine.batch import Headers
from engine.drift.detector import Floats, Ints
from engine.drift.evidence.record import Group
from engine.errors import SpecError

GROUPS_MAX = 64  # that are told apart
NAME_MAX = 200  # characters
TOLD = 5  # groups of a kind in a drift record
NONE, OTHER = "(none)", "(other)"
OTHER_CODE = 0
HEADER = "header:"

MOST = 0.8  # a share from which on it is that group
ALL = 0.95
PLAIN = 0.7  # a group of so large a share of all records carries most of any change


def header_of(name: str, source: str) -> str:
    """The header that an entry of `drift.provenance` names.

    >>> header_of("producer", "header:x-producer")
    'x-producer'
    """
    found = source.removeprefix(HEADER).strip().lower()
    if not source.startswith(HEADER) or not found:
        raise SpecError(
            f"drift.provenance.{name} is {source!r}; write header: and the header's name, "
            "header:ce_source for one (of fields, name those in drift.segments)"
        )
    return found


def from_headers(headers: Sequence[Headers] | None, names: Sequence[str], n: int) -> list[list[str | None]]:
    """A column for each name: what the header says, None where it is not there."""
    if headers is None:
        return [[None] * n for _ in names]
    found = [{key.lower(): content for key, content in each} for each in headers]
    return [[_text(each.get(name)) for each in found] for name in names]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


class Seen(NamedTuple):
    """A group, and where it was first seen."""

    name: str
    offset: int
    record: int


class Groups:
    """The groups of one way in which records are told apart.

    Parameters
    ----------
    by
        What it is called.
    records
        A group that was not seen in so many makes room for another.
    most
        How many are told apart.

    Examples
    --------
    >>> groups = Groups("producer", records=10)
    >>> groups.codes(["a", "b", "a"], [7, 8, 9]).tolist(), groups.seen(2)
    ([1, 2, 1], Seen(name='b', offset=8, record=1))
    """

    def __init__(self, by: str, records: int, most: int = GROUPS_MAX) -> None:
        self.by, self.records, self.most = by, records, most
        self.taken = 0
        self.made = 0  # codes so far
        self.open: dict[str, int] = {}  # name -> code
        self.known: dict[int, Seen] = {}  # by code; those that left are here as long as they are remembered
        self.last: dict[int, int] = {}  # code -> record

    def codes(self, values: Sequence[Any], offsets: Sequence[int]) -> Ints:
        """The groups of some records."""
        self._forget()
        names = {value: NONE if value is None else str(value)[:NAME_MAX] for value in set(values)}
        if self.open.keys() >= set(names.values()):
            known = {value: self.open[name] for value, name in names.items()}
            codes = [known[value] for value in values]
            self.last.update(zip(codes, count(self.taken)))
            self.taken += len(codes)
        else:
            pairs = zip(values, offsets, strict=True)
            codes = [self._code(names[value], offset) for value, offset in pairs]
        return np.array(codes, np.int64)

    def _code(self, name: str, offset: int) -> int:
        code = self.open.get(name)
        if code is None:
            return self._new(name, offset)
        self.last[code] = self.taken
        self.taken += 1
        return code

    def _new(self, name: str, offset: int) -> int:
        """The code of a name that is not open; the one not seen for longest makes room, if it may."""
        record, self.taken = self.taken, self.taken + 1
        if len(self.open) >= self.most:
            oldest = min(self.open.values(), key=self.last.__getitem__)
            if self.last[oldest] > record - self.records:
                return OTHER_CODE
            del self.open[self.known[oldest].name]
        self.made += 1
        self.open[name] = self.made
        self.known[self.made] = Seen(name, offset, record)
        self.last[self.made] = record
        return self.made

    def _forget(self) -> None:
        """Groups that left, and of which no record is remembered."""
        if len(self.known) > len(self.open):
            since, kept = self.taken - self.records, set(self.open.values())
            gone = [code for code in self.known if code not in kept and self.last[code] < since]
            for code in gone:
                del self.known[code], self.last[code]

    def seen(self, code: int) -> Seen | None:
        """A group by its code; None for the others."""
        return self.known.get(code)

    def state(self) -> list[Any]:
        self._forget()
        known = [[code, *seen, self.last[code]] for code, seen in self.known.items()]
        return [self.taken, self.made, dict(self.open), known]

    def restore(self, state: list[Any]) -> None:
        self.taken, self.made, opened, known = state
        self.open = dict(opened)
        self.known = {code: Seen(*seen) for code, *seen, _ in known}
        self.last = {each[0]: each[-1] for each in known}


class Split(NamedTuple):
    """The values of a signal, before a change and since."""

    marks: Floats  # a row a mark, a column a value
    start: int  # the column of the first value of the change
    record: int  # the same as a record's number in the panel

    @property
    def change(self) -> Floats:
        return self.added(np.ones(self.marks.shape[1]))

    def added(self, here: Floats) -> Floats:
        """What the values of a group add to the change of the means."""
        before, since = here[: self.start], here[self.start :]
        then: Floats = self.marks[:, : self.start] @ before / max(1, len(before))
        now: Floats = self.marks[:, self.start :] @ since / max(1, len(since))
        return now - then

    @property
    def is_clear(self) -> bool:
        """Whether the change is more than what chance gives."""
        n, m = self.start, self.marks.shape[1] - self.start
        chance = len(self.marks) * ((1 / n if n else 0) + 1 / max(1, m))
        return bool((self.change**2).sum() > 3 * chance)


def carried(
    groups: Groups, codes: Ints, split: Split, effect: Callable[[Floats], float | None]
) -> list[Group]:
    """The groups that carry most of a change; `effect` tells how much the values of one changed."""
    change = split.change
    size = float((change**2).sum())
    present = np.unique(codes).tolist()
    if not size or len(present) < 2:  # of one group there is nothing to tell
        return []
    found = []
    for code in present:
        here, seen = (codes == code).astype(np.float64), groups.seen(code)
        before, since = int(here[: split.start].sum()), int(here[split.start :].sum())
        share = float(split.added(here) @ change) / size
        told = (OTHER, None) if seen is None else (seen.name, seen.offset)
        new = seen is not None and not before and seen.record >= split.record - len(codes) // 20
        found.append(Group(groups.by, told[0], before, since, share, effect(here), told[1], new))
    return sorted(found, key=lambda group: (-abs(group.share), group.value))[:TOLD]


def suspect(groups: Sequence[Group], since: Mapping[str, int]) -> str | None:
    """A sentence on the one group that carries the change, if there is one.

    Parameters
    ----------
    groups
        Of all kinds.
    since
        By kind, how many values there are since the change began.

    Examples
    --------
    >>> new = Group("producer", "b", 0, 40, 0.97, 0.8, 5120, True)
    >>> suspect([new], {"producer": 90})
    'all of it comes from producer=b, first seen at offset 5,120'
    """
    likely = [g for g in groups if g.share >= MOST and (g.new or g.since <= PLAIN * since[g.by])]
    if not likely:
        return None
    best = min(likely, key=lambda group: (not group.new, group.since, group.by))
    much = "all" if best.share >= ALL else f"most ({best.share:.0%})"
    first = f", first seen at offset {best.first_offset:,}" if best.new else ""
    return f"{much} of it comes from {best.by}={best.value}{first}"
