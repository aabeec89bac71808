"""A worker ends when it is told to, and starts where it may."""

from __future__ import annotations

import time

import pytest

from connectors.log import Topic
from tests.faults.harness import Place, Worker, write_spec
from tests.integration.conftest import Make
from tests.integration.pipeline import Pipeline

pytestmark = pytest.mark.integration


def test_sigterm_under_load(make: Make) -> None:
    """SIGTERM ends within 10 seconds and exit 0, and what was taken is committed."""
    pipeline = make()
    pipeline.feed(8_000)
    with Worker(pipeline.path) as worker:
        worker.wait("at entry")
        time.sleep(0.2)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < 10
    assert pipeline.verdict(worker).state_equal
    assert pipeline.verdict(pipeline.work()).holds


def test_bad_spec(on_sqlite: Place) -> None:
    """A spec with a wrong key ends with exit 2 and says which one."""
    with Worker(write_spec(on_sqlite, {"modle": {}})) as worker:
        assert worker.join() == 2
    assert worker.said("modle")


def test_changed_spec(make: Make) -> None:
    """Another model is refused with exit 1; with --fresh it goes on, untrained, from here."""
    pipeline = make()
    pipeline.feed(200)
    pipeline.work()
    path = pipeline.changed({"model": {"use": "naive_bayes"}})
    with Worker(path) as worker:
        assert worker.join(30) == 1
    assert worker.said("--fresh")
    pipeline.feed(200)
    with Worker(path, "--fresh") as worker:
        pipeline.wait(worker)
        assert worker.stop() == 0
    models = [b'"model":"naive_bayes"' in (record.value or b"") for record in pipeline.records("predictions")]
    assert models == [False] * 200 + [True] * 200


def test_journal_of_another(on_sqlite: Place) -> None:
    """A journal that another pipeline writes is not taken for one's own."""
    pipeline = Pipeline(on_sqlite)
    pipeline.feed(50)
    pipeline.work()
    other = Pipeline(on_sqlite, {"topics": {"journal": pipeline.spec.topic("journal")}})
    with Worker(other.path) as worker:
        assert worker.join(30) == 1
    assert worker.said(f"belongs to the pipeline '{pipeline.name}'")


def test_topics_that_do_not_fit(on_sqlite: Place) -> None:
    """Inputs of different partition counts are refused with exit 1."""
    pipeline = Pipeline(on_sqlite)
    pipeline.log.create([Topic("odd", 3)])
    with Worker(pipeline.changed({"labels": {"topic": "odd"}})) as worker:
        assert worker.join(30) == 1
    assert worker.said("the same number of partitions")
