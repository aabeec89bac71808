"""The live page: static files, and the router that serves them at `/` and `/page/`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
