"""The kinds of log that the contract suites run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.worlds import EMBEDDED, KINDS, KafkaWorld, World


@pytest.fixture(
    params=[pytest.param(kind, marks=pytest.mark.integration if kind == "kafka" else ()) for kind in KINDS]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each kind of log in turn."""
    if request.param == "kafka":
        made: World = KafkaWorld(request.getfixturevalue("kafka"))
    else:
        made = EMBEDDED[request.param](tmp_path)
    yield made
    made.close()
