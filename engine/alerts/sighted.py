"""How the conditions stand: what was measured, held against their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from engine.alerts.condition import When, clear_of, holds, is_over, name_of
from engine.alerts.measures import Reading
from engine.alerts.record import fingerprint
from engine.alerts.sight import Rule, Sight, Told
from engine.alerts.telling import annotated, evidence, threshold
from engine.outputs import Origin
from engine.specalerts import Condition


def rule(condition: Condition) -> Rule:
    """What a condition says of the lives of its alerts.

    >>> rule(Condition(when="accuracy < 0.8", severity="critical"))[:3]
    ('AccuracyBelow', 'critical', 0)
    """
    waits, lasts = condition.for_, condition.lasts
    return Rule(name_of(condition), condition.severity, waits, lasts, condition.inhibits)


def labels(origin: Origin, condition: Condition, own: Mapping[str, str]) -> dict[str, str]:
    """What an alert is known by: no value, and nothing that changes while it fires."""
    return {
        "alertname": name_of(condition),
        "severity": condition.severity,
        "pipeline": origin.pipeline,
        "partition": str(origin.partition),
        "model": origin.model,
        **own,
    }


class Sighter:
    """Turns what is measured into how conditions stand.

    Parameters
    ----------
    conditions
        Of the spec, read.
    origin
        What is the same in all outputs of the shard.
    """

    def __init__(self, conditions: Sequence[tuple[Condition, When]], origin: Origin) -> None:
        self.conditions, self.origin = conditions, origin
        self.rules = [rule(condition) for condition, _ in conditions]
        self.clear = [clear_of(condition, when) for condition, when in conditions]
        self.known: dict[tuple[int, str], tuple[str, dict[str, str]]] = {}  # which alert it is, by segment

    def sights(self, readings: Sequence[Reading]) -> list[Sight]:
        """One for each reading."""
        return [self._sight(reading) for reading in readings]

    def _sight(self, reading: Reading) -> Sight:
        condition, when = self.conditions[reading.place]
        key, known = self._known(reading)
        value, past = reading.value, reading.past
        return Sight(
            self.rules[reading.place],
            key,
            known,
            holds(when, value, past, reading.noise),
            is_over(when, self.clear[reading.place], value, past),
            value,
            threshold(when, past),
            partial(_told, condition, when, reading),
        )

    def _known(self, reading: Reading) -> tuple[str, dict[str, str]]:
        place = (reading.place, reading.labels.get("segment", ""))
        if place not in self.known:
            known = labels(self.origin, self.conditions[reading.place][0], reading.labels)
            self.known[place] = (fingerprint(known), known)
        return self.known[place]


def _told(condition: Condition, when: When, reading: Reading) -> Told:
    return Told(annotated(condition, when, reading), dict(evidence(condition, when, reading)))
