"""The parts of the spec: what can be written under each of its keys, with defaults and limits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.duration import DAY_MS, Duration

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1, le=1 << 53)]


class Part(BaseModel):
    """A part of the spec: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Kind(StrEnum):
    NUMBER = "number"
    INTEGER = "integer"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    TEXT = "text"
    IGNORED = "ignored"


class FieldSpec(Part):
    type: Kind
    """What the value is. `ignored` is not read at all."""
    path: str | None = None
    """Where it lies in nested JSON, with dots: `card.issuer.country`. Default: the field's name."""
    required: bool = True
    """An event without a required field becomes a dead letter."""
    default: bool | int | float | str | None = None
    """Stands in for a missing value; a field with a default is not required."""
    min: float | None = None
    """Numbers and integers below are dead letters."""
    max: float | None = None
    """Numbers and integers above are dead letters."""
    one_of: tuple[str, ...] | None = None
    """The only categories that are let in. Without it every text is."""
    unit: Literal["s", "ms"] = "s"
    """What a timestamp is counted in when it is a number. Texts are ISO 8601; without a zone, UTC."""

    @property
    def is_there(self) -> bool:
        """Whether every event that fits has it."""
        return self.required or self.default is not None

    @model_validator(mode="after")
    def fits(self) -> FieldSpec:
        if (self.min, self.max) != (None, None) and self.type not in (Kind.NUMBER, Kind.INTEGER):
            raise ValueError(f"min and max go with number and integer, not with {self.type.value}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        if self.one_of is not None and self.type is not Kind.CATEGORY:
            raise ValueError(f"one_of goes with category, not with {self.type.value}")
        if self.default is not None:
            self._check_default()
        return self

    def _check_default(self) -> None:
        kinds = {"number": float, "integer": int, "boolean": bool, "category": str, "text": str}
        value, wanted = self.default, kinds.get(self.type)
        if type(value) is not wanted and not (type(value) is int and wanted is float):
            raise ValueError(f"the default {value!r} is not a {self.type.value}")
        if self.one_of is not None and value not in self.one_of:
            raise ValueError(f"the default {value!r} is not in one_of")
        if isinstance(value, (int, float)) and self.type is not Kind.BOOLEAN:
            low, high = self.min, self.max
            if (low is not None and value < low) or (high is not None and value > high):
                raise ValueError(f"the default {value!r} is out of range")


class Events(Part):
    topic: Name | None = None
    """Default: `<pipeline>.events`."""
    id: str | None = None
    """The field that names an event. Without one: topic-partition-offset."""
    key: str | None = None
    """The field that names the entity; it is also the record's key. Without one the id is."""
    time: str | None = None
    """The timestamp field that is the event's time. Without one: the record's timestamp."""
    fields: dict[str, FieldSpec] = Field(min_length=1, max_length=10_000)
    """What an event holds. Fields that are not named here are not read."""


class Labels(Part):
    topic: Name | None = None
    """Default: `<pipeline>.labels`."""
    in_event: str | None = None
    """The path of the label in the event itself, where it may be null or missing."""
    id: str = "event_id"
    """The key of a label record that says which event it is for."""
    by: Literal["event_id", "prediction_id"] = "event_id"
    """What `id` holds."""
    value: str = "label"
    """The key of a label record that holds the label."""
    type: Literal["boolean", "category", "number"] | None = None
    """What a label is. Default: number for a regressor, else boolean."""
    positive: str | int | None = None
    """Makes a boolean of any label: true where it equals this."""
    time: str = "label_time"
    """The key of a label record that says when it was known. Without a value: the record's timestamp."""
    unit: Literal["s", "ms"] = "s"
    """What that time is counted in when it is a number."""
    weight: str = "weight"
    """The key of a label record that says how much it counts, for models that can weigh."""
    key: str | None = None
    """The key of a label record that names the entity, as `events.key` does. Default: the same name."""
    wait: Duration = 7 * DAY_MS
    """How long, in event time, an event and its label wait for each other."""
    outcomes: bool = True
    """Publish an outcome for each label that meets its prediction. Metrics count it either way."""
    unlabelled: Literal["drop", "negative"] = "drop"
    """What becomes of an event whose label does not come: it is forgotten when `wait` is over, or it is
    given the label `negative`: learned, and told as an outcome."""
    negative: bool | int | float | str = False
    """The label that stands for none."""
    negative_after: Duration | None = None
    """After how much event time it does. A label that still comes before `wait` is over corrects it.
    Default: `wait`."""

    @model_validator(mode="after")
    def negatives_hold(self) -> Labels:
        after = self.negative_after
        if self.unlabelled == "drop" and (after is not None or self.negative is not False):
            raise ValueError("negative and negative_after go with unlabelled: negative")
        if after is not None and after > self.wait:
            raise ValueError("negative_after is longer than wait: by then the event is forgotten")
        return self

    def kind(self, given: str) -> str:
        """What a label is: boolean, category or number; `given` where only the model can tell."""
        return "boolean" if self.positive is not None else self.type or given


class Model(Part):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    use: str = "logistic_regression"
    """A name from the table of models, or `module:function` of your own."""
    task: Literal["binary", "multiclass", "regression", "anomaly", "forecasting"] | None = None
    """What the model is to do. Default: what `labels.type` tells, or else what the model usually does."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Arguments for it."""
    compile: bool = True
    """Run it as machine code, once that is compiled, if it has such a form. The outputs are the same."""


class Topics(Part):
    """Names of the topics that Driftline writes. Default: `<pipeline>.<what>`."""

    control: Name | None = None
    """What people and programs tell the pipeline."""
    predictions: Name | None = None
    """One for each event."""
    outcomes: Name | None = None
    """Predictions together with their labels."""
    dead_letters: Name | None = None
    """What did not fit the spec, and why."""
    drifts: Name | None = None
    """What drifted, with its evidence; compacted."""
    alerts: Name | None = None
    """What people are told, and what they did about it; compacted."""
    deliveries: Name | None = None
    """What receivers were told; compacted. Only where `notify` has receivers."""
    journal: Name | None = None
    """The order in which records were taken."""
    snapshots: Name | None = None
    """Saved states; compacted."""


class Commit(Part):
    every: Duration | None = None
    """How often outputs are committed. Default: 5ms on an embedded log, 100ms on Kafka."""
    timeout: Duration = 10_000
    """A commit that takes longer counts as refused."""
    open_max: Count = 50_000
    """Records taken but not yet committed, per shard; more are not fetched."""


class Snapshots(Part):
    every_records: Count = 100_000
    """A snapshot is due after so many records,"""
    every: Duration = 600_000
    """or after this time, if there was any record; sooner where that costs little (see Guarantees)."""
    size_max: Count = 1 << 30
    """Bytes. A larger snapshot is neither written nor loaded."""
    key: str | None = None
    """The secret that signs snapshots; `${file:path}` reads it from a file. An embedded log makes one
    beside its file; on Kafka every worker needs the same one, so it must be given."""
    allow: tuple[str, ...] = ()
    """Modules, besides River's, numpy's and the model's own, whose classes a snapshot may hold."""


OF_ALERTS = {"alerts_per_minute_max", "alerts_max", "silences_max"}  # limits of nothing but alerts


class Limits(Part):
    record_bytes_max: Count = 1_000_000
    """A longer event or label becomes a dead letter."""
    depth_max: Count = 32
    """Deeper nested JSON becomes a dead letter."""
    remember_max: Annotated[int, Field(ge=1_000)] = 100_000
    """The last so many events of a shard are remembered, for their labels, corrections and duplicates."""
    early_max: Count = 10_000
    """Labels, per shard, that may wait for an event which has not come yet."""
    past_max: Duration = 9125 * DAY_MS
    """An event whose time lies further before its record's timestamp becomes a dead letter."""
    future_max: Duration = DAY_MS
    """An event whose time lies further after its record's timestamp becomes a dead letter."""
    entities_max: Count = 100_000
    """Keys of one `by`, per shard, of which features remember something; the least recently seen leaves."""
    window_events_max: Annotated[int, Field(ge=4, le=4096)] = 64
    """Events of one key that a sliding window tells apart. Of more than so many, those that lie closest
    together are put together."""
    distinct_max: Annotated[int, Field(ge=4, le=4096)] = 64
    """Values of one key that `distinct` remembers one by one. Of more it makes an estimate."""
    classes_max: Count = 1_000
    """Classes that labels may name, where they are categories. A label of one more is a dead letter."""
    model_bytes_max: Count = 1 << 28
    """A shard's model that is larger learns no more, and goes on predicting."""
    categories_max: Count = 10_000
    """Categories of one feature that a model is shown by name; it sees all others as `(other)`."""
    lateness_max: Duration = 60_000
    """An event further behind the newest of its key does not change what features remember."""
    alerts_per_minute_max: Annotated[int, Field(ge=10, le=10_000)] = 60
    """Alert records that a shard writes in a minute of the stream; others wait, and a summary counts them."""
    alerts_max: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Alerts, per shard, that may be open at a time, and as many that lie resolved on the topic."""
    silences_max: Annotated[int, Field(ge=1, le=1_000)] = 100
    """Silences, per shard, at a time."""


class Http(Part):
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Port | None = 8080
    """Where the worker answers /healthz, /readyz and /metrics. 0: any free port, null: nowhere."""
    token: str | None = None
    """The bearer token that /metrics asks for. Off loopback one is needed."""


class Watchdog(Part):
    stall: Duration = 60_000
    """A worker that makes no progress for so long, while records wait, ends with an error."""


class Cache(Part):
    url: str = Field(pattern=r"^(rediss?://.*|memory)$")
    """`redis://host:port/db`, or `rediss://` with TLS; or `memory`, in the worker itself."""
    ttl: Duration = DAY_MS
    """How long an entity's entry lives after it was written last."""
    timeout: Duration = 250
    """A round trip that takes longer counts as failed; scoring never waits for it."""
    pending_max: Count = 10_000
    """Entities whose newest entry waits to be written; more are dropped and counted."""
    entries_max: Count = 100_000
    """Entities that a cache in memory holds; the one that was written longest ago leaves."""


MEMORY = "memory"


def cache_of(given: object) -> object:
    """`cache: redis://...` is short for `cache: {url: redis://...}`."""
    return {"url": given} if isinstance(given, str) else given


CacheOption = Annotated[Cache | None, BeforeValidator(cache_of)]
