"""What the API shows of topics and snapshots: a router for each noun.

A router here says what scope its routes need: `APIRouter(prefix="/v1", dependencies=[need("read")])`.
"""

from __future__ import annotations

from fastapi import APIRouter

from streams.serve.views import alerts, audit, drift, letters, orders, quality, series, status, stream

ROUTERS: list[APIRouter] = [
    each.router for each in (status, series, quality, drift, alerts, orders, letters, audit, stream)
]
