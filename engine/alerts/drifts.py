"""What an alert tells of a drift: a short word of it. All of it is in the drift's own record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.alerts.record import iso
from engine.outputs import Origin
from engine.specalerts import Condition

if TYPE_CHECKING:
    from engine.drift.evidence.record import Drift

CAUSE_MAX = 3  # signals that are named
ENOUGH = 0.05  # of the change, to be named


def labels(origin: Origin, name: str, condition: Condition, drift: Drift) -> dict[str, str]:
    """What an alert is known by: no value, and nothing that changes while it fires."""
    told = {
        "alertname": name,
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


def texts(condition: Condition, drift: Drift) -> dict[str, str]:
    """What people read."""
    told = {
        "summary": f"{drift.signal} is not what it was: {_change(drift)}",
        "description": " ".join(_sentences(drift)),
        "runbook_url": condition.runbook,
        "value": _number(drift.statistic),
        "threshold": _number(drift.threshold),
    }
    return {name: value for name, value in told.items() if value}


def _change(drift: Drift) -> str:
    """In what it is other: "mean up from 84.7 to 129.9"."""
    words = [drift.change, drift.direction]
    if drift.changes:
        first = drift.changes[0]
        if first.before is not None and first.now is not None:
            words += ["from", _number(first.before), "to", _number(first.now)]
    return " ".join(word for word in words if word)


def _sentences(drift: Drift) -> list[str]:
    start, found = drift.start, drift.detected
    began = f"It began about {iso(start.time)} (offset {start.offset:,}) and was found at offset"
    said = [f"{began} {found.offset:,}, {start.records:,} records later, by {drift.detector}."]
    top = [each for each in drift.top_features if each.share >= ENOUGH][:CAUSE_MAX]
    if top:
        said.append(
            "Most of the change is in " + ", ".join(f"{each.signal} ({each.share:.0%})" for each in top) + "."
        )
    if drift.suspected_cause:
        said.append(drift.suspected_cause[:1].upper() + drift.suspected_cause[1:] + ".")
    if drift.cause:
        said.append(f"What moved: {drift.cause}.")
    said.append(f"See `driftline drift show {drift.signal}`; if this is normal now, rebaseline it.")
    return said


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def evidence(drift: Drift) -> dict[str, Any]:
    """What of a drift's evidence lies in its alert."""
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


def is_of(told: Mapping[str, Any] | None, drift: Drift) -> bool:
    """Whether an alert's evidence is of this drift, and not of one before or after it."""
    return told is not None and told.get("drift") == drift.key.decode()
