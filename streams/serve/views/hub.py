"""One reader for all who listen to the stream: what is new is read once, and handed to everybody's queue.

It reads while somebody listens. Who does not take what waits for him is let go: a client that is slow costs
no more than its queue.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any

import msgspec

from connectors.log import Gone, Log, LogError
from streams.serve import problems
from streams.serve.problems import Problem
from streams.serve.site import Site
from streams.serve.views.alerts import Alerts, Item
from streams.serve.views.status import Status
from streams.serve.views.told import kept

TOPICS = ("predictions", "alerts", "status")
POLL_S = {"sqlite": 0.25, "memory": 0.25, "kafka": 0.5}
STATUS_S = 1.0
PREDICTIONS_A_SECOND_MAX = 20  # that are sent; of others it is said how many there were
SHARDS = 4  # whose predictions one look reads
WAITING_MAX = 512  # messages that wait for a client
MISSED_MAX = WAITING_MAX // 2  # alerts that a client is told when it comes back
PROBLEM_S = 5.0  # between two words about a log that can't be read

log = logging.getLogger("driftline")

Told = dict[str, Any]
Places = dict[int, int]
"""By partition, the next offset."""
CURSOR = re.compile(r"(?:[ap](?:\d{1,9}\.\d{1,18}(?:-\d{1,9}\.\d{1,18})*)?){0,2}")
_encode = msgspec.json.Encoder().encode


class Cursor:
    """How far somebody has heard: what an event's id says.

    >>> Cursor({0: 17, 1: 4}, {0: 123}).text
    'a0.17-1.4p0.123'
    >>> Cursor.read("a0.17-1.4p0.123").alerts
    {0: 17, 1: 4}
    """

    def __init__(self, alerts: Places, predictions: Places) -> None:
        self.alerts, self.predictions = alerts, predictions

    @property
    def text(self) -> str:
        return f"a{_written(self.alerts)}p{_written(self.predictions)}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The inverse; a Problem at what is none."""
        if not CURSOR.fullmatch(text):
            raise Problem(422, f"{text[:100]!r} is no id of an event of this stream", field="after")
        parts = {part[0]: part[1:] for part in re.findall(r"[ap][^ap]*", text)}
        return cls(_places(parts.get("a", "")), _places(parts.get("p", "")))


def _written(places: Places) -> str:
    return "-".join(f"{partition}.{offset}" for partition, offset in sorted(places.items()))


def _places(text: str) -> Places:
    pairs = (part.split(".") for part in text.split("-") if part)
    return {int(partition): int(offset) for partition, offset in pairs}


def message(event: str, data: Any, id_: str | None = None) -> bytes:
    """A server-sent event.

    >>> message("status", {"a": 1}, "x")
    b'event: status\\nid: x\\ndata: {"a":1}\\n\\n'
    """
    head = f"event: {event}\n" + ("" if id_ is None else f"id: {id_}\n")
    return head.encode() + b"data: " + _encode(data) + b"\n\n"


class Client:
    """Somebody who listens."""

    def __init__(self, topics: set[str], after: Cursor | None) -> None:
        self.topics, self.after = topics, after
        self.missed = 0  # predictions, while it was away
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_MAX)  # None: it is over
        self.is_over = False

    def offer(self, told: bytes) -> None:
        """Put a message into its queue; a client whose queue is full is let go."""
        if self.is_over:
            return
        try:
            self.waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Nothing more comes; what waits is dropped."""
        self.is_over = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Hub:
    """Reads while somebody listens."""

    def __init__(self, here: Site) -> None:
        self.here = here
        self.alerts, self.status = kept(here, Alerts), kept(here, Status)
        self.topic = here.spec.topic("predictions")
        self.poll_s = POLL_S[here.spec.transport.partition(":")[0]]
        self.clients: set[Client] = set()
        self.task: asyncio.Task[None] | None = None
        self.turn = asyncio.Lock()
        self.at = Cursor({}, {})
        self.shard = 0  # whose predictions come next
        self.skipped = 0
        self.said = self.told = 0.0  # when a problem was, and the status

    async def join(self, client: Client) -> None:
        """Let somebody listen: from where he was, or from now on."""
        async with self.turn:
            if not self.clients:
                self.at = await self.here.reader.ask(self._ends)
            if client.after is not None:
                await self._catch_up(client, client.after)
            self.clients.add(client)
            self.told = 0.0  # he wants to see something at once
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
            self.task.add_done_callback(self._ended)

    async def _catch_up(self, client: Client, after: Cursor) -> None:
        """Tell somebody who was here before what he has not heard."""
        ends = self.at.predictions.items()
        client.missed = sum(max(0, end - after.predictions.get(partition, end)) for partition, end in ends)
        if "alerts" not in client.topics:
            return
        missed = await self.here.reader.ask(lambda log: self._missed(log, after))
        told = missed[-MISSED_MAX:]
        if left := len(missed) - len(told):
            detail = f"{left:,} more alerts came meanwhile; GET /v1/alerts lists them"
            client.offer(_problem(Problem(503, detail)))
        for each in told:
            client.offer(message("alert", each, self.at.text))

    def leave(self, client: Client) -> None:
        self.clients.discard(client)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody reads any more: either nobody listens, or something unforeseen happened."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the stream's reader failed", exc_info=error)
        for client in self.clients:
            client.end()

    async def _run(self) -> None:
        while self.clients:
            began = time.monotonic()
            if self.here.ending():
                for client in self.clients:
                    client.end()
                return
            try:
                async with self.turn:
                    await self._look()
            except (LogError, Problem) as error:
                self._say(problems.of(error), began)
            await asyncio.sleep(max(0.0, self.poll_s - (time.monotonic() - began)))

    async def _look(self) -> None:
        wanted = {topic for client in self.clients for topic in client.topics}
        due = "status" in wanted and time.monotonic() - self.told >= STATUS_S
        found = await self.here.reader.ask(lambda log: self._new(log, wanted, due))
        if due:
            self.told = time.monotonic()
        for topic, told in found:
            sent = told if isinstance(told, bytes) else message("prediction", told)
            for client in self.clients:
                if topic in client.topics:
                    client.offer(_with_missed(client, told) if client.missed else sent)

    def _say(self, problem: Problem, now: float) -> None:
        """Tell everybody what is wrong, now and then."""
        if now - self.said >= PROBLEM_S:
            self.said = now
            for client in self.clients:
                client.offer(_problem(problem))

    # -- in the reading thread -------------------------------------------------------------------------

    def _ends(self, log: Log) -> Cursor:
        self.alerts.look(log)
        return Cursor(dict(self.alerts.book.tail.at), dict(enumerate(_ends(log, self.topic))))

    def _missed(self, log: Log, after: Cursor) -> list[Item]:
        """Alerts that came since, the oldest first. What nobody has heard yet comes with the next look."""
        self.alerts.look(log)
        since, told = after.alerts, self.at.alerts
        found = [
            each
            for each in self.alerts.items
            if since.get(each.partition, 0) <= each.offset < told.get(each.partition, 0)
        ]
        return sorted(found, key=lambda each: each.recorded_ms)

    def _new(self, log: Log, wanted: set[str], due: bool) -> list[tuple[str, bytes | Told]]:
        found: list[tuple[str, bytes | Told]] = []
        if "predictions" in wanted:
            found += [("predictions", told) for told in self._predictions(log)]
        else:
            self.at.predictions = dict(enumerate(_ends(log, self.topic)))
        found += [("alerts", told) for told in self._alerts(log)]  # whoever joins later wants no older ones
        if due:
            found.append(("status", message("status", self.status.look(log, self.alerts), self.at.text)))
        return found

    def _alerts(self, log: Log) -> list[bytes]:
        self.alerts.look(log)
        at = dict(self.alerts.book.tail.at)
        if at == self.at.alerts:
            return []
        new = [each for each in self.alerts.items if each.offset >= self.at.alerts.get(each.partition, 0)]
        self.at.alerts = at
        return [
            message("alert", each, self.at.text) for each in sorted(new, key=lambda each: each.recorded_ms)
        ]

    def _predictions(self, log: Log) -> list[Told]:
        """The newest of some shards; and how many of all shards there were besides."""
        ends = _ends(log, self.topic)
        grown = {p: end - min(self.at.predictions.get(p, end), end) for p, end in enumerate(ends)}
        some = [p for p, count in grown.items() if count]
        first = self.shard % max(1, len(some))
        some = (some[first:] + some[:first])[:SHARDS]
        self.shard += SHARDS
        each = max(1, int(PREDICTIONS_A_SECOND_MAX * self.poll_s) // max(1, len(some)))
        found: list[Told] = []
        for partition in some:
            found += self._newest(log, partition, ends[partition], min(each, grown[partition]))
        self.skipped += sum(grown.values()) - len(found)
        for told in found:
            told["skipped"], self.skipped = self.skipped, 0
        self.at.predictions = dict(enumerate(ends))
        return found

    def _newest(self, log: Log, partition: int, end: int, count: int) -> list[Told]:
        try:
            batch = log.read(self.topic, partition, end - count, count)
        except Gone:
            return []
        return [
            {**msgspec.json.decode(record.value or b"{}"), "recorded_ms": record.timestamp}
            for record in batch.records()
        ]


def _ends(log: Log, topic: str) -> list[int]:
    return [end for _, end in log.bounds(topic)]


def _problem(problem: Problem) -> bytes:
    return b"event: problem\ndata: " + problem.body() + b"\n\n"


def _with_missed(client: Client, told: bytes | Told) -> bytes:
    """A message for somebody who was away: the first prediction counts those that came meanwhile, too."""
    if isinstance(told, bytes):
        return told
    missed, client.missed = client.missed, 0
    return message("prediction", {**told, "skipped": told["skipped"] + missed})
