"""The part of the spec that says what is watched for drift, and how many false alarms are bearable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.duration import DAY_MS, PATTERN, Duration, duration_ms
from engine.errors import SpecError
from engine.specmetrics import wrong_segments
from engine.specparts import Count, Kind, Part

Watch = Literal[
    "features",
    "missing",
    "outside",
    "unseen",
    "correlations",
    "predictions",
    "confidence",
    "labels",
    "errors",
    "calibration",
    "performance",
    "together",
]


SEASON_MIN_MS = 60_000
SEASONS = {"daily": DAY_MS, "weekly": 7 * DAY_MS}


def per_of(given: object) -> object:
    """A number of events as it is, a duration as a negative number of milliseconds.

    >>> per_of(100_000), per_of("30d")
    (100000, -2592000000)
    """
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        found = duration_ms(given)
    except ValueError:
        raise ValueError("write a number of events, 1000000, or a duration, 30d") from None
    assert isinstance(found, int)
    return -found


class FalseAlarms(Part):
    at_most: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    """How many false alarms are bearable, over everything that is watched, in all partitions,"""
    per: Annotated[
        int,
        BeforeValidator(per_of),
        WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": PATTERN}]}),
    ] = -30 * DAY_MS
    """in so many events (`1000000`), or in so long (`30d`) at the rate at which events come."""


class Detector(Part):
    use: str
    """A name from the table of detectors, or `module:Class` for one of River's or your own."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Its options."""
    on: tuple[str, ...] = ()
    """Which signals it watches, by name or by what `watch` calls them. Default: all that it can."""
    share: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    """How large its part of the budget is, beside the others'."""


class Reference(Part):
    first: Annotated[int, Field(ge=50, le=100_000)] = 1_000
    """What is normal: the first so many values of each signal, since the state or the model began or the
    signal was rebaselined."""
    window: Literal["first", "sliding", "since"] = "first"
    """What evidence compares with: these first values; the latest whole lot of so many; or all of them since
    the model was deployed. Detectors see to their own."""
    sketch: str | None = None
    """What is normal, from elsewhere: `${file:reference.json}`, as `driftline drift export` or
    `driftline drift sketch` wrote it. Signals that it does not have take their first values."""


def detector_of(given: object) -> object:
    """`detectors: [ks]` is short for `detectors: [{use: ks}]`."""
    return {"use": given} if isinstance(given, str) else given


class Drift(Part):
    """What is watched for drift."""

    false_alarms: FalseAlarms = FalseAlarms()
    detectors: Annotated[
        tuple[Annotated[Detector, BeforeValidator(detector_of)], ...], Field(min_length=1, max_length=16)
    ] = (Detector(use="rank_sr"),)
    """What watches: names, or `{use: ks, with: {...}, on: [...], share: 2}`."""
    watch: tuple[Watch, ...] = (
        *("features", "missing", "predictions", "labels", "errors", "performance", "together"),
    )
    """What is watched: features, the shares in which they are missing, outside the reference's range or
    unseen categories, correlations between numbers; predictions, confidence; labels, errors, calibration;
    how good predictions are before their labels come (`performance`); and all signals together."""
    segments: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    """Features of type category or boolean: watch each of their values on its own, too."""
    segments_max: Annotated[int, Field(ge=1, le=1000)] = 10
    """Values of a segment that are told apart, the first that come; others are not watched by themselves."""
    dependence: Literal["auto", "none"] = "auto"
    """`auto` finds out how long a signal remembers itself, and looks at means of blocks so long that it
    does not matter; `none` takes each value as if it had no memory."""
    season: Annotated[
        Literal["daily", "weekly"] | Duration | None,
        WithJsonSchema(
            {"anyOf": [{"enum": ["daily", "weekly", None]}, {"type": "string", "pattern": PATTERN}]}
        ),
    ] = None
    """Signals come and go with the day or the week, or with another period: compare like with like."""
    reference: Reference = Reference()
    provenance: dict[str, str] = Field(default_factory=dict, max_length=4)
    """What else to tell apart when a drift is explained, by name: `{producer: header:x-producer}`."""
    warm_up: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    """Values of a signal that are looked at before it is judged."""
    signals_max: Count = 20_000
    """Signals, of one shard, that a spec may ask for."""
    recent_max: Annotated[int, Field(ge=64, le=65_536)] = 2_048
    """The newest records, per shard, that evidence is taken from."""
    records_max: Count = 100
    """Drift records, per shard and turn; those beyond are counted, and named in the others."""

    @property
    def season_ms(self) -> int | None:
        """After how long the same comes again.

        >>> Drift(season="weekly").season_ms
        604800000
        """
        return SEASONS[self.season] if isinstance(self.season, str) else self.season


def wrong_drift(drift: Drift, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """What is wrong with it, by what each feature is."""
    yield from wrong_segments(drift.segments, kinds, "drift")
    for name in sorted({name for name in drift.watch if drift.watch.count(name) > 1}):
        yield f"drift.watch names {name!r} twice"
    span = drift.false_alarms.per
    if drift.season_ms is not None and drift.season_ms < SEASON_MIN_MS:
        yield "drift.season is daily, weekly, or a period of 1m or longer"
    if span == 0 or -60_000 < span < 0:
        yield "drift.false_alarms.per is 1 event or more, or 1m or longer"
    yield from _wrong_evidence(drift)


def _wrong_evidence(drift: Drift) -> Iterator[str]:
    """What is wrong with what evidence is to be made of."""
    from engine.drift.evidence.provenance import header_of
    from engine.drift.evidence.recorded import read

    try:
        for name, source in drift.provenance.items():
            header_of(name, source)
        sketch = drift.reference.sketch
        if sketch is not None and not sketch.startswith("${"):  # what is not filled in yet can't be read
            read(sketch)
    except SpecError as error:
        yield str(error)
