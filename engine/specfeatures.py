"""What can be written in the list of features: fields, windows over time, and values made of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from engine.duration import Duration, duration_text
from engine.nearest import nearest
from engine.specparts import FieldSpec, Kind, Part

Agg = Literal[
    "count", "sum", "mean", "min", "max", "variance", "zscore", "distinct", "since_last", "last", "ewm"
]
Names = str | tuple[str, ...]

NUMBERS = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)
WORDS = (Kind.CATEGORY, Kind.TEXT)
SEEN = (*NUMBERS, Kind.CATEGORY)  # what a model takes as it is

ABOUT_ONE = ("sum", "mean", "min", "max", "variance", "zscore", "distinct")  # field, over one window
WINDOW = frozenset({"by", "window", "own"})
# Verb: the keys that it needs, and those that it can have besides.
KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "count": (frozenset({"over"}), WINDOW | {"of"}),
    **dict.fromkeys(ABOUT_ONE, (frozenset({"of", "over"}), WINDOW)),
    "since_last": (frozenset(), frozenset({"by"})),
    "last": (frozenset({"of"}), frozenset({"by", "over"})),
    "ewm": (frozenset({"of", "half_life"}), frozenset({"by", "own"})),
}
LIST_KEYS = ("name", "agg")


class Feature(Part):
    """A feature that is more than a field of the event."""

    name: str = Field(min_length=1, max_length=200)
    """What the model calls it."""
    agg: Agg
    """What is remembered of the events before, by event time."""
    of: str | None = None
    """The field that it is about."""
    by: Names = ()
    """The field, or fields, whose value has a memory of its own: a card, a customer. Without one the
    whole shard has one memory."""
    over: Duration | None = None
    """How long the window is."""
    window: Literal["sliding", "tumbling"] = "sliding"
    """`sliding` ends at each event, `tumbling` begins anew at every multiple of `over` (UTC)."""
    own: bool = True
    """Whether the event itself counts."""
    half_life: Duration | None = None
    """After this time of event time a value weighs half in `ewm`."""

    @model_validator(mode="after")
    def fits(self) -> Feature:
        if wrong := "\n".join(self._wrong()):
            raise ValueError(wrong)
        return self

    def _wrong(self) -> Iterator[str]:
        needed, more = KEYS[self.verb]
        given = {key for key in self.model_fields_set if getattr(self, key) is not None} - set(LIST_KEYS)
        for key in sorted(needed - given):
            yield f"{self.verb} needs `{key}`: {_meaning(key)}"
        for key in sorted(given - needed - more):
            allowed = ", ".join(sorted(needed | more))
            yield f"{key} means nothing for {self.verb}; it takes {allowed}"
        for key in ("over", "half_life"):
            if getattr(self, key) == 0:
                yield f"{key} is longer than nothing"

    @property
    def verb(self) -> str:
        return self.agg

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields of `by`."""
        return (self.by,) if isinstance(self.by, str) else self.by

    def reads(self) -> tuple[str, ...]:
        """The fields, or features above it, that it is made of."""
        return (*self.keys, *((self.of,) if self.of else ()))

    def kind(self, of: Kind | None) -> Kind:
        """What the model sees, if `of` is of this kind."""
        return Kind.CATEGORY if self.agg == "last" and of in WORDS else Kind.NUMBER


def _meaning(key: str) -> str:
    words = " ".join(str(Feature.model_fields[key].description).split())
    return words[:1].lower() + words[1:].rstrip(".")


def _form(given: object) -> str:
    return "made" if isinstance(given, Mapping | Feature) else "field"


Entry = Annotated[Annotated[str, Tag("field")] | Annotated[Feature, Tag("made")], Discriminator(_form)]
FORMS = ("field", "made")  # how the union calls its members in a location


def name_of(entry: str | Feature) -> str:
    return entry if isinstance(entry, str) else entry.name


def wrong_features(
    entries: tuple[str | Feature, ...], fields: Mapping[str, FieldSpec], lateness_max: int
) -> Iterator[str]:
    """What doesn't hold together in the list of features: a sentence each."""
    for i, entry in enumerate(entries):
        if isinstance(entry, str):
            yield from _wrong_field(entry, fields)
        else:
            yield from _wrong_reads(f"features[{i}]", entry, fields)
            if entry.window == "tumbling" and entry.over and lateness_max // entry.over > TUMBLING_MAX:
                yield (
                    f"features[{i}].over names {duration_text(entry.over)!r}, less than 1/{TUMBLING_MAX} "
                    f"of limits.lateness_max; for windows that short lower the limit"
                )
    names = [name_of(entry) for entry in entries]
    if len(set(names)) < len(names):
        yield "features names a field twice"


TUMBLING_MAX = 1000  # windows that are kept open for late events


def _wrong_field(name: str, fields: Mapping[str, FieldSpec]) -> Iterator[str]:
    field = fields.get(name)
    if field is None:
        yield f"features names {name!r}, which is not in events.fields{nearest(name, fields)}"
    elif field.type not in SEEN:
        yield f"features names {name!r}, a {field.type.value}; a model takes numbers and categories"


def _wrong_reads(where: str, entry: Feature, fields: Mapping[str, FieldSpec]) -> Iterator[str]:
    numbers = entry.agg not in ("count", "distinct", "last")
    known: Any = {"of": (NUMBERS if numbers else (*NUMBERS, *WORDS)), "by": (*NUMBERS, *WORDS)}
    for key, names in (("of", (entry.of,) if entry.of else ()), ("by", entry.keys)):
        for name in names:
            field = fields.get(name)
            if field is None:
                yield f"{where}.{key} names {name!r}, which is not in events.fields{nearest(name, fields)}"
            elif field.type not in known[key]:
                wanted = "numbers" if key == "of" and numbers else "numbers, categories and texts"
                yield (
                    f"{where}.{key} names {name!r}, a {field.type.value}; "
                    f"{entry.agg if key == 'of' else 'by'} takes {wanted}"
                )
