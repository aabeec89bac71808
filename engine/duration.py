"""Durations: written with a unit, kept in milliseconds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DAY_MS = UNITS_MS["d"]
DAYS_MAX = 36_500
PATTERN = r"^(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)$"


def duration_ms(value: object) -> object:
    """Read "250ms", "30s", "5m", "1h" or "7d" as milliseconds.

    >>> duration_ms("7d")
    604800000
    """
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    found = re.fullmatch(PATTERN, str(value))
    if found is None:
        raise ValueError("a duration is a number with a unit: 250ms, 30s, 5m, 1h or 7d")
    milliseconds = int(float(found[1]) * UNITS_MS[found[2]])
    if milliseconds > DAYS_MAX * DAY_MS:
        raise ValueError(f"a duration is at most {DAYS_MAX}d")
    return milliseconds


def duration_text(milliseconds: int) -> str:
    """Write milliseconds in the largest unit that divides them.

    >>> duration_text(604_800_000), duration_text(90_000), duration_text(0)
    ('7d', '90s', '0')
    """
    for unit, size in reversed(UNITS_MS.items()):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return "0"


Duration = Annotated[
    int,
    BeforeValidator(duration_ms),
    WithJsonSchema({"type": ["string", "integer"], "pattern": PATTERN, "minimum": 0, "maximum": 0}),
]
