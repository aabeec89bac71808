"""Appends what requests bring, many at once.

Requests that come while the log is busy wait, and go out together: as many as there are cost one append a
partition, and a file's lock is not fought over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, NamedTuple

from connectors.log import Headers, Log, Rows
from engine.spec import Spec
from streams import topics
from streams.routing import Place, Router
from streams.rows import Row
from streams.serve.problems import Problem
from streams.serve.threads import Desk

What = Literal["events", "labels"]


class Waiting(NamedTuple):
    """Rows of one request, placed, and who waits for their offsets."""

    topic: str
    placed: Sequence[Place]
    values: Sequence[bytes]
    headers: Headers
    done: asyncio.Future[list[int]]


class Publisher:
    """Appends what requests bring, together.

    Parameters
    ----------
    spec
        The pipeline's spec.
    desk
        Where the log is written.
    """

    def __init__(self, spec: Spec, desk: Desk) -> None:
        self.spec, self.desk = spec, desk
        self.routers: dict[str, Router] = {}
        self.waiting: list[Waiting] = []
        self.task: asyncio.Task[None] | None = None

    async def send(self, what: What, rows: Sequence[Row], headers: Headers = ()) -> list[tuple[int, int]]:
        """Partition and offset of each row, once all are durable."""
        if what not in self.routers:
            self.routers |= await self.desk.ask(self._routers)
        placed = [self.routers[what].place(row) for row in rows]
        done = asyncio.get_running_loop().create_future()
        self.waiting.append(
            Waiting(self.spec.topic(what), placed, [row.value for row in rows], headers, done)
        )
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        offsets = await done
        return [(place.partition, offset) for place, offset in zip(placed, offsets, strict=True)]

    def _routers(self, log: Log) -> dict[str, Router]:
        topics.ensure(log, self.spec)
        there = log.topics()
        whats: tuple[What, ...] = ("events", "labels")
        return {what: Router(self.spec, what, there[self.spec.topic(what)].partitions) for what in whats}

    async def _run(self) -> None:
        while self.waiting:
            at_hand, self.waiting = self.waiting, []
            try:
                offsets = await self.desk.ask(lambda log, these=at_hand: append(log, these))  # type: ignore[misc]
            except Problem as problem:  # it took too long
                unsure = f"{problem.detail}; it may be written: send it again, an event is known by its id"
                _fail(at_hand, Problem(problem.status, unsure, problem.headers))
                continue
            except Exception as error:  # noqa: BLE001 - each of those who wait raises it
                _fail(at_hand, error)
                continue
            for each, found in zip(at_hand, offsets, strict=True):
                if not each.done.done():
                    each.done.set_result(found)


def _fail(waiting: Sequence[Waiting], error: Exception) -> None:
    for each in waiting:
        if not each.done.done():
            each.done.set_exception(error)


def append(log: Log, waiting: Sequence[Waiting]) -> list[list[int]]:
    """Append what waits, partition by partition; the offsets of each one's rows."""
    offsets = [[0] * len(each.values) for each in waiting]
    lanes: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for n, each in enumerate(waiting):
        for i, place in enumerate(each.placed):
            lanes.setdefault((each.topic, place.partition), []).append((n, i))
    for (topic, partition), members in lanes.items():
        rows = Rows(
            [waiting[n].placed[i].key for n, i in members],
            [waiting[n].values[i] for n, i in members],
            [waiting[n].headers for n, _ in members] if any(waiting[n].headers for n, _ in members) else None,
        )
        for (n, i), offset in zip(members, log.append(topic, partition, rows), strict=True):
            offsets[n][i] = offset
    return offsets
