"""Drifts that will be told again, when more is known: what is kept of them until then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.drift.detector import Alarm
from engine.drift.evidence.case import Case
from engine.drift.evidence.reference import Reference


@dataclass(slots=True)
class Pending:
    """A drift that will be told again."""

    case: Case
    number: int  # of the change's first record in the panel
    alarmed: int  # of the alarm's record
    start: list[Any]
    detected: list[Any]
    late: bool  # it might have been the model's learning, and was not told at once
    revised: int = 0
    moved: dict[str, dict[str, float]] = field(default_factory=dict)  # by clock
    top: dict[str, list[list[Any]]] = field(default_factory=dict)  # by clock


def packed(each: Pending) -> list[Any]:
    """As plain values and arrays."""
    case = each.case
    known = [case.together, case.row, case.column, case.bounded, case.reference.state(), case.window]
    rest = [each.number, each.alarmed, each.start, each.detected, each.late, each.revised]
    moved = {clock: dict(parts) for clock, parts in each.moved.items()}
    return [case.detector, list(case.alarm), known, rest, moved, dict(each.top)]


def unpacked(state: list[Any]) -> Pending:
    """The inverse."""
    detector, alarm, (together, row, column, bounded, reference, window), rest, moved, top = state
    case = Case(
        detector, Alarm(*alarm), together, row, column, bounded, Reference.restored(reference), window
    )
    kept = {clock: dict(parts) for clock, parts in moved.items()}
    number, alarmed, begin, detected, late, revised = rest
    return Pending(case, number, alarmed, begin, detected, late, revised, kept, dict(top))
