"""Planted changes, from what somebody wrote to rows of a file.

The file is read twice before it is replayed: once to find the rows that are meant, and once, up to the
first of them, to see what the fields were before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from engine.choice import label_kind
from engine.drift.inject.plan import RULES, Change, Place, Planted, row_of, span, time_ms, wrong_changes
from engine.drift.inject.rows import Planter
from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams import cells, rows
from streams.routing import Router
from streams.rows import STDIN, Row
from streams.specs.yamlfile import Document, Where, dotted, parse

BEFORE_MAX = 100_000
"""Rows before the first change that say what the fields were."""
SIZE_MAX = 1 << 20
"""Bytes of a file of changes."""


def read(given: str) -> Planted:
    """What `--inject` names, or says itself where it begins with a bracket.

    >>> read("[{change: mean, fields: [amount]}]").changes[0].told
    'mean 1 of amount'
    """
    inline = given.lstrip().startswith(("[", "{"))
    name = "--inject" if inline else given
    document = parse(given if inline else _text(Path(given)), name, Path(), {})
    if document.problems:
        raise SpecError("\n".join(map(str, document.problems)))
    if isinstance(document.value, list):
        document.value = {"changes": document.value}
        document.places = {("changes", *where): place for where, place in document.places.items()}
    elif isinstance(document.value, dict) and "change" in document.value:
        document.value = {"changes": [document.value]}
        document.places = {("changes", 0, *where): place for where, place in document.places.items()}
    try:
        return Planted.model_validate(document.value)
    except ValidationError as error:
        raise SpecError("\n".join(_described(error, document))) from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()[: SIZE_MAX + 1]
        if len(content) <= SIZE_MAX:
            return content.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path} is not UTF-8 text") from None
    raise SpecError(f"{path} is longer than {SIZE_MAX:,} bytes")


def _described(error: ValidationError, document: Document) -> Iterator[str]:
    """A line for each thing that is wrong: where, what, and perhaps what was meant."""
    for each in error.errors():
        where = tuple(part for part in each["loc"] if isinstance(part, int) or part.islower())
        for text in _said(where, each["type"], each["msg"], each["input"]).splitlines():
            yield ": ".join(filter(None, (document.place(where), dotted(where), text)))


def _said(where: Where, kind: str, message: str, found: Any) -> str:
    if kind == "extra_forbidden":
        known = list(Planted.model_fields if len(where) == 1 else Change.model_fields)
        return f"unknown key{nearest(str(where[-1]), known) or '; known here: ' + ', '.join(known)}"
    if kind == "literal_error" and where[-1] == "change":
        return (
            f"there is no change {found!r}{nearest(str(found), RULES) or '; there are ' + ', '.join(RULES)}"
        )
    if kind == "missing":
        return "missing, and needed"
    if kind in ("model_type", "tuple_type"):
        return "expected a list of changes, like [{change: mean, fields: [amount], at: 0.5}]"
    return message.removeprefix("Value error, ")


class Piece(NamedTuple):
    """One time that a change comes."""

    change: Change
    start: int
    stop: int  # the first row behind it
    time: int | None  # the start's event time in milliseconds


class Planting:
    """Changes at their rows, ready to be planted while the files are read.

    Parameters
    ----------
    spec
        The pipeline's.
    planted
        What to plant.
    events, labels
        The files.
    """

    def __init__(self, spec: Spec, planted: Planted, events: str, labels: str | None) -> None:
        if wrong := list(wrong_changes(planted, spec)):
            raise SpecError("\n".join(wrong))
        if events == STDIN or labels == STDIN:
            raise SpecError("changes are planted into files, which are read more than once; give it a name")
        self.spec, self.planted, self.files = spec, planted, (events, labels)
        self.planter = Planter(planted, spec, spec.labels.kind(label_kind(spec) or "boolean"))
        if self.planter.flips and labels is None and spec.labels.in_event is None:
            raise SpecError("label_flip turns labels, and there are none; name their file with --labels")
        self.router = Router(spec, "events", 1, timed=True)
        self.named = self.planter.flips and labels is not None
        self.ids: dict[str, int] = {}  # of events, where labels are looked up by them
        self.rows = 0
        self.planter.spans = self._spans()
        self.times: dict[int, int | None] = {}
        self._look_before()

    def _spans(self) -> list[Any]:
        """Each change's rows."""
        changes = self.planted.changes
        known = [place for change in changes for place in (change.at, change.until) if isinstance(place, str)]
        found = self._read_through(dict.fromkeys(known))
        spans = []
        for i, change in enumerate(changes):
            until = None if change.until is None else self._row(change.until, found)
            try:
                spans.append(span(change, self.rows, self._row(change.at, found), until))
            except ValueError as error:
                raise SpecError(f"changes[{i}].{error}") from None
        return spans

    def _row(self, place: Place, found: dict[str, int]) -> int:
        row = row_of(place, self.rows)
        return found[str(place)] if row is None else row

    def _read_through(self, places: dict[str, None]) -> dict[str, int]:
        """Count the rows, and find the first ones of these times."""
        if places and self.spec.events.time is None:
            raise SpecError(f"at: {next(iter(places))} is a time, and events.time names no field; give a row")
        wanted = sorted((time_ms(text), text) for text in places)[::-1]
        found: dict[str, int] = {}
        for row in self._events():
            if wanted or self.named:
                time = self.router.place(row).timestamp if wanted else None
                while wanted and time is not None and time >= wanted[-1][0]:
                    found[wanted.pop()[1]] = self.rows
                self._name(row)
            self.rows += 1
        return found | {text: self.rows for _, text in wanted}

    def _name(self, row: Row) -> None:
        field = self.spec.events.fields.get(self.spec.events.id or "")
        if self.named and field is not None:
            value = _inside(row.data, field.path or str(self.spec.events.id))
            if value is not None:
                self.ids[str(value)] = self.rows

    def _look_before(self) -> None:
        """What the fields were, and the labels."""
        planter = self.planter
        for row in islice(self._events(), min(planter.first, BEFORE_MAX)):
            planter.see(row.data)
        if self.named:
            for label in self._labels():
                event = self._event_of(label.data)
                if event is not None and event < planter.first:
                    planter.see_label(label.data)
        planter.check()

    def _events(self) -> Iterator[Row]:
        return rows.read(self.files[0], cells.event_columns(self.spec))

    def _labels(self) -> Iterator[Row]:
        return rows.read(str(self.files[1]), cells.label_columns(self.spec))

    def _event_of(self, label: Any) -> int | None:
        """The row of the event that a label is for."""
        name = _inside(label, self.spec.labels.id)
        if name is None:
            return None
        by_place = self.spec.events.id is None or self.spec.labels.by == "prediction_id"
        if not by_place:
            return self.ids.get(str(name))
        offset = str(name).rpartition("-")[2]
        return int(offset) if offset.isdecimal() else None

    # -- while the files are read --------------------------------------------------------------------------

    def events(self, given: Iterator[Row]) -> Iterator[Row]:
        """The events, changed."""
        starts = {start for each in self.planter.spans for start, _ in each.times(self.rows)}
        for i, row in enumerate(given):
            if i in starts:
                self.times[i] = self.router.place(row).timestamp
            if isinstance(row.data, dict) and self.planter.change(i, row.data):
                yield Row(msgspec.json.encode(row.data), row.data)
            else:
                yield row

    def labels(self, given: Iterator[Row]) -> Iterator[Row]:
        """The labels, changed with their events."""
        for row in given:
            here = isinstance(row.data, dict) and self.named
            if here and self.planter.change_label(self._event_of(row.data), row.data):
                yield Row(msgspec.json.encode(row.data), row.data)
            else:
                yield row

    def pieces(self) -> list[Piece]:
        """Every time that a change came, in their order; the times are known behind the replay."""
        found = [
            Piece(change, start, stop, self.times.get(start))
            for change, each in zip(self.planted.changes, self.planter.spans, strict=True)
            for start, stop in each.times(self.rows)
        ]
        return sorted(found, key=lambda piece: piece.start)


def _inside(data: Any, path: str) -> Any:
    for part in path.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    return msgspec.json.decode(data) if isinstance(data, msgspec.Raw) else data
