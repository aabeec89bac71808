"""Why a record becomes a dead letter: the closed list, and how a reason is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why a record became a dead letter: the closed list."""

    MALFORMED = "malformed"  # no JSON, no UTF-8, or no CloudEvent although it says so
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"  # NaN, Infinity, or a number beyond a float's range
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_CATEGORY = "unknown_category"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    DUPLICATE_ID = "duplicate_id"
    BAD_LABEL = "bad_label"
    LABEL_LATE = "label_late"  # further from its event than `labels.wait`
    LABEL_UNMATCHED = "label_unmatched"  # its event never came
    MODEL_ERROR = "model_error"
    UNKNOWN_CONTROL = "unknown_control"
    ENGINE_ERROR = "engine_error"  # the walk itself failed on it
    DELIVERY_FAILED = "delivery_failed"  # no record: a message about alerts that its receiver did not take


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record of the batch at hand that does not go on, and why."""

    index: int
    reason: Reason
    exception: str
    message: str


class Unfit(Exception):
    """A value that parsed and still does not fit."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# msgspec says in its message what was wrong; the first match names the reason.
MESSAGES: Sequence[tuple[str, Reason]] = (
    ("missing required field", Reason.MISSING_FIELD),
    ("got `null`", Reason.MISSING_FIELD),
    (" of length >= 1", Reason.MISSING_FIELD),
    ("Invalid enum value", Reason.UNKNOWN_CATEGORY),
    ("out of range", Reason.NOT_FINITE),
    (" >= ", Reason.OUT_OF_RANGE),
    (" <= ", Reason.OUT_OF_RANGE),
)


def reject(index: int, value: bytes | None, exc: Exception) -> Rejection:
    """Name the reason why a record was refused."""
    name, message = type(exc).__name__, str(exc)
    if isinstance(exc, Unfit):
        return Rejection(index, exc.reason, name, message)
    if isinstance(exc, msgspec.ValidationError):
        found = (reason for text, reason in MESSAGES if text in message)
        return Rejection(index, next(found, Reason.WRONG_TYPE), name, message)
    reason = Reason.NOT_FINITE if value is not None and has_constant(value) else Reason.MALFORMED
    return Rejection(index, reason, name, message)


def has_constant(value: bytes) -> bool:
    """Whether it would be JSON but for NaN or Infinity, which JSON has not."""
    seen: list[str] = []
    try:
        json.loads(value, parse_constant=seen.append)
    except (ValueError, RecursionError):
        return False
    return bool(seen)
