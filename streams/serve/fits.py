"""Whether events and labels fit the spec, before they are records, in the words of dead letters."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.log import Batch, Headers
from engine.decode import Decoder
from engine.reasons import Rejection
from streams.serve import bodies
from streams.serve.publisher import What

AT = re.compile(r"`\$\.?([^`]*)`|required field `([^`]+)`")


def check(decoder: Decoder, what: What, values: Sequence[bytes], headers: Headers = ()) -> None:
    """Raise a Problem that says which of the rows the engine would refuse, and why."""
    batch = batched(what, values, headers)
    _, rejected = decoder.events(batch) if what == "events" else decoder.labels(batch)
    if rejected:
        raise bodies.refused(told(rejected), len(values))


def batched(topic: str, values: Sequence[bytes], headers: Headers = ()) -> Batch:
    """Records that are nowhere yet, as the engine wants them: with the time that it is."""
    count, now = len(values), int(time.time() * 1000)
    with_each = [headers] * count if headers else None
    return Batch(topic, 0, 0, count, range(count), [now] * count, [None] * count, values, with_each)


def told(rejected: Sequence[Rejection]) -> Iterator[dict[str, Any]]:
    """Why rows do not fit; `field` is where, if that can be told.

    >>> from engine.reasons import Reason
    >>> [each] = told([Rejection(0, Reason.WRONG_TYPE, "", "Expected `float`, got `str` - at `$.amount`")])
    >>> each["reason"], each["field"]
    ('wrong_type', 'amount')
    """
    for each in rejected:
        found = [a or b for a, b in AT.findall(each.message)]
        field = ".".join(part for part in reversed(found) if part) or None
        yield {"row": each.index, "reason": each.reason.value, "field": field, "message": each.message}
