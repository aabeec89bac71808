"""The worker's process: start, signals, watch over progress, a clean stop.

Around the walk there is one loop: the transport fetches a batch, a keeper walks it (`keeper.py`), and
commits when due (`commit.py`). This file starts that and ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Sequence
from typing import cast

from connectors import open_log, split_url
from connectors.embedded import Embedded
from connectors.log import Log, Unavailable
from engine.spec import Spec
from streams import topics
from streams.app import App, Work, make_app
from streams.children import Child, Children
from streams.keeping.hang import Hang
from streams.keeping.keys import snapshot_key
from streams.keeping.retention import keep_short
from streams.telemetry import http
from streams.telemetry.health import Health
from streams.telemetry.logs import set_up_logging
from streams.telemetry.tracing import exporting

log = logging.getLogger("driftline")

STOP_S = 8.0  # for a clean stop; SIGTERM promises 10 s
RETRY_S = 2.0
WATCH_S = 1.0


def run_worker(
    spec: Spec, fresh: bool = False, log_level: str = "info", json: bool = False, beside: Sequence[Child] = ()
) -> int:
    """Run a worker, and commands beside it, until a signal or until it can't go on; return the exit code."""
    set_up_logging(log_level, json, spec.pipeline)
    gc.set_threshold(50_000, 20, 50)  # remembered events are many and free of cycles
    with exporting(spec, "worker"):
        return asyncio.run(_run(spec, fresh, Children(beside)))


async def _run(spec: Spec, fresh: bool, beside: Children) -> int:
    http.check(spec.http)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    key = snapshot_key(spec)
    opened = await _until_reachable(spec, ended)
    if opened is None:
        return 0
    embedded = cast(Embedded, opened) if split_url(spec.transport)[0] != "kafka" else None
    if embedded is None:
        opened.close()  # keepers have connections of their own
    try:
        return await _work(Work(spec, embedded, key, fresh), ended, beside)
    finally:
        if embedded is not None:
            embedded.close()


async def _until_reachable(spec: Spec, ended: asyncio.Event) -> Log | None:
    """Open the log and see to its topics; wait while it can't be reached. None when told to stop."""
    while not ended.is_set():
        try:
            opened = open_log(spec.transport, spec.kafka)
            for name in topics.ensure(opened, spec):
                log.info("created topic %s", name)
            return opened
        except Unavailable as exc:
            log.warning("%s; trying again in %.0f s", exc, RETRY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), RETRY_S)
    return None


async def _work(work: Work, ended: asyncio.Event, beside: Children) -> int:
    app, health = make_app(work), Health(work)
    site = await http.serve(work, health)
    app.finalize()
    app.in_worker = True
    await app.start()
    log.info("worker of %s on %s", work.spec.pipeline, work.spec.transport.partition("?")[0])
    beside.start()
    waits = [asyncio.create_task(w) for w in (ended.wait(), work.ended.wait())]
    hang = Hang(work.spec.watchdog.stall / 1000, work.at_hand)
    hang.start()
    chores = [asyncio.create_task(_watch(app, health, hang)), asyncio.create_task(work.own.run())]
    if work.log is not None:
        chores.append(asyncio.create_task(keep_short(work, work.log)))
    if work.entities is not None:
        chores.append(asyncio.create_task(work.entities.run()))
    await asyncio.wait([*waits, *chores[:1]], return_when=asyncio.FIRST_COMPLETED)
    for task in (*waits, *chores):
        task.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(app.stop(), beside.stop()), STOP_S)
    work.warming.stop()
    hang.stop()
    if site is not None:
        await site.cleanup()
    log.info("worker of %s stopped", work.spec.pipeline)
    return 0 if work.error is None else 1


async def _watch(app: App, health: Health, hang: Hang) -> None:
    """End the worker when it makes no progress though there is work, or when Faust has crashed."""
    while True:
        await asyncio.sleep(WATCH_S)
        hang.beat()
        if any(keeper.meter.commits for keeper in app.work.keepers.values()):
            app.work.warming.start()  # not before, so that the first commit comes no later
        if app.crashed:
            app.work.stop(f"Faust crashed: {app.crash_reason!r}", app.crash_reason)
        if stalled := health.stalled():
            limit = app.work.spec.watchdog.stall / 1000
            shards = ", ".join(map(str, stalled))
            why = f"no progress on shard {shards} for {limit:.0f} s though records wait (watchdog.stall)"
            app.work.stop(why, TimeoutError(why))
