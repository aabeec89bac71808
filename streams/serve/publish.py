"""`POST /v1/events` and `/v1/labels`: looked at first, each to its partition, durable before the answer.

Whoever sends a row twice, because an answer was lost, may: the engine knows an event's id.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from connectors.log import Headers
from streams.routing import Homeless
from streams.serve import bodies
from streams.serve.door import Labeller
from streams.serve.fits import check
from streams.serve.problems import Problem
from streams.serve.publisher import What
from streams.serve.site import Here

PASSED = (b"traceparent", b"tracestate")

router = APIRouter(prefix="/v1", tags=["events and labels"])


class Spot(BaseModel):
    """Where a record lies."""

    partition: int
    offset: int


class Published(BaseModel):
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


async def _publish(request: Request, here: Here, what: What) -> Published:
    rows = bodies.rows(request.scope, what, here.spec.serve.batch_max)
    headers = traces(request)
    check(here.decoder, what, [row.value for row in rows], headers)
    try:
        spots = await here.publisher.send(what, rows, headers)
    except Homeless as error:
        raise Problem(422, str(error), reason="missing_field") from None
    places = [Spot(partition=partition, offset=offset) for partition, offset in spots]
    return Published(topic=here.spec.topic(what), sent=len(rows), places=places)


def traces(request: Request) -> Headers:
    """What is passed on from a request to its records."""
    return [(name.decode(), value) for name, value in request.headers.raw if name in PASSED]


@router.post("/events", status_code=202, openapi_extra=body("events", {"payment_id": "1", "amount": 12.5}))
async def events(request: Request, here: Here, caller: Labeller) -> Published:
    """Send events. They are in their topic when the answer comes; predictions follow on theirs.

    If one of them does not fit the spec none is sent, and the answer says which and why. An event that
    comes twice, with the same id, is predicted once.
    """
    return await _publish(request, here, "events")


@router.post("/labels", status_code=202, openapi_extra=body("labels", {"event_id": "1", "label": True}))
async def labels(request: Request, here: Here, caller: Labeller) -> Published:
    """Send labels, each with the entity of its event where the topic has several partitions."""
    return await _publish(request, here, "labels")
