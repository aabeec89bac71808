"""Alerts without a stream: conditions that hold or do not, as a test says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from engine.alerts.lives import Lives
from engine.alerts.record import Alert, fingerprint, read
from engine.alerts.sight import Rule, Sight, Told
from engine.alerts.summary import RULE, Summary
from engine.control import Order
from engine.outputs import Origin
from engine.specparts import Limits

MINUTE = 60_000
ORIGIN = Origin("p", "logistic_regression", "1", "p.events", 0)


class Seen:
    """A shard's alerts, and the records that they gave.

    Times are in seconds here.
    """

    def __init__(self, rules: Sequence[Rule], **limits: int) -> None:
        self.rules, self.limits = {rule.name: rule for rule in rules}, Limits(**limits)
        self.lives = Lives([*rules, RULE], self.limits)
        self.summary = Summary(self.lives, ORIGIN)
        self.records: list[Alert] = []
        self.buried: list[str] = []

    def look(self, at: float, *sights: Sight) -> list[str]:
        """See what is seen; return what was told."""
        self.lives.look(sights, self._ms(at))
        return self.told(at)

    def found(self, at: float, sight: Sight, again: bool = False) -> list[str]:
        self.lives.found(sight, self._ms(at), again)
        return self.told(at)

    def obey(self, at: float, order: Order) -> list[str]:
        self.lives.obey(order, self._ms(at))
        return self.told(at)

    def told(self, at: float) -> list[str]:
        rows = [*self.lives.told(self._ms(at)), *self.summary.rows(self._ms(at))]
        new = [read(value) for _, value in rows if value is not None]
        self.buried += [key.decode() for key, value in rows if value is None]
        self.records += new
        return [f"{alert.labels['alertname']} {alert.transition}" for alert in new]

    def sight(self, name: str, value: float, bound: float = 1.0, of: str = "") -> Sight:
        """How a condition stands that holds above its bound, and is clear below nine tenths of it."""
        rule = self.rules[name]
        key, labels = _known_by(rule, of)
        holds, clear = value > bound, value < 0.9 * bound
        told = Told({"summary": f"{name} is {value}"}, {"value": value})
        return Sight(rule, key, labels, holds, clear, value, bound, lambda: told)

    def copied(self) -> Seen:
        """Another one that begins with the state of this."""
        other = Seen([*self.rules.values()])
        other.limits, other.lives = self.limits, Lives([*self.rules.values(), RULE], self.limits)
        other.summary = Summary(other.lives, ORIGIN)
        other.lives.restore(self.lives.state())
        other.summary.restore(self.summary.state())
        return other

    @staticmethod
    def _ms(at: float) -> int:
        return int(at * 1000)


@cache
def _known_by(rule: Rule, of: str) -> tuple[str, dict[str, str]]:
    labels = {"alertname": rule.name, "severity": rule.severity} | ({"signal": of} if of else {})
    return fingerprint(labels), labels


def transitions(records: Iterable[Alert]) -> list[tuple[str, int]]:
    """What the records tell, with their revisions."""
    return [(alert.transition, alert.revision) for alert in records]
