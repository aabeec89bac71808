"""What the API shows of a real worker's topics, on each log; and what it says when the log is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from streams.serve.views import alertanswers, answers
from streams.serve.views.told import now_ms
from tests.faults.harness import Place, Worker
from tests.integration.conftest import Make
from tests.integration.pipeline import Pipeline
from tests.parts.kafka import Broker
from tests.parts.serving import Serving
from tests.parts.waiting import until
from tests.streams.serve.listening import Listener
from tests.streams.serve.world import send

pytestmark = pytest.mark.integration

EVENTS = 300
CHANGES = {
    "partitions": 2,
    "snapshots": {"every_records": 100},
    "drift": {"detectors": ["cusum"], "reference": {"first": 100}, "warm_up": 100},
    "serve": {"timeout": "8s"},
}
ROUTES: dict[str, type[BaseModel]] = {
    "/v1/series?minutes=1": answers.Series,
    "/v1/metrics": answers.Metrics,
    "/v1/models": answers.Models,
    "/v1/drift": answers.Drift,
    "/v1/alerts": alertanswers.Alerts,
    "/v1/dead-letters": alertanswers.DeadLetters,
    "/v1/audit": alertanswers.Audit,
}


def test_a_pipeline_is_shown(make: Make) -> None:
    """Its counts are those of what was sent; all else is as described; orders reach every shard."""
    pipeline = make(CHANGES)
    pipeline.feed(EVENTS, damage=10)
    with Worker(pipeline.path) as worker, Serving(pipeline.spec) as server, Listener(server) as listener:
        pipeline.wait(worker)
        _check_status(_status_since(server, now_ms()))
        for path, kind in ROUTES.items():
            found = server.get(path)
            assert found.status == 200, found.body
            kind.model_validate_json(found.body)
        assert until(lambda: server.get("/v1/metrics").json["events"])[-1] > 0
        assert server.get("/v1/dead-letters").json["letters"]
        asked = {"matchers": [{"name": "signal", "value": "x"}], "for": "1h", "why": "works"}
        assert send(server, "/v1/silences", asked).json["sent"] == [{"partition": 0}, {"partition": 1}]
        pipeline.wait(worker)
        assert until(lambda: _newest_order(server) == "taken")
        pipeline.feed(100)
        assert listener.first("prediction")["pipeline"] == pipeline.name
        assert worker.stop() == 0


def _status_since(server: Serving, moment: int) -> answers.Status:
    """As it is after a moment; an answer may be some time old."""

    def look() -> answers.Status | None:
        found = answers.Status.model_validate_json(server.get("/v1/status").body)
        return found if found.now_ms > moment else None

    return until(look)


def _newest_order(server: Serving) -> str:
    """What became of it."""
    return str(server.get("/v1/audit").json["entries"][0]["detail"]["state"])


def _check_status(found: answers.Status) -> None:
    refused = found.totals.dead_letters
    assert found.totals.events == EVENTS
    assert 0 < refused < EVENTS / 2
    # On Kafka outputs are estimated, since offsets count the marks of transactions, too.
    assert found.totals.predictions == pytest.approx(EVENTS - refused, rel=0.05)
    assert found.lag.records == 0
    assert found.latency_ms.p50 is not None
    assert found.rates.events_per_second > 0


def test_a_broker_that_does_not_answer(breakable_kafka: Broker, tmp_path: Path) -> None:
    """503 within the time limit, as a problem; and all is well again when it does."""
    at = Place(f"kafka://{breakable_kafka.servers}", tmp_path)
    pipeline = Pipeline(at, {"serve": {"timeout": "2s"}})
    with Serving(pipeline.spec) as server:
        assert server.get("/v1/status").status == 200
        breakable_kafka.pause()
        try:
            found = server.get("/v1/alerts")
        finally:
            breakable_kafka.start()
        assert (found.status, found.headers["content-type"]) == (503, "application/problem+json")
        pipeline.reopen()
        assert any(server.get("/v1/alerts").status == 200 for _ in range(20))
    pipeline.close()
