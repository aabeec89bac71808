"""The Open Inference Protocol, version 2, for tools that speak it: one model, which is the pipeline's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from streams.serve import asked, bodies, tensors
from streams.serve.asked import Said
from streams.serve.door import Reader, need
from streams.serve.health import reasons
from streams.serve.problems import Problem
from streams.serve.site import Here, Site

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

_decode = msgspec.json.Decoder(tensors.Inference).decode


@router.get("", dependencies=[need("read")])
async def server() -> dict[str, Any]:
    """What server this is."""
    return {"name": "driftline", "version": version("driftline"), "extensions": []}


@router.get("/health/live")
async def live() -> dict[str, bool]:
    """Whether the process answers."""
    return {"live": True}


@router.get("/health/ready")
async def ready(here: Here) -> dict[str, bool]:
    """Whether the model can be asked."""
    if wrong := await reasons(here):
        raise Problem(503, "; ".join(wrong), ready=False, reasons=wrong)
    return {"ready": True}


@router.get("/models/{name}", dependencies=[need("read")])
@router.get("/models/{name}/versions/{number}", dependencies=[need("read")])
async def model(name: str, here: Here, number: str | None = None) -> dict[str, Any]:
    """The model's inputs and outputs. Inputs are an event's fields; outputs are parts of its prediction."""
    found = _named(here, name, number)
    outputs = [{"name": "prediction", "datatype": "BYTES", "shape": [-1]}]
    outputs += [{"name": "score", "datatype": "FP64", "shape": [-1]}]
    outputs += [{"name": "probabilities", "datatype": "FP64", "shape": [-1, -1]}]
    inputs = tensors.inputs(here.spec)
    known = {"name": name, "versions": [found], "platform": "driftline"}
    return {**known, "inputs": inputs, "outputs": outputs}


@router.get("/models/{name}/ready", dependencies=[need("read")])
@router.get("/models/{name}/versions/{number}/ready", dependencies=[need("read")])
async def model_ready(name: str, here: Here, number: str | None = None) -> dict[str, Any]:
    """Whether the model can be asked."""
    _named(here, name, number)
    return {"name": name, **await ready(here)}


EXAMPLE = {
    "id": "1",
    "inputs": [
        {"name": "amount", "datatype": "FP64", "shape": [2], "data": [12.5, 800.0]},
        {"name": "country", "datatype": "BYTES", "shape": [2], "data": ["NL", "BR"]},
    ],
}
TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"enum": list(tensors.KNOWN)},
        "data": {"type": "array", "items": {}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["inputs"],
    "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": TENSOR}},
}
BODY = {"required": True, "content": {"application/json": {"schema": SCHEMA, "example": EXAMPLE}}}
ANSWER = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": TENSOR},
        "parameters": {"type": "object"},
    },
}
INFER: dict[str, Any] = {
    "openapi_extra": {"requestBody": BODY},
    "responses": {200: {"description": "Tensors.", "content": {"application/json": {"schema": ANSWER}}}},
    "response_class": Response,
}


@router.post("/models/{name}/infer", **INFER)
@router.post("/models/{name}/versions/{number}/infer", **INFER)
async def infer(
    name: str, request: Request, here: Here, caller: Reader, number: str | None = None
) -> Response:
    """Predict a batch: a tensor for each field, or one with a column for each feature; nothing is recorded.

    What names an event, and its time, may be left out. Null is a missing value.
    """
    found = _named(here, name, number)
    try:
        asks = _decode(request.scope["driftline.body"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise bodies.malformed(error) from None
    said = await asked.of_events(here, tensors.rows(here.spec, asks.inputs, here.spec.serve.batch_max))
    answer: dict[str, Any] = {"model_name": name, "model_version": found}
    if asks.id is not None:
        answer["id"] = asks.id
    answer["outputs"] = tensors.outputs(said, asks.outputs)
    answer["parameters"] = _age(said)
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _age(said: Sequence[Said]) -> dict[str, float]:
    """How old the oldest model is that was asked; without its age if it is as it begins."""
    ages = [each.as_of["age_seconds"] for each in said]
    behind = {"behind_events": max(each.as_of["behind_events"] or 0 for each in said)}
    return behind if None in ages else {"age_seconds": max(age or 0.0 for age in ages), **behind}


def _named(here: Site, name: str, number: str | None) -> str:
    """The version of the model that is meant; a Problem if there is no such model."""
    known = here.version
    if name not in (here.spec.pipeline, here.spec.model.use):
        detail = f"there is no model {name[:200]!r}; this server has {here.spec.pipeline!r}"
        raise Problem(404, detail, error=detail)
    if number not in (None, known):
        detail = f"there is no version {number!r} of {name!r}; it is at {known!r}"
        raise Problem(404, detail, error=detail)
    return known
