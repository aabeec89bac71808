"""The fields of the spec as msgspec types: structs for every level of nesting, ranges, categories, times."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from engine.reasons import Reason, Unfit
from engine.specparts import FieldSpec, Kind

FAR_MS = 1e15  # year 33658, in milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Time = datetime | int | float
Named = Annotated[str, msgspec.Meta(min_length=1)]  # what names an event or an entity is not empty

TYPES: dict[Kind, Any] = {
    Kind.NUMBER: float,
    Kind.INTEGER: int,
    Kind.CATEGORY: str,
    Kind.BOOLEAN: bool,
    Kind.TIMESTAMP: Time,
    Kind.TEXT: str,
}


class Tree:
    """Leaves by dotted path, and the nested structs that read them."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.leaves: dict[str, tuple[Any, Any]] = {}
        self.children: dict[str, Tree] = {}

    def leaf(self, path: str, kind: Any, default: Any) -> str:
        """Add a leaf; return the dotted attribute under which the built struct has it."""
        head, _, rest = path.partition(".")
        name = self.names.setdefault(head, f"f{len(self.names)}")
        if rest:
            return f"{name}.{self.children.setdefault(head, Tree()).leaf(rest, kind, default)}"
        self.leaves.setdefault(head, (kind, default))
        return name

    def build(self, title: str) -> type[msgspec.Struct]:
        fields: list[Any] = []
        for head, (kind, given) in self.leaves.items():
            fields.append((self.names[head], kind, msgspec.field(name=head, default=given)))
        for head, child in self.children.items():
            struct = child.build(head)
            if child.required:
                fields.append((self.names[head], struct, msgspec.field(name=head)))
            else:
                made = msgspec.field(name=head, default_factory=struct)
                fields.append((self.names[head], struct, made))
        return msgspec.defstruct(title, fields, kw_only=True, gc=False)

    @property
    def required(self) -> bool:
        here = any(given is msgspec.NODEFAULT for _, given in self.leaves.values())
        return here or any(child.required for child in self.children.values())


def row_reader(places: list[str], defaults: list[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads an event's features; null stands for the default, if there is one."""
    get: Callable[[Any], Any] = attrgetter(*places)
    if len(places) == 1:
        only = defaults[0]
        return lambda event: (only if (value := get(event)) is None else value,)
    if all(value is None for value in defaults):
        return get
    pairs = tuple(enumerate(defaults))
    return lambda event: tuple(d if (v := got[i]) is None else v for got in (get(event),) for i, d in pairs)


def name_reader(place: str, field: FieldSpec) -> Callable[[Sequence[Any]], list[str]]:
    """A function that reads the column of ids or entities of several events, as texts."""
    get: Callable[[Any], Any] = attrgetter(place)
    if TYPES[field.type] is str:
        return lambda events: list(map(get, events))
    return lambda events: list(map(str, map(get, events)))


def leaf_type(spec: FieldSpec, names: bool) -> Any:
    """The type that msgspec checks; what names an event or an entity is there and not empty."""
    kind: Any = TYPES[spec.type]
    if names and spec.one_of is None:
        return Named if kind is str else kind
    if spec.one_of is not None:
        kind = Literal[spec.one_of]
    elif spec.min is not None or spec.max is not None:
        cast = int if spec.type is Kind.INTEGER else float
        low = None if spec.min is None else cast(spec.min)
        high = None if spec.max is None else cast(spec.max)
        kind = Annotated[kind, msgspec.Meta(ge=low, le=high)]
    return kind if spec.required and spec.default is None else kind | None


def default(spec: FieldSpec) -> Any:
    if spec.default is not None:
        return float(spec.default) if spec.type is Kind.NUMBER else spec.default
    return msgspec.NODEFAULT if spec.required else None


def to_ms(stamp: Any, unit_ms: int) -> int:
    """A time as milliseconds since the epoch.

    >>> to_ms(datetime(1970, 1, 2), 1000), to_ms(1.5, 1000), to_ms(1500, 1)
    (86400000, 1500, 1500)
    """
    if not isinstance(stamp, datetime):
        if abs(stamp) > FAR_MS:
            raise Unfit(Reason.TIME_OUT_OF_RANGE, f"{stamp} is no time")
        milliseconds: int = round(stamp * unit_ms)
        return milliseconds
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    gone = aware - EPOCH
    return gone.days * 86_400_000 + gone.seconds * 1000 + gone.microseconds // 1000


def depth(data: bytes) -> int:
    """How deep the JSON is nested; brackets inside texts do not count.

    >>> depth(b'{"a": ["{[", {}]}')
    3
    """
    level = deepest = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', data, re.DOTALL):
        mark = found[0]
        if mark in (b"{", b"["):
            level += 1
            deepest = max(deepest, level)
        elif mark in (b"}", b"]"):
            level -= 1
    return deepest


def label_reader(kind: str, positive: str | int | None) -> Callable[[Any], Any]:
    """A function that reads a label as the model wants it, or raises Unfit."""

    def boolean(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value in (0, 1) and isinstance(value, (int, float)):
            return bool(value)
        raise Unfit(Reason.BAD_LABEL, f"a label is true or false, not {value!r}")

    def is_positive(value: Any) -> bool:
        if isinstance(value, (str, int)):
            return bool(value == positive or str(value) == str(positive))
        raise Unfit(Reason.BAD_LABEL, f"a label is a text or an integer, not {value!r}")

    def category(value: Any) -> str:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        raise Unfit(Reason.BAD_LABEL, f"a label is a text, not {value!r}")

    def number(value: Any) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise Unfit(Reason.NOT_FINITE, "a label is beyond a float's range") from None
        raise Unfit(Reason.BAD_LABEL, f"a label is a number, not {value!r}")

    if positive is not None:
        return is_positive
    return {"boolean": boolean, "category": category, "number": number}[kind]
