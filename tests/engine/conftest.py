"""Turns come often here, so that short streams have some."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import shard


@pytest.fixture(scope="package", autouse=True)
def quick_turns() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard, "TURN", 256)
        yield
