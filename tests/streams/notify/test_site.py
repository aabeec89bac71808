"""What the delivering process tells of itself over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from typing import Any

import pytest

from engine.spec import Spec
from streams.notify.counts import Counts
from streams.notify.site import serving
from tests.parts.processes import free_port
from tests.streams.notify.alerts import spec


def asked(port: int) -> Spec:
    found = spec("memory://site", "http://127.0.0.1:9", port=port)
    return found.model_copy(update={"http": found.http.model_copy(update={"token": "planted"})})


def get(port: int, path: str, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health_and_metrics() -> None:
    """It says whether it delivers, stands by, or can't; metrics need the worker's token."""
    port = free_port()
    found = dict[str, Any]()

    async def look() -> None:
        counts = Counts("p", {"oncall": None})
        async with serving(asked(port), counts):
            found["standby"] = await asyncio.to_thread(get, port, "/readyz")
            counts.problem = "no Kafka broker answers"
            found["away"] = await asyncio.to_thread(get, port, "/readyz")
            found["refused"] = await asyncio.to_thread(get, port, "/metrics", "wrong")
            found["metrics"] = await asyncio.to_thread(get, port, "/metrics", "planted")

    asyncio.run(look())
    assert found["standby"] == (200, '{"status": "standby"}')
    assert (found["away"][0], json.loads(found["away"][1])["reasons"]) == (503, ["no Kafka broker answers"])
    assert found["refused"][0] == 401
    assert "driftline_notifications_total" in found["metrics"][1]


def test_a_port_that_is_taken_keeps_nobody_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and delivery goes on."""
    port = free_port()

    async def twice() -> None:
        async with serving(asked(port), Counts("p", {})), serving(asked(port), Counts("p", {})):
            pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(twice())
    assert f"notify.port: can't listen on 127.0.0.1:{port}" in caplog.text
