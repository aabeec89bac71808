"""Pipelines on both logs: every test here runs real workers against a real log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Place
from tests.integration.pipeline import Pipeline

Make = Callable[..., Pipeline]


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/log.db", tmp_path)


@pytest.fixture
def on_kafka(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(f"kafka://{request.getfixturevalue('kafka').servers}", tmp_path)


@pytest.fixture(params=["sqlite", "kafka"])
def at(request: pytest.FixtureRequest) -> Place:
    """A place on each log."""
    place: Place = request.getfixturevalue(f"on_{request.param}")
    return place


@pytest.fixture
def make(at: Place) -> Iterator[Make]:
    """Makes pipelines, on each log."""
    made: list[Pipeline] = []

    def new(changes: dict[str, Any] | None = None) -> Pipeline:
        made.append(Pipeline(at, changes))
        return made[-1]

    yield new
    for pipeline in made:
        pipeline.close()
