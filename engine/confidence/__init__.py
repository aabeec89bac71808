"""How sure a prediction is: calibrated probabilities, intervals and sets. Off unless the spec asks for it."""

from __future__ import annotations

from engine.confidence.classes import Classes
from engine.confidence.numbers import Numbers
from engine.confidence.stage import Stage
from engine.errors import SpecError
from engine.models.scores import Task
from engine.spec import Spec


def build(spec: Spec, task: Task) -> Stage | None:
    """What the spec asks for, for a model of this task; None if it asks for nothing."""
    asked = spec.confidence
    if not asked.is_asked:
        return None
    use = spec.model.use
    if task is Task.ANOMALY:
        raise SpecError(
            f"confidence learns from labels, and {use} says how rare an event is, whatever its label: "
            "leave confidence out, or take a model that predicts labels"
        )
    if task is Task.CLASSIFY:
        return Classes(asked.calibrate, asked.coverage, asked.window)
    if asked.coverage is None:
        raise SpecError(
            f"confidence.calibrate is for probabilities, and {use} predicts numbers: write coverage"
        )
    return Numbers(asked.coverage, asked.window)
