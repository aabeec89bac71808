"""What can be written in the list of features: fields, windows over time, and values made of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from engine.duration import Duration, duration_text
from engine.nearest import nearest
from engine.specparts import FieldSpec, Kind, Part

Agg = Literal[
    "count", "sum", "mean", "min", "max", "variance", "zscore", "distinct", "since_last", "last", "ewm"
]  # fmt: skip
Make = Literal["ratio", "product", "cross", "fill", "hash", "target"]
Names = str | tuple[str, ...]

NUMBERS = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)
WORDS = (Kind.CATEGORY, Kind.TEXT)
ANY = (*NUMBERS, *WORDS)
SEEN = (*NUMBERS, Kind.CATEGORY)  # what a model takes as it is

ONE_FIELD = ("sum", "mean", "min", "max", "variance", "zscore", "distinct")
WINDOW = frozenset({"by", "window", "own"})
# By `agg` or `make`: the keys that it needs, and those that it can have besides.
KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "count": (frozenset({"over"}), WINDOW | {"of"}),
    **dict.fromkeys(ONE_FIELD, (frozenset({"of", "over"}), WINDOW)),
    "since_last": (frozenset(), frozenset({"by"})),
    "last": (frozenset({"of"}), frozenset({"by", "over"})),
    "ewm": (frozenset({"of", "half_life"}), frozenset({"by", "own"})),
    **dict.fromkeys(("ratio", "product", "cross"), (frozenset({"of"}), frozenset())),
    "fill": (frozenset({"of", "value"}), frozenset()),
    "hash": (frozenset({"of", "into"}), frozenset()),
    "target": (frozenset({"of"}), frozenset({"prior"})),
}
# What each may be of; numbers, where nothing is said.
OF: Mapping[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("count", "distinct", "last"), ANY),
    "cross": (*WORDS, Kind.INTEGER, Kind.BOOLEAN),
    "fill": SEEN,
    "hash": (*WORDS, Kind.INTEGER),
    "target": (*WORDS, Kind.INTEGER, Kind.BOOLEAN),
}
SEVERAL = ("ratio", "product", "cross")
TUMBLING_MAX = 1000  # windows that are kept open for late events


class Feature(Part):
    """A feature that is more than a field of the event: it has an `agg`, or a `make`."""

    name: str = Field(min_length=1, max_length=200)
    """What the model calls it."""
    agg: Agg | None = None
    """What is remembered of the events before, by event time."""
    make: Make | None = None
    """What is made of fields, and of features above it."""
    of: Names | None = None
    """The field that it is about. A `make` also takes a feature above it, and some take several."""
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
    value: float | str | None = None
    """What `fill` puts where a value is missing: `mean`, `last`, or a value of its own."""
    into: Annotated[int, Field(ge=2, le=1 << 20)] | None = None
    """How many categories `hash` makes."""
    prior: Annotated[float, Field(ge=0)] = 20.0
    """As many labels does the mean of all weigh in `target`, beside those of the category."""

    @model_validator(mode="after")
    def fits(self) -> Feature:
        if wrong := "\n".join(self._wrong()):
            raise ValueError(wrong)
        return self

    def _wrong(self) -> Iterator[str]:
        if (self.agg is None) == (self.make is None):
            yield "a feature has either `agg` or `make`"
            return
        needed, more = KEYS[self.verb]
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        for key in sorted(needed - given):
            yield f"{self.verb} needs `{key}`: {_meaning(key)}"
        for key in sorted(given - needed - more - {"name", "agg", "make"}):
            allowed = ", ".join(sorted(needed | more)) or "nothing"
            yield f"{key} means nothing for {self.verb}; it takes {allowed}"
        for key in ("over", "half_life"):
            if getattr(self, key) == 0:
                yield f"{key} is longer than nothing"
        count = len(self.sources)
        if "of" in given and (count != 1 if self.verb not in SEVERAL else count < 2):
            yield f"of takes {'two' if self.verb in SEVERAL else 'one'} for {self.verb}, not {count}"
        if self.verb == "ratio" and count > 2:
            yield f"of takes two for ratio, not {count}"

    @property
    def verb(self) -> str:
        return self.agg or self.make or ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields of `by`."""
        return (self.by,) if isinstance(self.by, str) else self.by

    @property
    def sources(self) -> tuple[str, ...]:
        """What `of` names."""
        return (self.of,) if isinstance(self.of, str) else self.of or ()

    @property
    def source(self) -> str | None:
        """What `of` names, where that is one at most."""
        return self.sources[0] if self.sources else None

    def kind(self, of: Sequence[Kind]) -> Kind:
        """What the model sees, if its sources are of these kinds."""
        if self.verb in ("cross", "hash") or (self.verb == "last" and of[0] in WORDS):
            return Kind.CATEGORY
        return of[0] if self.verb == "fill" else Kind.NUMBER


def _meaning(key: str) -> str:
    words = " ".join(str(Feature.model_fields[key].description).split())
    return words[:1].lower() + words[1:].rstrip(".")


def _form(given: object) -> str:
    return "made" if isinstance(given, Mapping | Feature) else "field"


Entry = Annotated[Annotated[str, Tag("field")] | Annotated[Feature, Tag("made")], Discriminator(_form)]
Fields = Mapping[str, FieldSpec]


def name_of(entry: str | Feature) -> str:
    return entry if isinstance(entry, str) else entry.name


def kinds_of(entries: Sequence[str | Feature], fields: Fields) -> tuple[Kind, ...]:
    """What each feature is."""
    above: dict[str, Kind] = {}
    found: list[Kind] = []
    for entry in entries:
        if isinstance(entry, str):
            kind = fields[entry].type
        else:
            made = above if entry.make else {}
            kind = entry.kind([made.get(name) or fields[name].type for name in entry.sources])
        above[name_of(entry)] = kind
        found.append(kind)
    return tuple(found)


def fields_of(entries: Sequence[str | Feature]) -> tuple[str, ...]:
    """The fields that are read for a list of features: those that stand in it first."""
    found = dict.fromkeys(entry for entry in entries if isinstance(entry, str))
    above: set[str] = set()
    for entry in entries:
        if isinstance(entry, Feature):
            made = above if entry.make else set[str]()
            found |= dict.fromkeys(name for name in (*entry.keys, *entry.sources) if name not in made)
        above.add(name_of(entry))
    return tuple(found)


# -- what may be wrong ---------------------------------------------------------------------------------


def wrong_features(entries: Sequence[str | Feature], fields: Fields, lateness_max: int) -> Iterator[str]:
    """What doesn't hold together in the list of features: a sentence each."""
    above: dict[str, Kind] = {}
    types = {name: field.type for name, field in fields.items()}
    for i, entry in enumerate(entries):
        if isinstance(entry, str):
            wrong = list(_wrong_field(entry, fields))
            above |= {} if wrong else {entry: types[entry]}
        else:
            known = types | (above if entry.make else {})
            wrong = list(_wrong_made(f"features[{i}]", entry, known, lateness_max))
            above |= {} if wrong else {entry.name: entry.kind([known[name] for name in entry.sources])}
        yield from wrong
    names = [name_of(entry) for entry in entries]
    if len(set(names)) < len(names):
        yield "features names a field twice"


def _wrong_field(name: str, fields: Fields) -> Iterator[str]:
    field = fields.get(name)
    if field is None:
        yield f"features names {name!r}, which is not in events.fields{nearest(name, fields)}"
    elif field.type not in SEEN:
        yield f"features names {name!r}, a {field.type.value}; a model takes numbers and categories"


def _wrong_made(where: str, entry: Feature, known: Mapping[str, Kind], lateness_max: int) -> Iterator[str]:
    place = "in events.fields" if entry.agg else "in events.fields, nor a feature above"
    taken: dict[str, Any] = {"of": OF.get(entry.verb, NUMBERS), "by": ANY}
    for key, names in (("of", entry.sources), ("by", entry.keys)):
        for name in names:
            if name not in known:
                yield f"{where}.{key} names {name!r}, which is not {place}{nearest(name, known)}"
            elif known[name] not in taken[key]:
                wanted = ", ".join(kind.value for kind in taken[key])
                verb = entry.verb if key == "of" else "by"
                yield f"{where}.{key} names {name!r}, a {known[name].value}; {verb} takes {wanted}"
    if entry.window == "tumbling" and entry.over and lateness_max // entry.over > TUMBLING_MAX:
        yield (
            f"{where}.over names {duration_text(entry.over)!r}, less than 1/{TUMBLING_MAX} of "
            f"limits.lateness_max; for windows that short lower the limit"
        )
    if entry.verb == "fill":
        yield from _wrong_filling(where, entry, known.get(entry.source or ""))


def _wrong_filling(where: str, entry: Feature, kind: Kind | None) -> Iterator[str]:
    number = not isinstance(entry.value, str)
    if kind in NUMBERS and not number and entry.value not in ("mean", "last"):
        yield f"{where}.value names {entry.value!r}, but for a {kind.value} it is mean, last or a number"
    if kind is Kind.CATEGORY and (number or entry.value == "mean"):
        yield f"{where}.value names {entry.value!r}, but for a category it is last or a text"
