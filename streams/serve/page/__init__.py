"""The live page: static files at `/` and `/page/`, which know the pipeline through the JSON API alone."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from streams.serve.page import files
from streams.serve.problems import Problem

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def first(request: Request) -> Response:
    """The page itself."""
    return answer(request, files.FIRST, files.ANEW)


@router.api_route("/page/{version}/{path:path}", methods=["GET", "HEAD"])
def part(request: Request, version: str, path: str) -> Response:
    """A file of it. Behind a balancer another version's page may ask: it gets ours, and keeps it not."""
    return answer(request, path, files.FOREVER if version == files.load().hash else "no-store")


def answer(request: Request, path: str, keep: str) -> Response:
    """A file, compressed as the browser takes it, or nothing if the browser has it."""
    packed = files.load().files.get(path)
    if packed is None or (path == files.FIRST and keep != files.ANEW):
        raise Problem(404, f"there is no {request.url.path} here")
    encoding, body = packed.best(request.headers.get("Accept-Encoding", ""))
    etag = packed.etag if encoding == "identity" else f'{packed.etag[:-1]}-{encoding}"'
    headers = {**files.HEADERS, "Cache-Control": keep, "ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return Response(body, media_type=packed.type, headers=headers)
