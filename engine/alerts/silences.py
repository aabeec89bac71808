"""Silences: whose alerts nobody is told of, until when, and who wanted that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.alerts.pattern import compiled
from engine.control import Matcher, Silence
from engine.reasons import Reason, Unfit


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Whether a label is what it has to be; as in Alertmanager one that is not there is empty.

    >>> labels = {"alertname": "Drift", "signal": "amount"}
    >>> matches(Matcher("signal", "amount|age", regex=True), labels)
    True
    >>> matches(Matcher("severity", "critical", equal=False), labels)
    True
    """
    value = labels.get(matcher.name, "")
    found = compiled(matcher.value).matches(value) if matcher.regex else matcher.value == value
    return found is matcher.equal


class Silences:
    """The silences of a shard.

    Parameters
    ----------
    most
        So many at a time.

    Examples
    --------
    >>> silences = Silences(10)
    >>> silences.put(Silence(id="s1", matchers=(Matcher("signal", "amount"),), until_ms=2_000), 1_000)
    >>> silences.over({"signal": "amount"}).id
    's1'
    >>> silences.pass_by(2_000)
    True
    >>> silences.over({"signal": "amount"}) is None
    True
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept: dict[str, Silence] = {}  # the oldest first

    def put(self, order: Silence, now: int) -> None:
        """Begin a silence, or change the one of this id; Unfit if it can't be."""
        self.pass_by(now)
        if order.until_ms <= now:
            raise _unfit(f'the silence "{order.id}" would be over before it begins')
        for matcher in order.matchers:
            _check(matcher)
        if order.id not in self.kept and len(self.kept) >= self.most:
            raise _unfit(f"there are {self.most} silences, which is limits.silences_max; end one first")
        self.kept[order.id] = order

    def end(self, name: str, now: int) -> Silence:
        """End a silence, and return it; Unfit if there is none."""
        self.pass_by(now)
        if name not in self.kept:
            raise _unfit(f'no silence is named "{name}"; `driftline alerts list` tells of those there are')
        return self.kept.pop(name)

    def pass_by(self, now: int) -> bool:
        """Let those end whose time is over; whether there were any."""
        over = [name for name, silence in self.kept.items() if silence.until_ms <= now]
        for name in over:
            del self.kept[name]
        return bool(over)

    def over(self, labels: Mapping[str, str]) -> Silence | None:
        """The oldest silence that an alert falls under."""
        for silence in self.kept.values():
            if all(matches(matcher, labels) for matcher in silence.matchers):
                return silence
        return None

    def state(self) -> list[Any]:
        return [msgspec.to_builtins(silence) for silence in self.kept.values()]

    def restore(self, state: list[Any]) -> None:
        self.kept = {silence.id: silence for silence in (msgspec.convert(each, Silence) for each in state)}


def _check(matcher: Matcher) -> None:
    if not matcher.regex:
        return
    try:
        compiled(matcher.value)
    except ValueError as exc:
        said = matcher.value if len(matcher.value) <= 80 else matcher.value[:80] + "..."
        raise _unfit(f'{matcher.name}: "{said}" is no regular expression that is known here: {exc}') from None


def _unfit(message: str) -> Unfit:
    return Unfit(Reason.UNKNOWN_CONTROL, message)
