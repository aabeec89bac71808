"""Alerts for a terminal: a line each in a list, and one with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.alerts.record import Alert, Care
from streams.alerts.orders import Known, written
from streams.alerts.records import Told
from streams.records import printable, when

COLUMNS = ["id", "severity", "status", "since", "alert", "on", "what"]
SILENCES = ["id", "until", "by", "matchers", "why"]
IDENTITY = ("alertname", "severity", "pipeline")  # labels that are told elsewhere, or of all alike
ON = ("signal", "feature", "metric", "segment", "partition")
WIDTH, LONG = 70, 400
INDENT = 14
HISTORY_MAX = 20


def row(told: Told) -> list[str]:
    """A line of a table, under `COLUMNS`."""
    alert = told.alert
    status = f"{alert.status}, muted" if alert.muted and alert.status == "firing" else alert.status
    labels = alert.labels
    return [
        alert.fingerprint,
        labels.get("severity", ""),
        status,
        moment(alert.starts_at),
        printable(labels.get("alertname", ""), 40),
        printable(on(alert), 40),
        printable(alert.annotations.get("summary", ""), WIDTH),
    ]


def on(alert: Alert) -> str:
    """What it is about: its signal, its segment, its shard."""
    told = dict.fromkeys(alert.labels[name] for name in ON if name in alert.labels and name != "partition")
    shard = alert.labels.get("partition")
    return " ".join([*told, *([f"shard {shard}"] if shard is not None else [])])


def headline(alert: Alert) -> str:
    """One line, for a list, the demo, a log."""
    labels = alert.labels
    said = alert.annotations.get("summary") or on(alert)
    return printable(
        f"{labels.get('severity', '')} {labels.get('alertname', '')} {alert.transition}: {said}", LONG
    )


def described(told: Told, history: Sequence[Told]) -> Iterator[str]:
    """All of it, line by line."""
    alert = told.alert
    name, severity = alert.labels.get("alertname", ""), alert.labels.get("severity", "")
    yield printable(f"{name}, {severity}: {alert.status}", LONG)
    for fact, said in _facts(alert):
        yield f"  {fact.ljust(INDENT)}{printable(said, LONG)}"
    if alert.evidence:
        yield from evidence(alert.evidence)
    shown = history[-HISTORY_MAX:]
    if shown:
        yield ""
        yield "  history"
    for each in shown:
        yield f"  {_passed(each)}"


def _facts(alert: Alert) -> Iterator[tuple[str, str]]:
    told = alert.annotations
    yield "id", alert.fingerprint
    yield "on", ", ".join(f"{k}={v}" for k, v in sorted(alert.labels.items()) if k not in IDENTITY)
    for name in ("summary", "description"):
        if told.get(name):
            yield name, told[name]
    yield "since", moment(alert.starts_at)
    if alert.status == "resolved":
        yield "until", moment(alert.ends_at)
    if told.get("value"):
        bound = f", threshold {told['threshold']}" if told.get("threshold") else ""
        yield "value", told["value"] + bound
    if told.get("runbook_url"):
        yield "runbook", told["runbook_url"]
    if alert.acknowledged is not None:
        yield "acknowledged", _by(alert.acknowledged)
    if (alert.by or alert.why) and alert.transition != "acknowledged":
        yield alert.transition, _by(alert)
    if alert.muted:
        yield "muted", f"{alert.muted}; nobody is told"
    if alert.source != "engine":
        yield "source", f"the {alert.source}: not made from the stream, so a replay does not repeat it"
    if alert.held_back:
        yield "held back", f"{alert.held_back:,} transitions before this one were too many to be told"
    if alert.traceparent:
        yield "traceparent", alert.traceparent


def _by(it: Alert | Care) -> str:
    return f"by {it.by or 'nobody named'}{': ' * bool(it.why)}{it.why}"


def _passed(told: Told) -> str:
    alert = told.alert
    by = f" by {alert.by}" if alert.by else ""
    why = f": {alert.why}" if alert.why else ""
    muted = f" ({alert.muted})" if alert.muted else ""
    return printable(f"{when(alert.time)}  {alert.transition}{by}{why}{muted}", LONG)


# -- evidence ------------------------------------------------------------------------------------------


def evidence(given: Mapping[str, Any]) -> Iterator[str]:
    """What the alert rests on: figures, windows, and what carries most of the change."""
    yield ""
    yield "  evidence"
    for name, value in given.items():
        if (said := _figure(value)) not in ("", "-"):
            yield f"  {name.replace('_', ' ').ljust(INDENT)}{printable(said, LONG)}"


def _figure(value: Any) -> str:
    """A part of the evidence on one line.

    >>> _figure({"window": "first 1,000", "n": 1000}), _figure([{"signal": "amount", "share": 0.9768}])
    ('window first 1,000, n 1,000', 'amount 98%')
    """
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        if set(value) >= {"signal", "share"}:
            return f"{value['signal']} {value['share']:.0%}"
        return ", ".join(f"{name} {_figure(each)}" for name, each in value.items() if each is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_figure, value))
    return str(value)


def as_json(told: Told, history: Sequence[Told] | None = None) -> dict[str, Any]:
    """For programs: the record as it lies on the topic, and where."""
    made = {"place": told.place, "recorded_ms": told.recorded_ms, **msgspec.to_builtins(told.alert)}
    if history is not None:
        made["history"] = [as_json(each) for each in history]
    return made


def silence_row(known: Known, now_ms: int) -> list[str]:
    """A line of a table, under `SILENCES`."""
    each = known.silence
    until = when(each.until_ms) if known.active(now_ms) else f"{when(each.until_ms)}, over"
    matchers = " ".join(map(written, each.matchers))
    return [
        printable(each.id, 40),
        "ended" if known.ended else until,
        *(printable(text, 60) for text in (each.by, matchers, each.why)),
    ]


def moment(iso: str) -> str:
    """A time of a record as people read it.

    >>> moment("2026-01-28T09:00:00.250Z")
    '2026-01-28 09:00:00'
    """
    return printable(iso[:19].replace("T", " "), 19)
