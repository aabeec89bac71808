"""The alerts of one shard that its worker makes about itself, since no stream of events can tell of them.

They have the same life as the others (`engine/alerts`), by the clock instead of the records' time, a label
`source="worker"`, and are written beside the commits. What fires is read back from the topic when a worker
takes the shard. Orders about them are read from the control topic like the shard's own; the shard leaves
those alone that say they are for the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from connectors.log import Batch
from engine import control
from engine.alerts.condition import When, holds, name_of, parse
from engine.alerts.life import Life
from engine.alerts.lives import Lives
from engine.alerts.measures import Reading
from engine.alerts.record import Alert, millis, read
from engine.alerts.sighted import Sighter
from engine.alerts.subjects import SUBJECTS
from engine.outputs import Origin
from engine.reasons import Unfit
from engine.spec import Spec
from engine.specalerts import Condition

log = logging.getLogger("driftline")

SOURCE = {"source": "worker"}


def conditions(spec: Spec) -> list[tuple[Condition, When]]:
    """What a worker tells of itself: what the spec asks for, and of the rest what is worth waking for.

    Subjects that the spec names are as it says; with `alerts: []` there is nothing.
    """
    asked = [(each, when) for each in spec.conditions if is_own(when := parse(each.when))]
    if spec.alerts == ():
        return []
    named, subjects = {name_of(each) for each, _ in asked}, {when.subject for _, when in asked}
    ready = [(each, parse(each.when)) for each in defaults(spec) if each.name not in named]
    return asked + [(each, when) for each, when in ready if when.subject not in subjects]


def is_own(when: When) -> bool:
    """Whether a condition is about the worker."""
    return SUBJECTS[when.subject].where == "worker"


def defaults(spec: Spec) -> Iterator[Condition]:
    """What everybody is told of, unless the spec says otherwise."""
    wait = f"{spec.watchdog.stall // 2}ms"  # after twice as long the worker ends
    yield _ready("Stalled", f"stalled > {wait}", "critical", inhibits=["Lag"])
    yield _ready("Lag", "lag > 10000", "warning", **{"for": "10m"})
    yield _ready("Reopened", "reopened > 3", "warning")
    yield _ready("RetentionShort", "retention_short > 0", "critical")
    if spec.transport.startswith("sqlite:"):
        yield _ready("StorageFull", "storage > 90%", "critical")
    if spec.cache is not None:
        yield _ready("CacheAway", "cache_away > 5m", "warning")


def _ready(name: str, when: str, severity: str, **more: Any) -> Condition:
    runbook = f"README.md#driftline{name.lower()}"
    given = {"name": name, "when": when, "severity": severity, "runbook": runbook}
    return Condition.model_validate(given | more)


class Own:
    """The worker's own alerts of one shard.

    Parameters
    ----------
    spec
        The pipeline's spec.
    origin
        What is the same in all outputs of the shard.
    """

    def __init__(self, spec: Spec, origin: Origin) -> None:
        self.sighter = Sighter(conditions(spec), origin)
        self.partition = str(origin.partition)
        self.lives = Lives(self.sighter.rules, spec.limits)
        self.waiting: dict[bytes, bytes | None] = {}  # records to be written, the newest of each alert

    def look(self, told: Mapping[str, float], now: int, least: Collection[str] = ()) -> None:
        """Judge how all subjects stand, at a time in milliseconds.

        Of those in `least` the value is at least so large: that can raise an alert, and can't end one.
        """
        readings = [
            Reading(place, dict(SOURCE), told[when.subject], None, 0.0, 1, 0, None, None)
            for place, (_, when) in enumerate(self.sighter.conditions)
            if when.subject in told and (when.subject not in least or holds(when, told[when.subject], None))
        ]
        self.lives.look(self.sighter.sights(readings), now)
        self.tell(now)

    def tell(self, now: int) -> None:
        """Have written what came about."""
        self.waiting.update(self.lives.told(now))

    def obey(self, batch: Batch, now: int, old: bool = False) -> None:
        """Take the orders of the control topic that are for the worker; of `old` ones only silences count."""
        for value, time in zip(batch.values, batch.timestamps, strict=True):
            order = decoded(value)
            if isinstance(order, control.Acknowledge | control.Resolve):
                meant = order.source == "worker" and order.alert in self.lives.all and not old
            elif isinstance(order, control.Silence):
                meant = order.until_ms > now
            else:
                meant = isinstance(order, control.Unsilence)
            if order is not None and meant:
                try:
                    self.lives.obey(order, min(time, now) if old else now)
                except Unfit as exc:  # the shard has made it a dead letter, which says so
                    log.debug("shard %s: an order for the worker: %s", self.partition, exc)

    def restore(self, batch: Batch) -> None:
        """Take up what the topic says; of each alert the newest record counts."""
        for key, value in zip(batch.keys, batch.values, strict=True):
            alert = _own_alert(value)
            if alert is None or alert.labels.get("partition") != self.partition or alert.status == "resolved":
                self.lives.all.pop((key or b"").decode(errors="replace"), None)
            else:
                self.lives.all[alert.fingerprint] = _taken_up(alert)

    def restored(self) -> None:
        """All of the topic was read."""
        self.lives.firing.update(life.name for life in self.lives.all.values())


def _own_alert(value: bytes | None) -> Alert | None:
    if value is None or b'"source":"worker"' not in value:
        return None
    try:
        return read(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _taken_up(alert: Alert) -> Life:
    """An alert that fired before this worker came; its next record goes on counting."""
    figure = (alert.evidence or {}).get("value")
    return Life(
        msgspec.structs.replace(alert, revision=alert.revision + 1),
        "open",
        since=millis(alert.starts_at),
        seen=alert.time,
        value=float(figure) if isinstance(figure, int | float) else None,
        shown=True,
    )


def decoded(value: bytes | None) -> control.Order | None:
    """An order, if it is one; what it is not becomes the shard's dead letter."""
    try:
        kind = msgspec.json.decode(value or b"", type=control.Kind).do
        found: control.Order = msgspec.json.decode(value or b"", type=control.KINDS[kind])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        return None
    return found


def firing(owns: Iterable[Own]) -> Iterator[str]:
    """The severity of each that fires and is not muted."""
    for own in owns:
        for life in own.lives.all.values():
            if life.stage == "open" and not life.alert.muted:
                yield life.alert.labels["severity"]
