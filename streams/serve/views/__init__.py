"""What the API shows of topics and snapshots: a router for each noun.

A router here says what scope its routes need: `APIRouter(prefix="/v1", dependencies=[need("read")])`.
"""

from __future__ import annotations

from fastapi import APIRouter

ROUTERS: list[APIRouter] = []
