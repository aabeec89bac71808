"""The log itself fails: a broker that is away, a disk that is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness import Place, Worker
from tests.integration.pipeline import Pipeline
from tests.parts.kafka import Broker

pytestmark = pytest.mark.integration


def test_disk_full(on_sqlite: Place) -> None:
    """A full disk stops the worker loudly; what was committed is there, and with room it goes on."""
    pipeline = Pipeline(on_sqlite)
    pipeline.feed(4_000)
    size = Path(pipeline.at.url.removeprefix("sqlite:///")).stat().st_size
    wal = Path(pipeline.at.url.removeprefix("sqlite:///") + "-wal").stat().st_size
    tight = pipeline.changed({"transport": f"{pipeline.at.url}?size_max={size + wal + 500_000}"})
    with Worker(tight) as worker:
        assert worker.join(30) == 1
    assert worker.said("no room left")
    before = [record.value for record in pipeline.records("predictions")]
    assert 0 < len(before) < 4_000
    verdict = pipeline.verdict(pipeline.work())
    assert verdict.holds
    assert [record.value for record in pipeline.records("predictions")][: len(before)] == before
    pipeline.close()


def test_broker_away(breakable_kafka: Broker, tmp_path: Path) -> None:
    """A worker waits for its broker at the start, and goes on by itself when it was away at work."""
    pipeline = Pipeline(Place(f"kafka://{breakable_kafka.servers}", tmp_path))
    pipeline.feed(500)
    pipeline.close()
    breakable_kafka.stop()
    with Worker(pipeline.path) as worker:
        worker.wait("trying again")
        breakable_kafka.start()
        pipeline.reopen()
        pipeline.wait(worker)
        pipeline.feed(8_000)
        pipeline.close()
        breakable_kafka.stop(kill=True)  # in the midst of its work
        worker.wait("opening it anew", limit=30)
        breakable_kafka.start()
        pipeline.reopen()
        pipeline.feed(500)
        pipeline.wait(worker)
        assert worker.stop() == 0
    assert pipeline.verdict(worker).holds
    pipeline.close()
