"""How answers are made: once into JSON, and from what a noun keeps in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from connectors.log import Log
from engine.errors import StateError
from engine.spec import Spec
from streams.serve.problems import Problem
from streams.serve.site import Site
from streams.serve.snapshots import Snapshots

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


def answer(found: Any, status: int = 200) -> Response:
    """Whatever was found, as JSON; what is no finite number is null."""
    return Response(_encode(found), status, media_type="application/json")


def kept(here: Site, kind: Callable[[Spec], T]) -> T:
    """What a noun keeps here of what it read, and would read again after a restart."""
    books: dict[Any, Any] = here.own._state.setdefault("books", {})
    if kind not in books:
        books[kind] = kind(here.spec)
    found: T = books[kind]
    return found


def snapshots(here: Site) -> Snapshots:
    """The newest snapshots, loaded once for all who look."""
    return here.snapshots


async def from_snapshots(here: Site, work: Callable[[Log], T]) -> T:
    """What is made of snapshots; 503 where they can't be loaded."""
    try:
        return await here.loader.ask(work)
    except StateError as error:
        raise Problem(503, f"no snapshot can be loaded: {error}", {"Retry-After": "5"}) from error


def as_json(request: Request) -> None:
    """415 for a body that does not say it is JSON: a form of another site's page can't say so."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-length", "0") != "0" and kind != "application/json":
        raise Problem(415, "send JSON, with the header `Content-Type: application/json`")


def now_ms() -> int:
    return int(time.time() * 1000)
