"""What the server tells of itself: whether it is alive and ready, what it counted, what it can be asked."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from connectors.log import LogError
from streams.serve import described
from streams.serve.door import Anybody, need
from streams.serve.problems import Problem
from streams.serve.site import Here, Site

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["server"])


async def reasons(here: Site) -> list[str]:
    """What keeps the server from being of use; nothing if it is."""
    found = [] if here.doorkeeper.wrong is None else [here.doorkeeper.wrong]
    try:
        await here.reader.ask(lambda log: log.bounds(here.spec.topic("journal")))
    except (LogError, Problem) as error:
        found.append(str(error))
    return found


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(here: Here) -> dict[str, str]:
    """Whether the log can be read, and has the pipeline's topics; if not, `reasons` says why."""
    if wrong := await reasons(here):
        raise Problem(503, "; ".join(wrong), reasons=wrong)
    return {"status": "ready"}


@router.get("/metrics", dependencies=[need("read")], response_class=Response)
async def metrics(request: Request) -> Response:
    """What this process counted, as Prometheus reads it."""
    return Response(request.app.state.counts.exposition(), headers={"Content-Type": EXPOSITION})


@router.get("/openapi.json", dependencies=[need("read")], include_in_schema=False)
async def description(request: Request) -> dict[str, Any]:
    """What this API is, for programs that write clients."""
    return described.openapi(request.app)


@router.get("/v1/whoami")
async def whoami(caller: Anybody) -> dict[str, Any]:
    """Whose token this is, and what it may do."""
    return {"token": caller.name, "scopes": list(caller.scopes)}
