"""The part of the spec that says when people are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from engine.duration import DAY_MS, PATTERN, Duration, duration_ms, duration_text
from engine.specparts import Count, Name, Part

Severity = Literal["info", "warning", "critical"]
CONDITIONS_MAX = 100
OVER = 1_000
OVER_MS = 300_000  # where a window can only be of time
OVER_MAX, OVER_MIN_MS = 10_000_000, 1_000
ENOUGH = 100  # in a window of time


def over_of(given: object) -> object:
    """How much a window holds: a number as it is, a duration in its largest unit.

    >>> over_of(1000), over_of("60m")
    (1000, '1h')
    """
    if isinstance(given, int) and not isinstance(given, bool):
        if not 10 <= given <= OVER_MAX:
            raise ValueError(f"over is a number from 10 to {OVER_MAX:,}, or a duration, 1h")
        return given
    try:
        milliseconds = duration_ms(given)
    except ValueError:
        raise ValueError("over is a number, 1000, or a duration, 1h") from None
    if not isinstance(milliseconds, int) or milliseconds < OVER_MIN_MS:
        raise ValueError("over is at least 1s")
    return duration_text(milliseconds)


Over = Annotated[
    int | str,
    BeforeValidator(over_of),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": PATTERN}]}),
]


class Condition(Part):
    """When people are told of something, and how urgently."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    when: Annotated[str, Field(min_length=1, max_length=500)]
    """What is to be told: `drift`, `drift of amount`, `accuracy < 0.8`, `missing of amount > 5%`, or against
    the window before, `error_rate rises 20%`."""
    name: Name | None = None
    """What such an alert is called. Default: made from `when`, as `AccuracyBelow`."""
    over: Over | None = None
    """What is looked at: the newest so many outcomes, events, labels or records (`1000`), or what came in so
    long (`24h`), by the records' timestamps. Default: 1000, and 5m of what is counted by time."""
    at_least: Count | None = None
    """Of so many, at least, or nothing is said. Default: a whole window; 100 in one of time."""
    for_: Annotated[Duration, Field(alias="for")] = 0
    """How long it must hold before people are told, and not hold before it is over."""
    clear: float | str | None = None
    """The value at which it is over. Default: a twentieth back from the bound; half of a rise or fall."""
    severity: Severity = "warning"
    """How urgent it is."""
    by: str | None = None
    """A feature that `metrics.segments` names: each of its values is judged on its own."""
    inhibits: Annotated[tuple[Name, ...], Field(max_length=CONDITIONS_MAX)] = ()
    """Names of conditions that nobody is told of while this one fires."""
    summary: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What people read first. `{value}`, `{bound}`, `{past}`, `{n}`, `{of}` and `{segment}` are filled in.
    Default: made from `when`."""
    runbook: str | None = None
    """A link to what is to be done."""
    lasts: Duration = DAY_MS
    """An alert that was not found again for so long is over."""

    @property
    def is_timed(self) -> bool:
        """Whether its window is so long, not of so many."""
        return isinstance(self.over, str)

    def window(self, timed: bool = False) -> float:
        """How much its window holds, or how many milliseconds.

        >>> Condition(when="accuracy < 0.8").window(), Condition(when="accuracy < 0.8", over="1h").window()
        (1000.0, 3600000.0)
        """
        if self.over is None:
            return float(OVER_MS if timed else OVER)
        return float(duration_ms(self.over) if isinstance(self.over, str) else self.over)  # type: ignore[arg-type]

    @property
    def least(self) -> int:
        """Of how many a value has to be."""
        if self.at_least is not None:
            return self.at_least
        return ENOUGH if self.is_timed else int(self.window())


Conditions = Annotated[tuple[Condition, ...], Field(max_length=CONDITIONS_MAX)]
CONDITIONS: Conditions = (Condition(when="drift"),)
"""Where the spec says nothing, and drift is watched."""
