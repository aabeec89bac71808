"""What a request brings: one event or label, a list of them, or JSON lines; each with its own bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from starlette.types import Scope

from streams.rows import Row
from streams.serve.problems import Problem

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")

_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_any = msgspec.json.Decoder().decode


def header(scope: Scope, name: bytes) -> str:
    """A header of the request; empty where there is none."""
    found = next((value for key, value in scope["headers"] if key == name), b"")
    return str(found.decode("latin-1"))


def rows(scope: Scope, many: str, most: int) -> list[Row]:
    """The rows of a request.

    Parameters
    ----------
    scope
        The request, whose body was taken in.
    many
        Under which key an object may hold a list of them.
    most
        How many there may be.
    """
    body: bytes = scope["driftline.body"]
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    values = [line for line in body.split(b"\n") if line.strip()] if kind in LINES else _values(body, many)
    if not values:
        raise Problem(422, f"there is nothing in it: send one object, a list, or {{{many!r}: [...]}}")
    if len(values) > most:
        raise Problem(413, f"{len(values):,} at once; serve.batch_max is {most:,}", limit=most)
    return [row(value) for value in values]


def _values(body: bytes, many: str) -> Sequence[bytes]:
    try:
        if body.lstrip()[:1] == b"[":
            return [bytes(each) for each in _raws(body)]
        found = _raw(body)
        if found.keys() == {many}:
            return [bytes(each) for each in _raws(found[many])]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from None
    return [body.strip()]


def row(value: bytes) -> Row:
    """An event or label with what it says, or None where it is no JSON."""
    try:
        return Row(value, _any(value))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Row(value, None)  # what is wrong with it is told with its number


def malformed(error: Exception) -> Problem:
    """What a body that is no JSON, or other JSON, is answered with."""
    why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    return Problem(400, f"the request is not the JSON that is wanted here: {why}", reason="malformed")


def refused(wrong: Iterable[dict[str, Any]], of: int) -> Problem:
    """Some rows do not fit, so none is taken."""
    errors = list(wrong)
    first = errors[0]
    many = f"{len(errors):,} of {of:,} do not fit, so none was taken; the first, number {first['row']}" * (
        of > 1
    )
    detail = f"{many or 'it does not fit'}: {first['message']}"
    return Problem(422, detail, reason=first["reason"], field=first["field"], errors=errors[:100])
