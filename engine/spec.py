"""The spec: one pipeline as its file describes it. The keys, their defaults and their limits.

Reading the file, `${VAR}` and error messages with lines live in `streams/specs/specfile.py`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import Field, model_validator

from engine.duration import Duration
from engine.specalerts import CONDITIONS, Conditions
from engine.specconfidence import Confidence
from engine.specdrift import Drift, wrong_drift
from engine.specfeatures import SEEN, Entry, fields_of, kinds_of, name_of, wrong_features
from engine.specforecast import Forecast
from engine.specmetrics import Metrics, wrong_segments
from engine.specnotify import Notify, wrong_notify
from engine.specparts import (
    OF_ALERTS,
    CacheOption,
    Commit,
    Events,
    Http,
    Kind,
    Labels,
    Limits,
    Model,
    Name,
    Part,
    Snapshots,
    Topics,
    Watchdog,
)
from engine.specserve import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPICS = (
    "events",
    "labels",
    "control",
    "predictions",
    "outcomes",
    "dead_letters",
    "drifts",
    "alerts",
    "journal",
    "snapshots",
)

DELIVERIES = "deliveries"
"""The one more that there is where alerts are delivered."""


class Spec(Part):
    pipeline: Name
    """The pipeline's name: its topics, its consumer group and its transactional ids begin with it."""
    transport: str = "sqlite:///driftline.db"
    """`sqlite:///path`, `kafka://host:port,host:port` or `memory://name` (tests)."""
    kafka: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    """Connection settings under the Kafka clients' own names: security_protocol, sasl_mechanism,
    sasl_plain_username, sasl_plain_password, ssl_cafile, ssl_certfile, ssl_keyfile, ssl_password,
    ssl_check_hostname, client_id, request_timeout_ms; and session_timeout_ms, heartbeat_interval_ms,
    group_instance_id of the consumer."""
    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    """`at_least_once` answers sooner; after a failure some predictions come twice, with the same id."""
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 1
    """For topics that Driftline creates."""
    create_topics: bool = True
    """Create missing topics when a worker starts."""
    retention: Duration | None = None
    """An embedded log deletes records older than this, once no snapshot needs them. Default: never."""
    events: Events
    labels: Labels = Labels()
    features: tuple[Entry, ...] = ()
    """What the model sees: fields by name, and what is made of them. Default: all numbers, integers,
    booleans and categories that are not the event's id, key or time."""
    model: Model = Model()
    forecast: Forecast | None = None
    """What series the events are of, for a model that forecasts."""
    metrics: Metrics = Metrics()
    confidence: Confidence = Confidence()
    drift: Drift | None = None
    """What is watched for drift. Default: nothing; `drift: {}` watches all features, predictions, labels
    and errors, with at most one false alarm in 30 days."""
    alerts: Conditions | None = None
    """When people are told. Default: of each drift, where drift is watched; `[]`: of nothing."""
    notify: Notify = Notify()
    topics: Topics = Topics()
    commit: Commit = Commit()
    snapshots: Snapshots = Snapshots()
    limits: Limits = Limits()
    http: Http = Http()
    serve: Serve = Serve()
    watchdog: Watchdog = Watchdog()
    cache: CacheOption = None
    """Where the newest features and prediction of each entity are kept: `redis://...`, for other services,
    or `memory`."""

    @model_validator(mode="after")
    def names_hold_together(self) -> Spec:
        if wrong := [*self._wrong_roles(), *self._wrong_names()]:
            raise ValueError("\n".join(wrong))
        return self

    def _wrong_roles(self) -> Iterator[str]:
        fields = self.events.fields
        for key in ("id", "key", "time"):
            name = getattr(self.events, key)
            if name is not None and name not in fields:
                yield f"events.{key} names {name!r}, which is not in events.fields"
            elif name is not None and fields[name].type is Kind.IGNORED:
                yield f"events.{key} names {name!r}, which is ignored"
        time = fields.get(self.events.time or "")
        if time is not None and time.type is not Kind.TIMESTAMP:
            yield f"events.time names {self.events.time!r}, which is not a timestamp"

    def _wrong_names(self) -> Iterator[str]:
        if self.forecast is not None:
            yield from self._wrong_forecast(self.forecast)
        wrong = list(wrong_features(self.features, self.events.fields, self.limits.lateness_max))
        yield from wrong
        if not self.feature_names:
            yield "there is no feature; in events.fields name some of type number or category"
        if not wrong:
            kinds = dict(zip(self.feature_names, self.feature_kinds, strict=True))
            yield from wrong_segments(self.metrics.segments, kinds)
            if self.drift is not None:
                yield from wrong_drift(self.drift, kinds)
                from engine.drift.watchers import wrong_detectors  # which most specs don't need

                yield from wrong_detectors(self.drift)
        if self.conditions:
            from engine.alerts.fitting import wrong_conditions

            yield from wrong_conditions(self)
        yield from wrong_notify(self.notify)
        topics = [self.topic(what) for what in (*TOPICS, DELIVERIES)]
        for name in sorted({name for name in topics if topics.count(name) > 1}):
            yield f"two topics are named {name!r}; each needs a name of its own"

    def _wrong_forecast(self, forecast: Forecast) -> Iterator[str]:
        field = self.events.fields.get(forecast.of)
        if field is None:
            yield f"forecast.of names {forecast.of!r}, which is not in events.fields"
        elif field.type not in (Kind.NUMBER, Kind.INTEGER):
            yield f"forecast.of names {forecast.of!r}, a {field.type.value}; a series is of numbers"
        if self.features:
            yield "features can't be given with forecast: what they will be is not known"
        if self.labels.in_event is not None:
            yield "labels.in_event can't be given with forecast: the next event's value is the label"

    @property
    def conditions(self) -> Conditions:
        """When people are told."""
        if self.alerts is None:
            return CONDITIONS if self.drift is not None else ()
        return self.alerts

    @property
    def judge(self) -> str:
        """Equal for specs whose alerts are the same; the fingerprint has no part of them."""
        told = [each.model_dump(mode="json") for each in self.conditions]
        told.append(self.limits.model_dump(mode="json", include=OF_ALERTS))
        return hashlib.blake2b(msgspec.json.encode(told, order="sorted"), digest_size=8).hexdigest()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the model sees, in order."""
        return tuple(map(name_of, self.features)) or self._seen_fields

    @property
    def feature_kinds(self) -> tuple[Kind, ...]:
        """Of each feature, what it is."""
        return kinds_of(self.features or self._seen_fields, self.events.fields)

    @property
    def row_fields(self) -> tuple[str, ...]:
        """The fields that are read for the features: the features themselves, if there are no others."""
        return fields_of(self.features) or self._seen_fields

    @property
    def _seen_fields(self) -> tuple[str, ...]:
        if self.forecast is not None:
            return (self.forecast.of,) if self.forecast.of in self.events.fields else ()
        roles = {self.events.id, self.events.key, self.events.time}
        return tuple(n for n, f in self.events.fields.items() if f.type in SEEN and n not in roles)

    def topic(self, what: str) -> str:
        """The full name of a topic: events, labels, control, predictions, outcomes, dead_letters, ...

        >>> spec = Spec.model_validate({"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}})
        >>> spec.topic("dead_letters")
        'p.dead-letters'
        """
        given = getattr(self, what).topic if what in ("events", "labels") else getattr(self.topics, what)
        return given or f"{self.pipeline}.{what.replace('_', '-')}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The topics that a shard reads; they share one partition count."""
        return tuple(map(self.topic, TOPICS[:3]))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The topics that consumers read."""
        return tuple(map(self.topic, TOPICS[3:8]))

    @property
    def features_text(self) -> list[Any]:
        """The features as plain data: equal if they are the same."""
        entries: list[Any] = [e if isinstance(e, str) else e.model_dump(mode="json") for e in self.features]
        return entries or list(self._seen_fields)

    @property
    def fingerprint(self) -> str:
        """Equal for specs under which a replay gives the same bytes."""
        included = {"pipeline", "events", "labels", "model", "limits"}
        parts = self.model_dump(
            mode="json", include=included, exclude={"model": {"compile"}, "limits": OF_ALERTS}
        )
        parts["features"] = self.features_text
        if asked := self.metrics.in_state:
            parts["metrics"] = asked
        if self.forecast is not None:
            parts["forecast"] = self.forecast.model_dump(mode="json")
        if self.confidence.is_asked:
            parts["confidence"] = self.confidence.model_dump(mode="json")
        if self.drift is not None:
            parts["drift"] = [self.drift.model_dump(mode="json"), self.partitions]
        written = [name for name in TOPICS[3:8] if name != "drifts" or self.drift is not None]
        names = [*self.inputs, *map(self.topic, written)]
        return hashlib.blake2b(msgspec.json.encode([parts, names], order="sorted"), digest_size=8).hexdigest()
