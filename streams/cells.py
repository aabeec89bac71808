"""The cells of a table as the values of JSON: numbers, booleans and texts where the spec has them.

A cell that is not what its column should be stays text: whether it fits is for the engine to say,
which keeps it as a dead letter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.spec import Spec
from engine.specparts import Kind

JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
WORDS = {"true": True, "t": True, "yes": True, "y": True, "1": True}
WORDS |= {"false": False, "f": False, "no": False, "n": False, "0": False}


class Column(NamedTuple):
    """Where a column's cells go, and what they become."""

    path: tuple[str, ...]
    value: Callable[[str], Any]


def text(cell: str) -> Any:
    return cell


def number(cell: str) -> Any:
    """A number as it is written, so that no digit is lost; else text.

    >>> [msgspec.json.encode(number(cell)).decode() for cell in ("1.50", ".5", "+3", "many")]
    ['1.50', '0.5', '3.0', '"many"']
    """
    if JSON_NUMBER.fullmatch(cell):
        return msgspec.Raw(cell.encode())
    try:
        value = float(cell)
    except ValueError:
        return cell
    return value if math.isfinite(value) else cell


def boolean(cell: str) -> Any:
    return WORDS.get(cell.strip().lower(), cell)


def loose(cell: str) -> Any:
    """A value whose type nobody gave: what it looks like."""
    word = cell.strip().lower()
    return word == "true" if word in ("true", "false") else number(cell)


VALUES: Mapping[Kind, Callable[[str], Any]] = {
    Kind.NUMBER: number,
    Kind.INTEGER: number,
    Kind.TIMESTAMP: number,
    Kind.BOOLEAN: boolean,
    Kind.CATEGORY: text,
    Kind.TEXT: text,
    Kind.IGNORED: text,
}
LABELS = {"boolean": boolean, "number": number, "category": text, None: loose}


def event_columns(spec: Spec) -> dict[str, Column]:
    """A column may have the name of a field or its path."""
    columns: dict[str, Column] = {}
    for name, field in spec.events.fields.items():
        path = field.path or name
        columns[name] = columns[path] = Column(tuple(path.split(".")), VALUES[field.type])
    inside = spec.labels.in_event
    if inside is not None:
        columns.setdefault(inside, Column(tuple(inside.split(".")), _label(spec)))
    return columns


def label_columns(spec: Spec) -> dict[str, Column]:
    labels, fields = spec.labels, spec.events.fields
    of_event = fields.get(spec.events.id or "")
    of_key = fields.get(spec.events.key or "")
    values = {
        labels.id: VALUES[of_event.type] if of_event and labels.by == "event_id" else text,
        labels.value: _label(spec),
        labels.time: number,
        labels.weight: number,
        "correction_of": text,
    }
    key = labels.key or spec.events.key
    if key is not None and of_key is not None:
        values.setdefault(key, VALUES[of_key.type])
    return {name: Column(tuple(name.split(".")), value) for name, value in values.items()}


def _label(spec: Spec) -> Callable[[str], Any]:
    return loose if spec.labels.positive is not None else LABELS[spec.labels.type]


def nested(columns: Sequence[Column], cells: Sequence[str]) -> dict[str, Any]:
    """One row as an object; an empty cell is a missing value.

    >>> nested([Column(("card", "country"), text), Column(("amount",), text)], ["NL", ""])
    {'card': {'country': 'NL'}}
    """
    row: dict[str, Any] = {}
    for (path, value), cell in zip(columns, cells, strict=False):
        if cell != "":
            part = row
            for name in path[:-1]:
                part = part.setdefault(name, {})
            part[path[-1]] = value(cell)
    return row
