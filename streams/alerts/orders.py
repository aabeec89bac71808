"""Orders about alerts, appended to the control topic, which the shards take in turn."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from connectors.log import Log, Rows
from engine import control
from engine.alerts.pattern import compiled
from engine.alerts.record import Alert
from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams.records import everything, spans

MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)
OPERATORS = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}


class Known(NamedTuple):
    """A silence, as its order told of it, and whether a later order ended it."""

    silence: control.Silence
    at_ms: int  # when it was ordered
    ended: bool

    def active(self, now_ms: int) -> bool:
        return not self.ended and now_ms < self.silence.until_ms


def send(log: Log, spec: Spec, order: control.Order, partitions: Iterable[int] | None = None) -> list[int]:
    """Append an order to these partitions of the control topic, or to all; return which these are."""
    topic = spec.topic("control")
    there = range(len(log.bounds(topic)))
    wanted = list(there if partitions is None else partitions)
    for partition in wanted:
        log.append(topic, partition, Rows([None], [control.encode(order)]))
    return wanted


def partitions_of(alert: Alert) -> list[int] | None:
    """Whose shard knows an alert; None: any may."""
    told = alert.labels.get("partition", "")
    return [int(told)] if told.isdecimal() else None


def silences(log: Log, spec: Spec) -> list[Known]:
    """All that were ordered and are still on the topic, oldest first."""
    topic, found = spec.topic("control"), dict[str, Known]()
    for placed in everything(log, topic, spans(log, topic)):
        order = _decoded(placed.record.value)
        if isinstance(order, control.Silence):
            known = found.get(order.id)
            at = placed.record.timestamp if known is None else known.at_ms
            found[order.id] = Known(order, at, ended=False)
        elif isinstance(order, control.Unsilence) and order.id in found:
            found[order.id] = found[order.id]._replace(ended=True)
    return list(found.values())


def one(known: Iterable[Known], what: str) -> Known:
    """The silence of this id, or of one that begins so."""
    ids = {each.silence.id: each for each in known}
    fits = [each for key, each in ids.items() if key == what] or [
        each for key, each in ids.items() if what and key.startswith(what)
    ]
    if len(fits) == 1:
        return fits[0]
    near = nearest(what, ids) or "; `driftline alerts silences` lists them"
    raise SpecError(f"{what} is {'more than one silence' if fits else 'no silence'}{near}")


def new_id() -> str:
    """An id for a silence, short enough to be typed."""
    return secrets.token_hex(4)


def matcher(text: str) -> control.Matcher:
    """A condition on a label, as Alertmanager's tools write it.

    >>> matcher('severity="warning"')
    Matcher(name='severity', value='warning', regex=False, equal=True)
    >>> written(matcher("feature!~amount.*"))
    'feature!~amount.*'
    """
    found = MATCHER.fullmatch(text)
    if found is None:
        raise SpecError(
            f"{text!r} is no matcher; write label=value, label!=value, label=~regex or label!~regex"
        )
    name, operator, value = found.groups()
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    made = control.Matcher(name, value, regex=operator[1:] == "~", equal=operator[0] == "=")
    if made.regex:
        _check_regex(text, value)
    return made


def _check_regex(text: str, value: str) -> None:
    try:
        compiled(value)
    except ValueError as error:
        raise SpecError(f"{text!r}: this is no regular expression that is known here: {error}") from None


def written(each: control.Matcher) -> str:
    """The inverse of `matcher`."""
    return f"{each.name}{OPERATORS[each.equal, each.regex]}{each.value}"


def exactly(alert: Alert) -> tuple[control.Matcher, ...]:
    """What matches this alert, whenever it fires again."""
    return tuple(control.Matcher(name, value) for name, value in sorted(alert.labels.items()))


def _decoded(value: bytes | None) -> Any:
    """An order, or None."""
    try:
        kind = msgspec.json.decode(value or b"", type=control.Kind).do
        return msgspec.json.decode(value or b"", type=control.KINDS[kind])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        return None
