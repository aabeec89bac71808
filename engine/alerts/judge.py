"""The walk's stage that judges: what was measured and found becomes alerts, each with a life.

What it tells waits in `pending` until the step ends, in the order of the records that brought it about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.alerts.condition import When, name_of, parse
from engine.alerts.record import NEVER, Alert, Status, Transition, fingerprint, iso
from engine.batch import Batch, Output
from engine.control import Acknowledge, Command, Order, Rebaseline, Resolve
from engine.outputs import Origin
from engine.reasons import Reason, Unfit
from engine.spec import Spec
from engine.specalerts import Condition

if TYPE_CHECKING:
    from engine.drift.evidence.record import Drift

LOOK_RECORDS = 64  # the places at which it may look are so many records apart
LOOK_MS = 15_000  # and it does look once the records' time has gone on so far


class Moment(NamedTuple):
    """A record, as far as an alert tells of it."""

    time: int
    """The record's timestamp."""
    traceparent: str | None = None


class Judge:
    """The alerts of one shard.

    Parameters
    ----------
    spec
        The pipeline's spec.
    origin
        What is the same in all outputs of the shard.
    """

    def __init__(self, spec: Spec, origin: Origin) -> None:
        self.conditions: list[tuple[Condition, When]] = [(each, parse(each.when)) for each in spec.conditions]
        self.origin = origin
        self.open: dict[str, Alert] = {}  # what fires, by fingerprint
        self.seen: dict[str, int] = {}  # when it was found last
        self.pending: list[Alert] = []
        self.looked = 0  # when it looked last, in the records' own time

    # -- when to look ----------------------------------------------------------------------------------

    def place(self, times: Sequence[int], start: int, stop: int, taken: int) -> int:
        """Where a step from `start` has to end: behind the first record at which to look, or at `stop`."""
        for i in range(start + LOOK_RECORDS - 1 - taken % LOOK_RECORDS, stop, LOOK_RECORDS):
            if abs(times[i] - self.looked) >= LOOK_MS:
                return i + 1
        return stop

    def is_due(self, taken: int, now: int) -> bool:
        """Whether to look, after so many records, the last of this time."""
        return taken % LOOK_RECORDS == 0 and abs(now - self.looked) >= LOOK_MS

    # -- what came about -------------------------------------------------------------------------------

    def drifted(self, drift: Drift, now: int, batch: Batch | None, index: int) -> None:
        """A drift was found, at a record of a batch; or, without one, more is known of it."""
        moment = Moment(int(now), None if batch is None else traceparent(batch, index))
        for condition, when in self.conditions:
            if when.subject == "drift" and when.of in (None, drift.signal):
                self._fire(condition, _labels(self.origin, condition, drift), drift, moment)

    def _fire(self, condition: Condition, labels: dict[str, str], drift: Drift, moment: Moment) -> None:
        key = fingerprint(labels)
        known = self.open.get(key)
        if known is None and drift.revision:
            return  # it was resolved meanwhile
        alert = Alert(
            status="firing" if known is None else known.status,
            labels=labels,
            annotations=_annotations(condition, drift),
            starts_at=iso(moment.time) if known is None else known.starts_at,
            fingerprint=key,
            transition="fired" if known is None else "updated",
            revision=0 if known is None else known.revision + 1,
            time=moment.time,
            traceparent=moment.traceparent,
            evidence=_evidence(drift),
        )
        self.open[key], self.seen[key] = alert, moment.time
        self.pending.append(alert)

    def look(self, now: int) -> None:
        """What time has brought about."""
        self.looked = now
        lasts = {name_of(condition): condition.lasts for condition, _ in self.conditions}
        for key, alert in [*self.open.items()]:
            if now - self.seen[key] >= lasts[alert.labels["alertname"]]:
                self._pass(alert, "resolved", "resolved", now, why="it was not found again")

    def obey(self, command: Command) -> None:
        """Do what an order says; Unfit if it can't be done."""
        order = command.order
        if isinstance(order, Rebaseline):
            for alert in [*self.open.values()]:
                if order.signals is None or alert.labels.get("signal") in order.signals:
                    self._by(command, alert, "resolved", "resolved")
        elif isinstance(order, Acknowledge):
            self._by(command, self._known(order.alert), "acknowledged", "acknowledged")
        elif isinstance(order, Resolve):
            self._by(command, self._known(order.alert), "resolved", "resolved")

    def _known(self, key: str) -> Alert:
        if key not in self.open:
            raise Unfit(Reason.UNKNOWN_CONTROL, f'no alert "{key}" fires; `driftline alerts list` lists them')
        return self.open[key]

    def _by(self, command: Command, alert: Alert, status: Status, transition: Transition) -> None:
        order: Order = command.order
        self._pass(alert, status, transition, command.time, order.by, order.why)

    def _pass(
        self, alert: Alert, status: Status, transition: Transition, now: int, by: str = "", why: str = ""
    ) -> None:
        ended = status == "resolved"
        changed = msgspec.structs.replace(
            alert,
            status=status,
            ends_at=iso(now) if ended else NEVER,
            transition=transition,
            revision=alert.revision + 1,
            by=by,
            why=why,
            time=now,
        )
        self.open[alert.fingerprint] = changed
        self.pending.append(changed)
        if ended:
            del self.open[alert.fingerprint], self.seen[alert.fingerprint]

    def tell(self, out: Output) -> None:
        """What has come about since it was told last."""
        for alert in self.pending:
            out.add(alert.key, alert.json())
        self.pending = []

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {
            "open": {key: msgspec.to_builtins(alert) for key, alert in self.open.items()},
            "seen": dict(self.seen),
            "looked": self.looked,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.open = {key: msgspec.convert(alert, Alert) for key, alert in state["open"].items()}
        self.seen, self.looked = dict(state["seen"]), state["looked"]


def _labels(origin: Origin, condition: Condition, drift: Drift) -> dict[str, str]:
    """What an alert is known by: no value, and nothing that changes while it fires."""
    told = {
        "alertname": name_of(condition),
        "severity": condition.severity,
        "pipeline": origin.pipeline,
        "partition": str(origin.partition),
        "model": origin.model,
        "signal": drift.signal,
        "feature": drift.feature,
        "detector": drift.detector,
        "segment": drift.segment,
    }
    return {name: value for name, value in told.items() if value}


def _annotations(condition: Condition, drift: Drift) -> dict[str, str]:
    told = {
        "summary": f"{drift.signal} is not what it was: {drift.change} {drift.direction}",
        "runbook_url": condition.runbook,
        "value": None if drift.statistic is None else str(drift.statistic),
        "threshold": None if drift.threshold is None else str(drift.threshold),
    }
    return {name: value for name, value in told.items() if value}


def _evidence(drift: Drift) -> dict[str, Any]:
    """What of a drift's evidence lies in its alert; the drift's own record has all of it."""
    names = ("statistic", "p_value", "effect_size", "suspected_cause")
    told: dict[str, Any] = {name: getattr(drift, name) for name in names}
    before, now = drift.reference, drift.current
    told["reference"] = {"window": before.window, "n": before.n}
    told["current"] = {
        "window": now.window,
        "n": now.n,
        "first_offset": now.first_offset,
        "last_offset": now.last_offset,
    }
    told["top_features"] = msgspec.to_builtins(drift.top_features)
    told["drift"] = drift.key.decode()
    return told


def traceparent(batch: Batch, index: int) -> str | None:
    """The trace that a record belongs to, if it says so."""
    found = dict(batch.headers[index]).get("traceparent") if batch.headers is not None else None
    return None if found is None else found.decode(errors="replace")
