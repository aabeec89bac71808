"""What an alert says of what was measured: to be understood at night, by somebody who has just woken up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alerts.condition import When, holds
from engine.alerts.measures import Reading
from engine.alerts.subjects import SUBJECTS, Subject, Unit
from engine.duration import duration_text
from engine.specalerts import Condition

WORDS = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
BLANK = re.compile(r"\{(\w+)\}")
DAYS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))
PREFIXES = ("", "k", "M", "G", "T")
THOUSAND = 1000


def amount_text(value: float, unit: Unit) -> str:
    """A value as people write it.

    >>> [amount_text(v, u) for v, u in [(0.7125, Unit.SHARE), (5_400_000, Unit.DURATION), (2e9, Unit.BYTES)]]
    ['71.25%', '1h 30m', '2 GB']
    """
    if unit in (Unit.SHARE, Unit.RATIO):
        return f"{value * 100:.4g}%"
    if unit is Unit.DURATION:
        return _duration(value)
    if unit is Unit.BYTES:
        return _bytes(value)
    if unit is Unit.COUNT:
        return f"{value:,.0f}"
    return f"{value:.4g} a second" if unit is Unit.RATE else f"{value:.4g}"


def _duration(value: float) -> str:
    """In its two largest units."""
    rest, told = round(value), list[str]()
    for size, name in DAYS:
        n, rest = divmod(rest, size)
        if n and len(told) < 2:
            told.append(f"{n}{name}")
    return " ".join(told) or f"{value:.0f}ms"


def _bytes(value: float) -> str:
    power = 0
    while abs(value) >= THOUSAND and power < len(PREFIXES) - 1:
        value, power = value / THOUSAND, power + 1
    return f"{value:.3g} {PREFIXES[power]}B"


def threshold(when: When, past: float | None) -> float:
    """The value from which on it holds.

    >>> from engine.alerts.condition import parse
    >>> threshold(parse("error_rate rises 50%"), 0.5), threshold(parse("accuracy < 0.8"), None)
    (0.75, 0.8)
    """
    if not when.moves or past is None:
        return when.value
    by = when.value * abs(past) if when.relative else when.value
    return past + by if when.op == "rises" else past - by


def window_text(condition: Condition, subject: Subject) -> str:
    """What a window holds.

    >>> window_text(Condition(when="accuracy < 0.8"), SUBJECTS["accuracy"])
    '1000 outcomes'
    """
    timed = condition.is_timed or subject.over == "time"
    if subject.over == "now":
        return ""
    window = condition.window(timed)
    return duration_text(int(window)) if timed else f"{window:.0f} {subject.over}"


def annotated(condition: Condition, when: When, reading: Reading) -> dict[str, str]:
    """What people read."""
    told = {
        "summary": _summary(condition, when, reading),
        "description": " ".join(_sentences(when, reading)),
        "runbook_url": condition.runbook,
        "value": f"{reading.value:.6g}",
        "threshold": f"{threshold(when, reading.past):.6g}",
    }
    return {name: value for name, value in told.items() if value}


def _summary(condition: Condition, when: When, reading: Reading) -> str:
    if condition.summary is None:
        return _what(when, reading)
    unit = SUBJECTS[when.subject].unit
    filled = {
        "value": amount_text(reading.value, unit),
        "bound": amount_text(threshold(when, reading.past), unit),
        "past": "" if reading.past is None else amount_text(reading.past, unit),
        "n": f"{reading.n:,}",
        "of": when.of or "",
        "segment": reading.labels.get("segment", ""),
    }
    return BLANK.sub(lambda found: filled.get(found[1], found[0]), condition.summary)


def _what(when: When, reading: Reading) -> str:
    """What is wrong, in a line."""
    unit, segment = SUBJECTS[when.subject].unit, reading.labels.get("segment")
    name = when.subject + (f" of {when.of}" if when.of else "")
    where, value = f" where {segment}" if segment else "", amount_text(reading.value, unit)
    still = holds(when, reading.value, reading.past)
    by = amount_text(when.value, Unit.SHARE if when.relative else unit)
    if not when.moves or reading.past is None:
        return f"{name}{where} is {value}, {'' if still else 'no longer '}{WORDS[when.op]} {by}"
    past = amount_text(reading.past, unit)
    if not still:
        return f"{name}{where} is {value}, and was {past} before: it {when.op} no more by {by}"
    moved = "rose" if when.op == "rises" else "fell"
    return f"{name}{where} {moved} from {past} to {value}, by {by} or more"


def _sentences(when: When, reading: Reading) -> list[str]:
    subject = SUBJECTS[when.subject]
    said = [f"`{when.subject}` is {subject.told}."]
    bound = threshold(when, reading.past)
    far, unit = abs(reading.value - bound), subject.unit
    distance = f"{far * 100:.3g} points" if unit in (Unit.SHARE, Unit.RATIO) else amount_text(far, unit)
    side = "beyond" if holds(when, reading.value, reading.past) else "short of"
    said.append(f"It is {distance} {side} {amount_text(bound, unit)}, {_of_what(subject, reading)}.")
    if reading.first_offset is not None and reading.last_offset is not None:
        said.append(
            f"That tells of the events at offsets {reading.first_offset:,} to {reading.last_offset:,}."
        )
    if subject.look:
        said.append(f"Look at {subject.look}.")
    return said


def _of_what(subject: Subject, reading: Reading) -> str:
    if subject.over == "now":
        return "as of now"
    things = "events" if subject.over == "time" else subject.over
    return f"of {reading.n:,} {things} in {_duration(reading.ms)}"


def evidence(condition: Condition, when: When, reading: Reading) -> Mapping[str, Any]:
    """The figures."""
    return {
        "value": reading.value,
        "threshold": threshold(when, reading.past),
        "past": reading.past,
        "n": reading.n,
        "window": window_text(condition, SUBJECTS[when.subject]),
        "window_ms": reading.ms,
        "first_offset": reading.first_offset,
        "last_offset": reading.last_offset,
    }
