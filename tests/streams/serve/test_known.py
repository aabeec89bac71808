"""What is known of an entity, where a cache is shared: it is as fresh as the last commit."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from streams.app import entities
from tests.parts.redis import Redis
from tests.parts.serving import Serving
from tests.streams.serve.test_predict import Kept

pytestmark = pytest.mark.integration


def test_the_cache_is_asked_first(redis: Redis) -> None:
    """What a worker wrote there is told and predicted; of others, and without Redis, the snapshot tells."""
    kept = Kept("known", model={"use": "logistic_regression"}, cache={"url": redis.url})
    kept.work(150)
    written = {"prediction_id": "p.events-0-900", "score": 0.25}

    async def write() -> None:
        to = entities(kept.stage.spec)
        assert to is not None
        to.offer({"e5": (1_700_000_000_000, (77.0, 9))}, {b"e5": msgspec.json.encode(written)})
        await to.write()
        await to.cache.close()

    asyncio.run(write())
    with Serving(kept.stage.spec) as server:
        known = server.get("/v1/entities/e5").json
        assert (known["source"], known["features"]) == ("cache", {"amount": 77.0, "age": 9})
        assert known["prediction"] == written
        said = server.post("/v1/predict", {"entity": "e5"}).json
        event = {"id": "x", "amount": 77.0, "age": 9}
        assert said["score"] == server.post("/v1/predict", {"event": event}).json["score"]
        assert server.get("/v1/entities/e6").json["source"] == "snapshot"
