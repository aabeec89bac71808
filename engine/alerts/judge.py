"""The walk's stage that judges: what was measured and found becomes alerts, each with a life.

It looks at fixed places, counted in records, once the records' own time has gone on far enough. What it tells
waits until the step ends, in the order of the records that brought it about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.alerts import drifts, left
from engine.alerts.bound import Clock
from engine.alerts.condition import When, parse
from engine.alerts.life import By
from engine.alerts.lives import Lives, Row
from engine.alerts.measures import Measures
from engine.alerts.record import Alert, fingerprint
from engine.alerts.sight import Rule, Sight, Told
from engine.alerts.sighted import Sighter
from engine.alerts.sources import Seen
from engine.alerts.summary import RULE, Summary
from engine.batch import Batch, Output
from engine.control import Acknowledge, Command, Forget, Order, Rebaseline, Resolve
from engine.outputs import Origin
from engine.spec import Spec
from engine.specalerts import Condition
from engine.trace import parent_of

if TYPE_CHECKING:
    from engine.drift.evidence.record import Drift

LOOK_RECORDS = 1024  # it looks at every so many records,
SOON_RECORDS = 64  # and, where there are conditions, at these once
LOOK_MS = 15_000  # the records' time has gone on so far


class Judge:
    """The alerts of one shard.

    Parameters
    ----------
    spec
        The pipeline's spec.
    origin
        What is the same in all outputs of the shard.
    seen
        The shard, as far as its numbers are measured.
    """

    def __init__(self, spec: Spec, origin: Origin, seen: Seen) -> None:
        self.conditions: list[tuple[Condition, When]] = [(each, parse(each.when)) for each in spec.conditions]
        self.sighter = Sighter(self.conditions, origin)
        self.rules = self.sighter.rules
        self.origin = origin
        self.lives = Lives([*self.rules, RULE], spec.limits)
        self.summary = Summary(self.lives, origin)
        self.clock = Clock()
        self.rows: list[Row] = []  # of the step at hand
        self.looked = 0  # when it looked last, in the records' own time
        self.measures = Measures(spec.conditions, seen)

    @property
    def open(self) -> Mapping[str, Alert]:
        """What fires, by fingerprint."""
        return {key: life.alert for key, life in self.lives.all.items() if life.stage == "open"}

    def firing(self) -> Mapping[str, int]:
        """How many fire of which people are to be told, by severity."""
        return Counter(alert.labels["severity"] for alert in self.open.values() if not alert.muted)

    def silences(self) -> int:
        """How many silences there are."""
        return len(self.lives.silences.kept)

    # -- when to look ----------------------------------------------------------------------------------

    def place(self, times: Sequence[int], start: int, stop: int, taken: int) -> int:
        """Where a step from `start` has to end: behind the first record at which to look, or at `stop`."""
        if not self.conditions:
            return stop
        for i in range(start + SOON_RECORDS - 1 - taken % SOON_RECORDS, stop, SOON_RECORDS):
            if abs(times[i] - self.looked) >= LOOK_MS:
                return i + 1
        return stop

    def is_due(self, taken: int, now: int) -> bool:
        """Whether to look, after so many records, the last of this time."""
        if taken % LOOK_RECORDS == 0:
            return True
        soon = bool(self.conditions) and taken % SOON_RECORDS == 0
        return soon and abs(now - self.looked) >= LOOK_MS

    # -- what came about -------------------------------------------------------------------------------

    def drifted(self, drift: Drift, now: int, batch: Batch | None, index: int) -> None:
        """A drift was found, at a record of a batch; or, without one, more is known of it."""
        time = self.clock.at(int(now))
        trace = None if batch is None else traceparent(batch, index)
        for rule, (condition, when) in zip(self.rules, self.conditions, strict=True):
            if when.subject == "drift" and when.of in (None, drift.signal):
                self._found(rule, condition, drift, time, trace)
        self._told(time)

    def _found(self, rule: Rule, condition: Condition, drift: Drift, now: int, trace: str | None) -> None:
        labels = drifts.labels(self.origin, rule.name, condition, drift)
        key, again = fingerprint(labels), drift.revision > 0
        known = self.lives.all.get(key)
        if again and (known is None or not drifts.is_of(known.alert.evidence, drift)):
            return  # it was resolved meanwhile, or found anew
        if trace is None and known is not None:
            trace = known.alert.traceparent
        told = Told(drifts.texts(condition, drift), drifts.evidence(drift), trace)
        value, bound = drift.statistic or 0.0, drift.threshold or 0.0
        self.lives.found(Sight(rule, key, labels, True, False, value, bound, lambda: told), now, again)

    def look(self, now: int) -> None:
        """What time has brought about."""
        self.looked = now
        time = self.clock.at(int(now))
        self.lives.look(self.sighter.sights(self.measures.look(time)), time)
        self._told(time)

    def obey(self, command: Command) -> None:
        """Do what an order says; Unfit if it can't be done."""
        order, time = command.order, self.clock.at(command.time)
        if isinstance(order, Rebaseline):
            names = order.signals

            def is_meant(labels: Mapping[str, str]) -> bool:
                return "detector" in labels and (names is None or labels.get("signal") in names)

            self.lives.forgotten(is_meant, time, By(order.by, order.why))
        else:
            self._obey(order, time)
        self._told(time)

    def _obey(self, order: Order, now: int) -> None:
        if isinstance(order, Acknowledge | Resolve) and order.source == "worker":
            return
        if isinstance(order, Forget):
            left.forget(self.lives, order, now)
            return
        told = self.summary.key in self.lives.all
        self.lives.obey(order, now)
        if told and self.summary.key not in self.lives.all:
            self.summary.forget()

    def _told(self, now: int) -> None:
        self.rows += self.lives.told(now)
        self.rows += self.summary.rows(now)

    def tell(self, out: Output) -> None:
        """What has come about since it was told last."""
        for key, value in self.rows:
            out.add(key, value)
        self.rows = []

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {
            "lives": self.lives.state(),
            "summary": self.summary.state(),
            "clock": self.clock.now,
            "looked": self.looked,
            "measures": self.measures.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.lives.restore(state["lives"])
        self.summary.restore(state["summary"])
        self.clock.now, self.looked = state["clock"], state["looked"]
        self.measures.restore(state["measures"])


def traceparent(batch: Batch, index: int) -> str | None:
    """The trace that a record belongs to, if it says so."""
    found = parent_of(batch.headers[index]) if batch.headers is not None else None
    return None if found is None else found.decode()
