"""What a worker answers over HTTP, to whom, and how it comes to know that it is not well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import SpecError
from engine.specparts import Http
from streams import worker
from streams.app import Work
from streams.children import Children
from streams.telemetry import http
from streams.telemetry.health import Health
from tests.streams.keepers import KEY, Stage, running, served, until

TOKEN = {"Authorization": "Bearer sesame"}


class Answer(NamedTuple):
    status: int
    kind: str
    body: Any


async def ask(address: str, method: str = "GET", **headers: str) -> Answer:
    async with ClientSession() as session, session.request(method, address, headers=headers) as answer:
        kind = answer.content_type
        return Answer(
            answer.status, kind, await (answer.json(content_type=None) if "json" in kind else answer.text())
        )


def asked(story: Callable[[Stage, Work, str], Awaitable[None]], **spec: Any) -> None:
    """Run a story with a worker that runs and answers at an address."""

    async def run() -> None:
        stage = Stage(http={"port": 0} | spec.pop("http", {}), **spec)
        async with running(stage) as work, served(work) as address:
            await story(stage, work, address)

    asyncio.run(run())


# -- the routes ----------------------------------------------------------------------------------------


def test_a_worker_that_runs() -> None:
    """It is alive, and ready."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        assert await ask(f"{address}/healthz") == (200, "application/json", {"status": "ok"})
        assert await ask(f"{address}/readyz") == (200, "application/json", {"status": "ready"})

    asked(story)


def test_a_standby() -> None:
    """A worker that waits to take over is ready, and says what it is."""

    async def run() -> None:
        stage = Stage(http={"port": 0})
        async with running(stage), running(stage) as other, served(other) as address:
            assert other.standby
            assert await ask(f"{address}/readyz") == (200, "application/json", {"status": "standby"})

    asyncio.run(run())


def test_not_ready() -> None:
    """Before anything is assigned: 503, with the reasons as a list and as a sentence; yet it is alive."""

    async def run() -> None:
        stage = Stage(http={"port": 0})
        async with served(Work(stage.spec, stage.log, KEY)) as address:
            status, kind, body = await ask(f"{address}/readyz")
            assert (status, kind) == (503, "application/problem+json")
            assert body == {
                "type": "about:blank",
                "title": "Not ready",
                "status": 503,
                "detail": "no partition is assigned yet",
                "reasons": ["no partition is assigned yet"],
            }
            assert (await ask(f"{address}/healthz")).status == 200

    asyncio.run(run())


def test_why_it_is_not_ready() -> None:
    """A shard that recovers, one that stands still, and a worker that ends are told by name."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        work.keepers[1].ready = False
        assert (await ask(f"{address}/readyz")).body["reasons"] == ["shard 1 is recovering"]
        work.keepers[0].meter.progress_at = work.keepers[1].meter.progress_at = -1e9
        work.keepers[0].ready = False
        found = (await ask(f"{address}/readyz")).body["reasons"]
        assert found[2:] == ["shard 0 makes no progress", "shard 1 makes no progress"]
        work.stop("the log is full", OSError("the log is full"))
        assert (await ask(f"{address}/readyz")).body["reasons"] == ["the worker is stopping: the log is full"]

    asked(story, partitions=2)


def test_metrics_parse() -> None:
    """Prometheus' own parser reads them."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        status, kind, text = await ask(f"{address}/metrics")
        assert (status, kind) == (200, "text/plain")
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families["driftline_ready"].samples[0].value == 1

    asked(story)


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "//metrics", "/healthz/x"])
def test_an_unknown_path(path: str) -> None:
    """A problem like any other error."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        status, kind, body = await ask(address + path)
        assert (status, kind) == (404, "application/problem+json")
        assert (body["title"], body["status"]) == ("Not Found", 404)
        assert body["detail"] == f"there is no GET {path} here"

    asked(story)


def test_another_method() -> None:
    """Nothing can be changed over HTTP."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        for method in ("POST", "PUT", "DELETE"):
            status, kind, body = await ask(f"{address}/healthz", method)
            assert (status, kind, body["title"]) == (405, "application/problem+json", "Method Not Allowed")

    asked(story)


# -- who may ask ---------------------------------------------------------------------------------------


def test_a_token() -> None:
    """With one set, metrics are for those who know it; the health routes stay open for orchestrators."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        assert (await ask(f"{address}/metrics", **TOKEN)).status == 200
        assert (await ask(f"{address}/healthz")).status == 200
        assert (await ask(f"{address}/readyz")).status == 200
        for given in ({}, {"Authorization": "sesame"}, {"Authorization": "Bearer sesam"}):
            status, kind, body = await ask(f"{address}/metrics", **given)
            assert (status, kind, body["title"]) == (401, "application/problem+json", "Unauthorized")
            assert "sesame" not in str(body)

    asked(story, http={"token": "sesame"})


@pytest.mark.parametrize("line", ["HEAD /metrics", "GET /%6detrics", "GET /metrics?x=1", "GET //metrics"])
def test_no_way_around_the_token(line: str) -> None:
    """However the path is written."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        said = await raw(address, f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert said.split()[1] in (b"401", b"404")
        assert b"driftline_" not in said

    asked(story, http={"token": "sesame"})


def test_a_token_that_is_no_text() -> None:
    """Bytes that are no UTF-8 are a wrong token, not an accident."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\r\n\r\n"
        assert (await raw(address, head)).split()[1] == b"401"

    asked(story, http={"token": "sesame"})


async def raw(address: str, request: bytes) -> bytes:
    """What comes back for bytes that no client would send."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback(host: str) -> None:
    """No token is needed where only this machine can ask."""
    http.check(Http(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "scoring.example", ""])
def test_off_loopback(host: str) -> None:
    """Where others can ask, a token must be set."""
    with pytest.raises(SpecError, match=r"can be reached from other machines, so http\.token must be set"):
        http.check(Http(host=host))
    with pytest.raises(SpecError):
        http.check(Http(host=host, token=""))
    http.check(Http(host=host, token="sesame"))
    http.check(Http(host=host, port=None))


def test_a_worker_off_loopback() -> None:
    """It does not even start."""
    with pytest.raises(SpecError, match=r"http\.token must be set"):
        worker.run_worker(Stage(http={"host": "0.0.0.0"}).spec)


def test_nowhere() -> None:
    """Without a port nobody is answered."""

    async def run() -> None:
        stage = Stage(http={"port": None})
        work = Work(stage.spec, stage.log, KEY)
        assert await http.serve(work, Health(work)) is None

    asyncio.run(run())


def test_a_port_that_is_taken() -> None:
    """The sentence says which."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        port = int(address.rpartition(":")[2])
        again = Work(Stage(stage.log, http={"port": port}).spec, stage.log, KEY)
        with pytest.raises(SpecError, match=rf"http\.port: can't listen on 127\.0\.0\.1:{port}: "):
            await http.serve(again, Health(again))

    asked(story)


# -- progress ------------------------------------------------------------------------------------------


def test_a_stall() -> None:
    """Records that wait while nothing is committed are a stall, after `watchdog.stall`."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        keeper, health = work.keepers[0], Health(work)
        async with keeper.commit_lock:
            stage.events(0, 10)
            await until(lambda: bool(keeper.open.runs))
            assert health.stalled() == []
            keeper.meter.progress_at -= 61
            assert health.stalled() == [0]
        await until(lambda: len(stage.ids()) == 10)
        assert health.stalled() == []

    asked(story)


def test_idling_is_no_stall() -> None:
    """Nor is the first record after an hour without any."""

    async def story(stage: Stage, work: Work, address: str) -> None:
        keeper, health = work.keepers[0], Health(work)
        keeper.meter.progress_at -= 3600
        assert health.stalled() == []
        async with keeper.commit_lock:
            stage.events(0, 10)
            await until(lambda: bool(keeper.open.runs))
            assert health.stalled() == []

    asked(story)


def test_the_watchdog_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts workers anew gets an exit code of 1, and the log says which shard stands still."""
    monkeypatch.setattr(worker, "WATCH_S", 0.01)

    async def run() -> Work:
        stage = Stage(http={"port": None})
        work = Work(stage.spec, stage.log, KEY)
        running = asyncio.create_task(worker._work(work, asyncio.Event(), Children()))
        await until(lambda: any(keeper.ready for keeper in work.keepers.values()))
        keeper = work.keepers[0]
        keeper.meter.progress_at -= 3600  # idle for longer than the limit
        await asyncio.sleep(0.1)
        assert work.error is None
        async with keeper.commit_lock:
            stage.events(0, 10)
            await until(lambda: bool(keeper.open.runs))
            await asyncio.sleep(0.1)
            assert work.error is None
            keeper.meter.progress_at -= 3600
            await until(lambda: work.error is not None)
        assert await running == 1
        return work

    work = asyncio.run(run())
    assert "no progress on shard 0" in str(work.error)
    assert "(watchdog.stall)" in str(work.error)
