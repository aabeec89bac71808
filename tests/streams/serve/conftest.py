"""What the tests of the API share."""

from __future__ import annotations

import pytest

from streams.serve.views import changes, compacted, quality, series


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, an answer is whole at once, and not with the second question."""
    for view in (changes, compacted, quality, series):
        monkeypatch.setattr(view, "LOOK_SECONDS", 60.0)
