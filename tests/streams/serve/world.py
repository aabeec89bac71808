"""A pipeline that has seen events, labels, faults and a change, and what its API says of it."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import msgspec

from connectors.memory import LOGS, MemoryLog
from tests.parts.serving import Answer, Serving
from tests.streams.keepers import KEY, Stage

EVENTS, CHANGE = 1_200, 900
SPEC: dict[str, Any] = {
    "model": {"use": "logistic_regression"},
    "snapshots": {"every_records": 500, "key": KEY.decode()},
    "drift": {
        "false_alarms": {"at_most": 1, "per": 10_000},
        "detectors": ["cusum"],
        "dependence": "none",
        "warm_up": 100,
        "reference": {"first": 300},
    },
    "metrics": {"windows": [500]},
}
JSON = {"Content_Type": "application/json"}


class World:
    """A pipeline in memory, whose worker is run when it is told to."""

    def __init__(self, name: str, **changes: Any) -> None:
        LOGS.pop(name, None)
        self.stage = Stage(MemoryLog(name), transport=f"memory://{name}", **(SPEC | changes))
        self.spec, self.log = self.stage.spec, self.stage.log
        self.random, self.sent = random.Random(1), 0

    def feed(self, events: int) -> None:
        """Events with their labels; amounts are larger from number CHANGE on."""
        told = [self._event(self.sent + i) for i in range(events)]
        self.sent += events
        now = int(time.time() * 1000) - 20_000
        self.stage.produce("events", *told, at=now)
        labels = [{"event_id": each["id"], "label": each["amount"] > 105} for each in told]
        self.stage.produce("labels", *labels, at=now)

    def _event(self, number: int) -> dict[str, Any]:
        amount = self.random.gauss(100 if number < CHANGE else 300, 20)
        return {"id": f"e{number}", "amount": min(999.0, max(0.0, amount)), "age": number % 90}

    def change(self, **changes: Any) -> None:
        """Another spec from here on: a worker begins with an untrained model."""
        self.stage = Stage(self.log, transport=self.spec.transport, **(SPEC | changes))
        self.spec = self.stage.spec
        asyncio.run(self._work(fresh=True))

    def work(self, limit: int = 250) -> None:
        """Let a worker take all there is, so many records at a time, and end."""
        asyncio.run(self._work(limit=limit))

    async def _work(self, fresh: bool = False, limit: int = 250) -> None:
        keeper = await self.stage.keeper(fresh=fresh).opened()
        await self.stage.settle(keeper, limit)
        await keeper.park()

    def orders(self) -> list[dict[str, Any]]:
        """What lies on the control topic."""
        return [msgspec.json.decode(value or b"") for _, value, _ in self.stage.lane("control")]


def lived(name: str) -> World:
    """A world in which something happened: drifts, alerts, dead letters."""
    world = World(name)
    for _ in range(4):
        world.feed(EVENTS // 4)
        world.stage.produce("events", {"id": "bad", "amount": "x"}, {"id": "far", "amount": 5_000})
        world.work()
    return world


def send(server: Serving, path: str, body: Any = None, method: str = "POST", **headers: str) -> Answer:
    """A request with a body of JSON."""
    return server.ask(method, path, body, **(JSON | headers))
