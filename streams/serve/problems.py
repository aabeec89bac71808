"""Errors as RFC 9457 has them: JSON that says what was wrong and what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from connectors.log import LogError, Misfit
from engine.errors import DriftlineError

TYPE = "application/problem+json"
log = logging.getLogger("driftline")


class Problem(Exception):
    """An answer that is an error; raise it anywhere below a route.

    Parameters
    ----------
    status
        The HTTP status.
    detail
        What was wrong, and what to do about it.
    headers
        Headers of the answer.
    more
        Members of the problem for programs, `reason` say.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers or {}, more

    def body(self) -> bytes:
        """What is sent.

        >>> Problem(404, "there is no alert abc").body()
        b'{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no alert abc"}'
        """
        told = {"type": "about:blank", "title": self.title, "status": self.status}
        return msgspec.json.encode({**told, "detail": self.detail, **self.more})

    @property
    def title(self) -> str:
        return title(self.status)

    def response(self) -> Response:
        return Response(self.body(), self.status, self.headers, TYPE)


SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and what to do."},
    },
}
"""A problem as the API's description has it."""


def title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def of(error: Exception) -> Problem:
    """The problem that an error is; what nobody expected tells nothing of the inside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail), error.headers)
    if isinstance(error, Misfit):
        detail = f"the log can't be used: {error}; `driftline doctor` says what to do"
        return Problem(503, detail, {"Retry-After": "1"})
    if isinstance(error, LogError):
        return Problem(503, f"the log can't be used now: {error}", {"Retry-After": "1"})
    if isinstance(error, RecursionError):
        return Problem(400, "the request is nested too deep", reason="too_deep")
    if isinstance(error, DriftlineError):
        return Problem(400, str(error))
    log.error("an error while answering a request", exc_info=error)
    return Problem(500, "something went wrong here; the server's log says what")


def install(app: FastAPI) -> None:
    """Let every error of an app be a problem."""

    async def plain(_: Request, error: Exception) -> Response:
        return of(error).response()

    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (404, 405) and error.detail == title(error.status_code):
            detail = f"there is no {request.method} {request.url.path} here; /openapi.json says what there is"
            return Problem(error.status_code, detail, error.headers).response()
        return of(error).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{each['field']}: {each['message']}" for each in wrong[:3])
        return Problem(422, detail, errors=wrong[:100]).response()

    app.add_exception_handler(HTTPException, unrouted)
    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (Problem, LogError, DriftlineError, Exception):
        app.add_exception_handler(kind, plain)
