"""A real worker tells of itself on both logs, and a person answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.log import Rows
from engine.alerts.record import Alert, read
from engine.control import Acknowledge, encode
from tests.faults.harness import Place, Worker
from tests.integration.pipeline import Pipeline
from tests.parts.waiting import until

ALERTS = [{"when": "no_data > 1s", "name": "Nothing", "clear": "500ms"}]
pytestmark = pytest.mark.integration


def own(pipeline: Pipeline) -> Alert | None:
    """The newest state of the one alert that a worker makes here."""
    found = None
    for record in records(pipeline, "alerts"):
        alert = read(record)
        assert (alert.source, alert.labels["source"]) == ("worker", "worker")
        found = alert if alert.labels["alertname"] == "Nothing" else found
    return found


def records(pipeline: Pipeline, what: str) -> Iterator[bytes]:
    topic = pipeline.spec.topic(what)
    at, end = pipeline.log.bounds(topic)[0]
    while at < end:
        batch = pipeline.log.read(topic, 0, at)
        yield from (value for value in batch.values if value is not None)
        at = max(batch.end, at + 1)


def test_from_the_first_word_to_the_last(at: Place, request: pytest.FixtureRequest) -> None:
    """It fires, somebody looks after it, another worker takes it up, and it is over when events come."""
    pipeline = Pipeline(at, {"alerts": ALERTS})
    request.addfinalizer(pipeline.close)

    def stands(*wanted: str) -> bool:
        alert = own(pipeline)
        return alert is not None and (alert.status, alert.transition, alert.by) == wanted

    with Worker(pipeline.path) as worker:
        until(lambda: stands("firing", "fired", ""))
        first = own(pipeline)
        assert first is not None
        order = Acknowledge(alert=first.fingerprint, by="ada", source="worker")
        pipeline.log.append(pipeline.spec.topic("control"), 0, Rows([None], [encode(order)]))
        until(lambda: stands("acknowledged", "acknowledged", "ada"))
        assert worker.stop() == 0
    with Worker(pipeline.path) as worker:
        worker.wait("at entry")
        pipeline.feed(200)
        until(lambda: stands("resolved", "resolved", ""))
        assert worker.stop() == 0
    last = own(pipeline)
    assert last is not None
    assert last.acknowledged is not None
    assert last.acknowledged.by == "ada"
    assert (last.starts_at, last.revision) == (first.starts_at, first.revision + 2)
    assert [*records(pipeline, "dead_letters")] == []
