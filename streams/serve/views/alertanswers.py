"""What answers about alerts, orders and dead letters look like."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from streams.serve.views.answers import Answer, Severities


class Care(Answer):
    """Who looks after an alert."""

    by: str
    why: str


class Alert(Answer):
    """As on the topic, and where it lies there."""

    status: Literal["firing", "acknowledged", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str  # noqa: N815 - Alertmanager's own name
    endsAt: str  # noqa: N815
    generatorURL: str  # noqa: N815
    fingerprint: str
    transition: str
    revision: int
    muted: str
    acknowledged: Care | None
    by: str
    why: str
    time: int
    source: Literal["engine", "worker"]
    held_back: int
    traceparent: str | None
    evidence: dict[str, Any] | None
    partition: int
    offset: int
    recorded_ms: int


class AlertCounts(Severities):
    """Of all alerts by status, and of those that fire by severity."""

    firing: int
    acknowledged: int
    resolved: int


class Alerts(Answer):
    total: int
    counts: AlertCounts
    alerts: list[Alert]


class AlertWithHistory(Alert):
    history: list[Alert]
    drift: dict[str, Any] | None
    """The whole record of the drift behind it."""


# -- orders ----------------------------------------------------------------------------------------------


class Shard(Answer):
    partition: int


class Sent(Answer):
    sent: list[Shard]


class SilenceSent(Sent):
    id: str
    until_ms: int


class Matcher(Answer):
    name: str
    value: str
    regex: bool
    equal: bool


class Silence(Answer):
    id: str
    matchers: list[Matcher]
    until_ms: int
    by: str
    why: str
    at_ms: int
    active: bool


class Silences(Answer):
    silences: list[Silence]


class AuditEntry(Answer):
    at_ms: int
    what: str
    who: str
    why: str
    detail: dict[str, Any]
    place: str
    """Topic, partition and offset: `control/0-3`."""


class Audit(Answer):
    entries: list[AuditEntry]


# -- dead letters ----------------------------------------------------------------------------------------


class Source(Answer):
    topic: str
    partition: int
    offset: int


class DeadLetter(Answer):
    place: str
    reason: str
    exception: str
    message: str
    source: Source | None
    recorded_ms: int
    key: str | None
    value: str | None
    cut: bool
    """Whether the value is longer than what is shown."""
    replayed: bool | None
    """Null: its source was not read far enough back to tell."""


class DeadLetters(Answer):
    total: int
    reasons: dict[str, int]
    """Among the newest."""
    letters: list[DeadLetter]


class Replayed(Answer):
    replayed: dict[str, int]
    """By topic."""
    already: int = Field(description="How many had been sent before.")
    astray: int = Field(description="How many have no source that this pipeline reads.")
    dry: bool
