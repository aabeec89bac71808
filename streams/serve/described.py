"""What the API says of itself at `/openapi.json`, for people and for programs that write clients."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streams.serve import problems
from streams.serve.asked import Said

TEXT = """Score events, send events and labels, and see what a pipeline makes of them.

Everything but the health routes needs a bearer token, once tokens are configured: `read` looks, `label` also
sends events and labels, `admin` also gives orders. Errors are problems as of RFC 9457."""

PROBLEMS = {
    401: "No token, or one that is not known.",
    403: "The token lacks the scope.",
    422: "Something in the request does not fit.",
    429: "More requests than the token may make; `Retry-After` says how long to wait.",
    503: "The log or a snapshot can't be used now.",
}
OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
REF = "#/components/schemas/{name}"
BEARER = {"type": "http", "scheme": "bearer", "description": "Of `driftline tokens add`."}


def answers() -> dict[int | str, dict[str, Any]]:
    """The errors that any route may answer with."""
    content = {problems.TYPE: {"schema": {"$ref": REF.format(name="Problem")}}}
    return {status: {"description": text, "content": content} for status, text in PROBLEMS.items()}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The whole description; made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        [said], parts = msgspec.json.schema_components([Said], ref_template=REF)
        components = found.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **parts, "Problem": problems.SCHEMA}
        components["securitySchemes"] = {"bearer": BEARER}
        for path, operations in found["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if path in OPEN else [{"bearer": []}, {}]
        many = {"type": "object", "properties": {"predictions": {"type": "array", "items": said}}}
        predicted = found["paths"]["/v1/predict"]["post"]["responses"]["200"]
        predicted["content"] = {"application/json": {"schema": {"anyOf": [said, many]}}}
        app.openapi_schema = found
    return app.openapi_schema
