"""What is seen of alerts from outside: what conditions say of their lives, and how they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Rule(NamedTuple):
    """What a condition says of its alerts' lives."""

    name: str
    severity: str
    wait_ms: int = 0
    """How long it must hold to fire, and not hold to be over."""
    lasts_ms: int = 86_400_000
    """One that was not found again for so long is over."""
    inhibits: tuple[str, ...] = ()
    """What nobody is told of while this fires."""


class Told(NamedTuple):
    """What is told of an alert besides its state."""

    annotations: dict[str, str]
    evidence: dict[str, Any] | None
    traceparent: str | None = None


class Sight(NamedTuple):
    """How a condition stands at a look."""

    rule: Rule
    fingerprint: str
    labels: dict[str, str]
    holds: bool
    clear: bool
    """Beyond the bound by a margin; where it neither holds nor is clear, nothing changes."""
    value: float
    bound: float
    told: Callable[[], Told]
