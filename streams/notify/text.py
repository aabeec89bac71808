"""What a person reads at three in the morning: what, since when, the evidence, what to do, where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.alerts.record import Alert, Care

SHOWN_MAX = 5  # alerts of a message that are told in full
TOP_MAX = 3
ABOUT = ("signal", "feature", "segment", "class", "reason")
WORST_FIRST = ("critical", "warning", "info")


def title(alerts: Sequence[Alert], pipeline: str) -> str:
    """One line.

    >>> alert, other = (
    ...     Alert(status="firing", labels={"alertname": "Drift", "severity": "warning", "signal": signal},
    ...         annotations={"summary": f"{signal} is not what it was"}, starts_at="", fingerprint="", time=0)
    ...     for signal in ("amount", "age")
    ... )
    >>> title([alert], "payments"), title([alert, other], "payments")
    ('[warning] payments: amount is not what it was', '[warning] payments: Drift: amount, age')
    """
    firing = [alert for alert in alerts if alert.status != "resolved"]
    word = _worst(firing) if firing else "resolved"
    several = f"{_listed(map(_name, alerts))}: {_listed(map(_on, alerts))}".removesuffix(": ")
    about = _summary(alerts[0]) if len(alerts) == 1 else several
    return f"[{word}] {pipeline}: {about}"


def level(alerts: Sequence[Alert]) -> str:
    """The worst severity of those that fire, or `resolved`."""
    firing = [alert for alert in alerts if alert.status != "resolved"]
    return _worst(firing) if firing else "resolved"


def body(alerts: Sequence[Alert], untold: int, link: str | None) -> str:
    """A paragraph for each of the first alerts; `untold` more are in none of them."""
    paragraphs = ["\n".join(_lines(alert, link)) for alert in alerts[:SHOWN_MAX]]
    if more := len(alerts) - SHOWN_MAX + untold if len(alerts) > SHOWN_MAX else untold:
        paragraphs.append(f"and {more} more: `driftline alerts list`")
    return "\n\n".join(paragraphs)


def where(alert: Alert, link: str | None) -> str:
    """Its place on the live page."""
    return f"{link.rstrip('/')}/#alert={alert.fingerprint}" if link else alert.generator_url


def noted(alert: Alert, link: str | None) -> dict[str, str]:
    """What is told beside its labels; with the live page's address also where to look."""
    return alert.annotations | ({"dashboard_url": where(alert, link)} if link else {})


def said(it: Alert | Care) -> str:
    """Who did it, and why."""
    return f"{it.by or 'somebody'}{f': {it.why}' if it.why else ''}"


def _lines(alert: Alert, link: str | None) -> Iterator[str]:
    over = alert.status == "resolved"
    yield f"{'RESOLVED' if over else _severity(alert).upper()} {_name(alert)}: {_summary(alert)}"
    yield f"since {_time(alert.starts_at)}{f' until {_time(alert.ends_at)}' if over else ''}{_values(alert)}"
    if about := alert.annotations.get("description"):
        yield about
    if alert.evidence and not over:
        yield from _evidence(alert.evidence, brief=about is not None)
    if alert.acknowledged is not None:
        yield f"acknowledged by {said(alert.acknowledged)}"
    if alert.by and alert.transition != "acknowledged":
        yield f"{alert.transition} by {said(alert)}"
    if alert.held_back:
        yield f"{alert.held_back} changes before this one were held back"
    if (runbook := alert.annotations.get("runbook_url")) and not over:
        yield f"what to do: {runbook}"
    yield f"where: {where(alert, link) or f'driftline alerts show {alert.fingerprint}'}"


def _values(alert: Alert) -> str:
    value, threshold = (alert.annotations.get(name) for name in ("value", "threshold"))
    told = f", value {value}" if value else ""
    return told + (f" against {threshold}" if value and threshold else "")


def _evidence(found: dict[str, Any], brief: bool) -> Iterator[str]:
    current = found.get("current")
    records = current if isinstance(current, dict) else found
    figures = {name: found.get(name) for name in ("p_value", "effect_size")}
    told = [
        f"{name.replace('_', ' ')} {figure:.4g}" for name, figure in figures.items() if _is_number(figure)
    ]
    if _is_number(records.get("n")):
        told.append(f"{records['n']} records")
    if _is_number(records.get("first_offset")):
        told.append(f"offsets {records['first_offset']} to {records.get('last_offset')}")
    if told:
        yield f"evidence: {', '.join(told)}"
    if brief:  # the description tells the rest
        return
    tops = [top for top in found.get("top_features") or () if isinstance(top, dict)][:TOP_MAX]
    if tops:
        yield "most in: " + ", ".join(f"{top.get('signal')} {top.get('share', 0):.0%}" for top in tops)
    if cause := found.get("suspected_cause"):
        yield f"suspected cause: {cause}"


def _listed(names: Iterable[str]) -> str:
    """Each once, the first few."""
    found = [name for name in dict.fromkeys(names) if name]
    return ", ".join(found[:TOP_MAX]) + (f" and {len(found) - TOP_MAX} more" if len(found) > TOP_MAX else "")


def _on(alert: Alert) -> str:
    """What it is about, beside its name."""
    return next((alert.labels[name] for name in ABOUT if alert.labels.get(name)), "")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _worst(alerts: Sequence[Alert]) -> str:
    there = {_severity(alert) for alert in alerts}
    return next((name for name in WORST_FIRST if name in there), "info")


def _severity(alert: Alert) -> str:
    return alert.labels.get("severity", "info")


def _name(alert: Alert) -> str:
    return alert.labels.get("alertname", "alert")


def _summary(alert: Alert) -> str:
    return alert.annotations.get("summary") or _name(alert)


def _time(text: str) -> str:
    """A time of a record, to the second."""
    return text[:19].replace("T", " ") + " UTC"
