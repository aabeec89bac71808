"""The part of the spec that says how the model is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.duration import PATTERN, duration_ms, duration_text
from engine.nearest import nearest
from engine.specparts import Kind, Part

WINDOW_MAX = 100_000
NAMES = (
    *(
        "labelled",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "kappa",
        "kappa_m",
        "kappa_t",
    ),
    *("log_loss", "brier", "ece", "roc_auc", "mae", "rmse", "r2", "mape"),
)
Window = int | str
"""So many outcomes; or a text with a unit, so long."""


def window_of(given: object) -> object:
    """A number of outcomes as it is, a duration in its largest unit.

    >>> window_of(1000), window_of("60m")
    (1000, '1h')
    """
    if isinstance(given, int) and not isinstance(given, bool):
        if not 2 <= given <= WINDOW_MAX:
            raise ValueError(f"a window is 2 to {WINDOW_MAX} outcomes")
        return given
    try:
        milliseconds = duration_ms(given)
    except ValueError:
        raise ValueError("a window is a number of outcomes, 1000, or a duration, 1h") from None
    if not isinstance(milliseconds, int) or milliseconds < 60:
        raise ValueError("a window of time is at least 60ms")
    return duration_text(milliseconds)


def listed(given: object) -> Any:
    """`windows: 1h` is short for `windows: [1h]`."""
    return given if isinstance(given, (list, tuple)) else [given]


Windows = Annotated[
    tuple[
        Annotated[
            Window,
            BeforeValidator(window_of),
            WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": PATTERN}]}),
        ],
        ...,
    ],
    BeforeValidator(listed),
    Field(max_length=4),
]


class Metrics(Part):
    windows: Windows = (1000,)
    """Judge the last so many outcomes (`1000`), or those of the last so long of event time (`1h`); at most
    four."""
    fading: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Also judge with a memory that fades: each outcome makes all before it weigh so many times as much,
    `0.999` say."""
    segments: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    """Features of type category or boolean: judge each of their values on its own."""
    segments_max: Annotated[int, Field(ge=1, le=1000)] = 20
    """Values of a segment; the first so many that come have metrics, all others are `other`."""
    hours: bool = False
    """Also judge by hour of day and by day of week, of the event's time in UTC."""
    classes_max: Annotated[int, Field(ge=2, le=1000)] = 30
    """Classes that are told apart; the first so many that come, all others are `other`."""
    probabilities: bool = False
    """Remember the probabilities of all classes with each prediction, 8 bytes a class, so that more than two
    classes have `log_loss` and `brier`, too. To change it needs `--fresh`."""
    inputs: bool = True
    """Count missing and new values of each feature, and refused values of each field."""
    values_max: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Values of a category that are remembered, to tell new ones; beyond it all that are not remembered
    count as new."""
    predictions: bool = True
    """Count predictions by class, and by how high their score is."""
    outcomes: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Metrics that each outcome carries, over the first window, as of the shard's last 1,024th record. They
    make the metrics a part of the outputs: to change any then needs `--fresh`."""

    @property
    def in_state(self) -> dict[str, Any]:
        """What of it changes outputs, or what is remembered of an event."""
        if self.outcomes:
            return self.model_dump(mode="json")
        return self.model_dump(mode="json", include={"classes_max"}) if self.probabilities else {}

    @model_validator(mode="after")
    def fits(self) -> Metrics:
        if len(set(self.windows)) < len(self.windows):
            raise ValueError("windows names one twice")
        for name in self.outcomes:
            if name not in NAMES:
                raise ValueError(f"outcomes names {name!r}, which is no metric{nearest(name, NAMES)}")
        if self.outcomes and not self.windows:
            raise ValueError("outcomes are over the first window, and windows is empty")
        return self


def wrong_segments(
    segments: Sequence[str], kinds: Mapping[str, Kind], part: str = "metrics"
) -> Iterator[str]:
    """What is wrong with the segments of a part of the spec, by what each feature is."""
    for name in segments:
        if name not in kinds:
            near = nearest(name, list(kinds))
            yield f"{part}.segments names {name!r}, which is not among the features{near}"
        elif kinds[name] not in (Kind.CATEGORY, Kind.BOOLEAN):
            kind = kinds[name].value
            yield f"{part}.segments names {name!r} of type {kind}; segments are categories or booleans"
    if len(set(segments)) < len(segments):
        yield f"{part}.segments names a feature twice"
