"""Models that fail on some events take nothing else with them."""

from __future__ import annotations

import shutil

import pytest

from tests.faults import models
from tests.faults.harness import Place, Worker, write_spec
from tests.integration.conftest import Make

pytestmark = pytest.mark.integration

FAULTY = {"model": {"use": "faulty_model:faulty"}}


def lay_model_beside(make_path: object) -> None:
    """Users keep their models beside the spec."""
    shutil.copy(models.__file__, f"{make_path}/faulty_model.py")


def test_a_model_that_raises(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model fails on is a dead letter, and every other event is predicted."""
    pipeline = make({**FAULTY, "labels": {"in_event": "y"}})
    lay_model_beside(pipeline.at.folder)
    monkeypatch.syspath_prepend(pipeline.at.folder)
    pipeline.feed(300, delay=0, marks={100: models.PREDICT_RAISES, 200: models.LEARN_RAISES})
    verdict = pipeline.verdict(pipeline.work())
    assert verdict.holds
    assert verdict.predictions == 298
    assert pipeline.dead_letters() == {"model_error": [100, 200]}


def test_a_walk_that_raises(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record on which the walk itself fails is met once: a dead letter, for replays too."""
    pipeline = make(FAULTY)
    lay_model_beside(pipeline.at.folder)
    monkeypatch.syspath_prepend(pipeline.at.folder)
    pipeline.feed(300, marks={50: models.WALK_RAISES, 200: models.WALK_RAISES})
    first = pipeline.work()
    assert len(first.said("the walk failed on")) <= 4  # each with its batch, then alone
    pipeline.feed(300)
    second = pipeline.work()
    assert second.said("the walk failed on") == []
    verdict = pipeline.verdict(second)
    assert verdict.holds
    assert verdict.predictions == 598
    assert pipeline.dead_letters() == {"engine_error": [50, 200]}


def test_a_model_that_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker says where it was, and ends; what came before is committed, and there again afterwards."""
    pipeline = make({**FAULTY, "watchdog": {"stall": "5s"}})
    lay_model_beside(pipeline.at.folder)
    monkeypatch.syspath_prepend(pipeline.at.folder)
    pipeline.feed(300)
    pipeline.work()
    pipeline.feed(10, marks={305: models.PREDICT_HANGS})
    with Worker(pipeline.path) as worker:
        assert worker.join(60) == 1
    assert worker.said("has not come back")
    assert worker.said("Timeout")
    assert worker.said("in predict_proba_one")
    assert len(pipeline.records("predictions")) >= 300


def test_a_model_that_is_not_there(on_sqlite: Place) -> None:
    """A model that can't be imported ends with exit 2."""
    with Worker(write_spec(on_sqlite, {"model": {"use": "nowhere:build"}})) as worker:
        assert worker.join(30) == 2
    assert worker.said("can't import 'nowhere'")
