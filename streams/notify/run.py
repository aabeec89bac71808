"""The process that delivers: it waits for the seat, sits, and waits again when it has lost it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from typing import cast

from connectors import open_log, split_url
from connectors.embedded import Owned
from connectors.log import LogError, Misfit, Refused
from connectors.seat import EmbeddedSeat, Seat
from engine.errors import SpecError
from engine.spec import DELIVERIES, Spec
from streams import topics
from streams.notify.counts import Counts
from streams.notify.edges import edges
from streams.notify.shift import Shift
from streams.telemetry.logs import set_up_logging

log = logging.getLogger("driftline")

RETRY_S = 2.0
STANDBY_S = 0.5  # between two looks whether the seat is free
TIMEOUT_S = 10.0  # of a request to Kafka


def run_notify(spec: Spec, log_level: str = "info", json: bool = False) -> int:
    """Deliver alerts until a signal comes; return the exit code."""
    set_up_logging(log_level, json, spec.pipeline, "notify")
    if not spec.notify.receivers:
        raise SpecError("notify.receivers is empty, so there is nobody to tell; name a webhook, say")
    return asyncio.run(_run(spec))


async def _run(spec: Spec) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    counts = Counts(spec.pipeline, spec.notify.receivers)
    if spec.notify.port is None:
        await deliver(spec, counts, ended)
    else:
        from streams.notify.site import serving  # which needs much that delivery does not

        async with serving(spec, counts):
            await deliver(spec, counts, ended)
    log.info("delivery of %s ended", spec.pipeline)
    return 0


async def deliver(spec: Spec, counts: Counts, ended: asyncio.Event) -> None:
    """Sit whenever the seat is free, until told to end."""
    notifiers, mirrors = edges(spec.notify)
    try:
        while not ended.is_set():
            try:
                async with seated(spec, counts, ended) as seat:
                    if seat is not None:
                        counts.active = True
                        log.info(
                            "delivering alerts of %s to %s", spec.pipeline, ", ".join(spec.notify.receivers)
                        )
                        await Shift(spec, seat, notifiers, mirrors, counts).run(ended)
            except Misfit:
                raise
            except Refused as exc:
                log.warning("%s; standing by", exc)
            except LogError as exc:
                counts.active, counts.problem = False, str(exc)
                log.warning("%s; trying again in %.0f s", exc, RETRY_S)
                await _pause(ended, RETRY_S)
            finally:
                counts.active = False
    finally:
        await asyncio.gather(*(each.close() for each in notifiers.values()))
        await asyncio.gather(*(each.close() for each in mirrors.values()))


@contextlib.asynccontextmanager
async def seated(spec: Spec, counts: Counts, ended: asyncio.Event) -> AsyncIterator[Seat | None]:
    """The seat, once it is free; None when told to end before."""
    seat = open_seat(spec)
    try:
        waits = False
        while not ended.is_set():
            is_ours, counts.problem = await seat.take(), ""
            if is_ours:
                yield seat
                return
            if not waits:
                log.info("another process delivers alerts of %s; standing by", spec.pipeline)
            waits = True
            await _pause(ended, STANDBY_S)
        yield None
    finally:
        with contextlib.suppress(LogError):  # the lease runs out by itself
            await seat.close()


def open_seat(spec: Spec) -> Seat:
    """The seat of a pipeline's deliverer; its topics are there afterwards."""
    opened = open_log(spec.transport, spec.kafka)
    for name in topics.ensure(opened, spec):
        log.info("created topic %s", name)
    group = f"{spec.pipeline}-notify"
    if split_url(spec.transport)[0] != "kafka":
        return EmbeddedSeat(cast(Owned, opened), group)
    opened.close()
    from connectors.kafka_seat import KafkaSeat
    from connectors.kafka_shared import Shared

    shared = Shared(split_url(spec.transport)[1], spec.kafka, TIMEOUT_S)
    return KafkaSeat(shared, group, spec.topic(DELIVERIES), spec.kafka)


async def _pause(ended: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)
