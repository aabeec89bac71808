"""`POST /v1/predict`: what the model says of an event, of many, or of an entity that is known already."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, cast

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Scope

from connectors.log import Headers
from streams.serve import asked, bodies
from streams.serve.asked import Said
from streams.serve.door import Reader, admit
from streams.serve.known import Known
from streams.serve.problems import Problem
from streams.serve.publish import PASSED
from streams.serve.site import Here, Site, site
from streams.serve.together import Together

router = APIRouter(prefix="/v1", tags=["predictions"])

FORMS = 'send {"event": {...}}, {"events": [{...}, ...]} or {"entity": "..."}'


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for: one of the first three."""

    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    entity: str | msgspec.UnsetType = msgspec.UNSET
    record: bool = False


class Many(msgspec.Struct):
    predictions: list[Said]


_decode = msgspec.json.Decoder(Ask).decode
_encode = msgspec.json.Encoder().encode


async def answer(here: Site, scope: Scope) -> bytes:
    """The answer to a request, whose body was taken in; a Problem if there is none."""
    caller = admit(here, scope, "read")
    try:
        ask = _decode(scope["driftline.body"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = bodies.malformed(error)
        raise Problem(problem.status, f"{problem.detail}; {FORMS}", reason="malformed") from None
    if ask.record and "label" not in caller.scopes:
        raise Problem(403, "record: true sends the event, which needs the scope 'label'", scope="label")
    if not isinstance(ask.event, msgspec.UnsetType):
        if not ask.record:
            return _encode(await together(here).one(bytes(ask.event)))
        return _encode((await _events(here, scope, [bytes(ask.event)], True))[0])
    if not isinstance(ask.events, msgspec.UnsetType):
        values = [bytes(each) for each in ask.events]
        if len(values) > (most := here.spec.serve.batch_max):
            raise Problem(413, f"{len(values):,} at once; serve.batch_max is {most:,}", limit=most)
        return _encode(Many(await _events(here, scope, values, ask.record) if values else []))
    if not isinstance(ask.entity, msgspec.UnsetType):
        if ask.record:
            raise Problem(422, "an entity is no event, so there is nothing to record", reason="malformed")
        return _encode(await entity(here, ask.entity))
    raise Problem(422, FORMS, reason="missing_field")


def together(here: Site) -> Together[Said]:
    """What asks for the single events of one serving process."""
    found: dict[str, Any] = here.own._state
    if "together" not in found:
        found["together"] = Together(partial(asked.of_events, here), _is_of_one)
    return cast("Together[Said]", found["together"])


def _is_of_one(error: Exception) -> bool:
    return isinstance(error, Problem) and error.status == 422


async def _events(here: Site, scope: Scope, values: list[bytes], record: bool) -> list[Said]:
    if not record:
        return await asked.of_events(here, values)
    rows = [bodies.row(value) for value in values]
    headers: Headers = [(name.decode(), value) for name, value in scope["headers"] if name in PASSED]
    said = await asked.of_events(here, values)  # what does not fit, or no model, is told before
    spots = await here.publisher.send("events", rows, headers)
    return asked.placed(here, said, spots)


async def entity(here: Site, name: str) -> Said:
    """What the model says of the newest features of an entity."""
    known = await seen(here, name)
    shard = known.standing.peek.shard
    if shard.spec.forecast is not None:
        raise Problem(422, "a forecast needs the next value: send an event", reason="missing_field")
    return asked.of_row(known.standing, name, known.event_time, known.row(shard.fold.names))


async def seen(here: Site, name: str) -> Known:
    """What is known of an entity, or a Problem."""
    if (known := await here.knower.of(name)) is None:
        detail = (
            f"nothing is known of the entity {name[:200]!r}: no event of it is in the cache, or among the "
            f"limits.remember_max = {here.spec.limits.remember_max:,} events that a shard remembers"
        )
        raise Problem(404, detail)
    return known


EVENT = {"payment_id": "1", "card_id": "card-001", "amount": 12.5, "country": "NL"}
EXAMPLES = {
    "one": {"summary": "An event", "value": {"event": EVENT}},
    "many": {"summary": "Several", "value": {"events": [EVENT, EVENT]}},
    "entity": {"summary": "An entity that is known", "value": {"entity": "card-001"}},
    "record": {"summary": "An event that the stream takes, too", "value": {"event": EVENT, "record": True}},
}


class AsOf(BaseModel):
    """How old the model is that is asked."""

    partition: int
    offset: int = Field(description="Of events: the first that it does not know.")
    made_ms: int | None = Field(description="When it was saved; null: it is as it begins, as of no record.")
    age_seconds: float | None
    behind_events: int


class Entity(BaseModel):
    """The newest event of an entity, as the model saw it."""

    entity: str
    event_time: int
    features: dict[str, Any] = Field(description="Without those that are missing.")
    prediction: dict[str, Any] = Field(description="As it was committed; from a snapshot some of it.")
    source: Literal["cache", "snapshot"]
    as_of: AsOf


OBJECT = {"type": "object", "description": "An event, as the spec describes it."}
ASKED = {
    "type": "object",
    "properties": {
        "event": OBJECT,
        "events": {"type": "array", "items": OBJECT},
        "entity": {"type": "string"},
        "record": {"type": "boolean", "default": False},
    },
}
DESCRIBED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ASKED, "examples": EXAMPLES}},
    }
}


@router.post("/predict", openapi_extra=DESCRIBED, response_class=Response)
async def predict(request: Request) -> Response:
    """Predict one event, many, or an entity, and change nothing.

    The model is that of the newest snapshot; `as_of` says how old it is. Before there is one it is the model
    as it begins, and `made_ms` is null. With `record: true` the event is
    sent, too, as by `POST /v1/events`: its place comes with the answer, and the stream's own prediction on
    the topic of predictions.
    """
    return Response(await answer(site(request), request.scope), media_type="application/json")


@router.get("/entities/{key:path}")
async def entities(key: str, here: Here, caller: Reader) -> Entity:
    """The newest features of an entity, and what was predicted of it."""
    known = await seen(here, key)
    return Entity(
        entity=key,
        event_time=known.event_time,
        features=known.features,
        prediction=dict(known.prediction),
        source="cache" if known.source == "cache" else "snapshot",
        as_of=AsOf.model_validate(known.standing.as_of()),
    )
