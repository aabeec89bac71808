"""The part of the spec that says when people are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from engine.duration import DAY_MS, Duration
from engine.specmetrics import WINDOW_MAX
from engine.specparts import Name, Part

Severity = Literal["info", "warning", "critical"]


class Condition(Part):
    """When people are told of something, and how urgently."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    when: Annotated[str, Field(min_length=1, max_length=500)]
    """What is to be told: `drift`, or `drift of amount`."""
    name: Name | None = None
    """What such an alert is called. Default: made from `when`."""
    severity: Severity = "warning"
    """How urgent it is."""
    runbook: str | None = None
    """A link to what is to be done."""
    lasts: Duration = DAY_MS
    """An alert of a drift that was not found again for so long is over."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=WINDOW_MAX // 1000)]
CONDITIONS: Conditions = (Condition(when="drift"),)
"""Where the spec says nothing, and drift is watched."""
