"""`POST /v1/events` and `/v1/labels`: looked at first, each to its partition, durable before the answer.

Whoever sends a row twice, because an answer was lost, may: the engine knows an event's id.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from connectors.log import Batch, Headers
from engine.decode import Decoder
from engine.reasons import Rejection
from engine.spec import Spec
from streams.routing import Homeless
from streams.rows import Row
from streams.serve import bodies
from streams.serve.door import Labeller
from streams.serve.problems import Problem
from streams.serve.publisher import What
from streams.serve.site import Here

PASSED = (b"traceparent", b"tracestate")
AT = re.compile(r"`\$\.?([^`]*)`|required field `([^`]+)`")

router = APIRouter(prefix="/v1", tags=["events and labels"])


def fitting(decoder: Decoder, spec: Spec, what: What, rows: Sequence[Row], headers: Headers = ()) -> Batch:
    """The rows as a batch, or a Problem that says which of them the engine would refuse, and why."""
    now = int(time.time() * 1000)
    given = [headers] * len(rows) if headers else None
    batch = batched(spec.topic(what), [row.value for row in rows], now, given)
    _, rejected = decoder.events(batch) if what == "events" else decoder.labels(batch)
    if rejected:
        raise bodies.refused(told(rejected), len(rows))
    return batch


def batched(topic: str, values: Sequence[bytes], now: int, headers: Sequence[Headers] | None = None) -> Batch:
    """Records that are nowhere yet, as the engine wants them."""
    count = len(values)
    return Batch(topic, 0, 0, count, range(count), [now] * count, [None] * count, values, headers)


def told(rejected: Sequence[Rejection]) -> Iterator[dict[str, Any]]:
    """Why rows do not fit, in the words of dead letters; `field` is where, if that can be told."""
    for each in rejected:
        found = [a or b for a, b in AT.findall(each.message)]
        field = ".".join(part for part in reversed(found) if part) or None
        yield {"row": each.index, "reason": each.reason.value, "field": field, "message": each.message}


class Spot(BaseModel):
    """Where a record lies."""

    partition: int
    offset: int


class Sent(BaseModel):
    """What was appended, and is durable."""

    topic: str
    sent: int
    places: list[Spot] = Field(description="In the order of the request.")


LINE = {"schema": {"type": "string"}, "example": '{"event_id": "1"}\n{"event_id": "2"}\n'}


def body(name: str, example: dict[str, Any]) -> dict[str, Any]:
    """The description of a body that is one row, many, or lines."""
    one = {"type": "object", "description": f"One of the {name}, as the spec describes it."}
    many = {"type": "array", "items": one}
    kinds = [one, many, {"type": "object", "required": [name], "properties": {name: many}}]
    content = {"application/json": {"schema": {"anyOf": kinds}, "example": example}, bodies.LINES[0]: LINE}
    return {"requestBody": {"required": True, "content": content}}


async def _publish(request: Request, here: Here, what: What) -> Sent:
    rows = bodies.rows(request.scope, what, here.spec.serve.batch_max)
    headers = traces(request)
    fitting(here.decoder, here.spec, what, rows, headers)
    try:
        spots = await here.publisher.send(what, rows, headers)
    except Homeless as error:
        raise Problem(422, str(error), reason="missing_field") from None
    places = [Spot(partition=partition, offset=offset) for partition, offset in spots]
    return Sent(topic=here.spec.topic(what), sent=len(rows), places=places)


def traces(request: Request) -> Headers:
    """What is passed on from a request to its records."""
    return [(name.decode(), value) for name, value in request.headers.raw if name in PASSED]


@router.post("/events", status_code=202, openapi_extra=body("events", {"payment_id": "1", "amount": 12.5}))
async def events(request: Request, here: Here, caller: Labeller) -> Sent:
    """Send events. They are in their topic when the answer comes; predictions follow on theirs.

    If one of them does not fit the spec none is sent, and the answer says which and why. An event that
    comes twice, with the same id, is predicted once.
    """
    return await _publish(request, here, "events")


@router.post("/labels", status_code=202, openapi_extra=body("labels", {"event_id": "1", "label": True}))
async def labels(request: Request, here: Here, caller: Labeller) -> Sent:
    """Send labels, each with the entity of its event where the topic has several partitions."""
    return await _publish(request, here, "labels")
