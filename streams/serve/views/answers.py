"""What the answers look like, for the description of the API and for programs that are written after it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, protected_namespaces=())


Metric = dict[str, float | None]


# -- status ----------------------------------------------------------------------------------------------


class ModelOfStatus(Answer):
    use: str
    version: str
    task: str | None


class Totals(Answer):
    """How many records there were since the topics began; on Kafka those of outputs are estimates."""

    events: int
    predictions: int
    outcomes: int
    labels: int
    dead_letters: int
    alerts: int
    """Alerts that are known, whatever their status."""


class Rates(Answer):
    """Over the last ten seconds."""

    events_per_second: float
    predictions_per_second: float


class Lag(Answer):
    records: int
    """Events, labels and orders that are there and not taken."""
    seconds: float
    """How old the first event is that is not taken."""


class Latency(Answer):
    """From an event's record to its prediction's, milliseconds; null where nothing was predicted of late."""

    p50: float | None
    p99: float | None


class SnapshotOfStatus(Answer):
    """The oldest of the shards' newest snapshots."""

    age_seconds: float
    made_ms: int
    partition: int


class Severities(Answer):
    """Alerts that fire and are not muted."""

    critical: int
    warning: int
    info: int


class Status(Answer):
    pipeline: str
    transport: str
    version: str
    """Of Driftline."""
    now_ms: int
    model: ModelOfStatus
    totals: Totals
    rates: Rates
    lag: Lag
    latency_ms: Latency
    commit_age_seconds: float | None
    """Null before the first commit."""
    snapshot: SnapshotOfStatus | None
    alerts: Severities


class Series(Answer):
    """Columns: a value for each step."""

    step_ms: int
    at_ms: list[int]
    """When each step ended."""
    events: list[float]
    """Events that were taken, a second."""
    predictions: list[float]
    lag_records: list[float]
    """Events that were there and not taken, at the step's end."""
    latency_ms_p50: list[float | None]
    latency_ms_p99: list[float | None]
    complete: bool
    """False: reading took too long, and some values lie between their neighbours; ask again."""


# -- metrics, models -------------------------------------------------------------------------------------


class Mark(Answer):
    at_ms: int
    kind: Literal["drift", "version", "rebaseline"]
    text: str
    id: str


class Metrics(Answer):
    metrics: list[str]
    """Those that there are of this kind of model."""
    metric: str
    at_ms: list[int]
    values: list[float | None]
    events: list[int]
    """How many outcomes there were up to each point."""
    complete: bool
    latest: dict[str, Metric]
    """By window: `life`, `fading`, and those of the spec."""
    segments: dict[str, Metric]
    marks: list[Mark]


class Variant(Answer):
    model: str
    version: str
    variant: str
    stage: str
    share: float
    """Of the events."""
    since_ms: int | None
    predictions: int
    """As of the newest snapshots."""
    metrics: Metric


class Models(Answer):
    models: list[Variant]


# -- drift -----------------------------------------------------------------------------------------------


class AsOf(Answer):
    made_ms: int | None
    """When the oldest of the snapshots was made that this comes from; null: there is none."""
    behind_events: int
    """Events that were taken since."""


class PlaceOfRecord(Answer):
    offset: int
    time: int


class Since(PlaceOfRecord):
    bounded: bool
    """It may have begun earlier than is remembered."""


class Signal(Answer):
    """A signal before one detector, in one shard."""

    signal: str
    kind: str
    feature: str
    segment: str
    partition: int
    detector: str
    clock: str
    state: Literal["warming", "quiet", "drifting"]
    ready: bool
    statistic: float | None
    threshold: float | None
    distance: float | None
    """How far its latest values are from its reference, in `measure`."""
    measure: str | None
    taken: int
    wanted: int
    since: Since | None
    """Where its newest drift began."""
    last: PlaceOfRecord | None
    """Where that was found."""
    drifts: int


class States(Answer):
    drifting: int
    quiet: int
    warming: int


class Drift(Answer):
    as_of: AsOf
    watching: bool
    """Whether the spec asks for it."""
    counts: States
    total: int
    """How many fit what was asked for."""
    signals: list[Signal]


class ReferenceOfSignal(Answer):
    window: str
    n: int
    figures: Metric


class CurrentOfSignal(Answer):
    n: int
    first_offset: int | None
    last_offset: int | None
    figures: Metric


class Histogram(Answer):
    """Shares between common edges."""

    edges: list[float]
    reference: list[float]
    current: list[float]


class Category(Answer):
    category: str
    before: float
    now: float
    new: bool


class SignalOfDrift(Signal):
    detectors: list[Signal]
    reference: ReferenceOfSignal | None
    current: CurrentOfSignal | None
    histogram: Histogram | None
    categories: list[Category]
    as_of: AsOf
    drifts: list[dict[str, Any]]  # type: ignore[assignment]
    """Its newest drift records, as on their topic."""
