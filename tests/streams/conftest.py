"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.streams.cli import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command, in a folder with a spec."""
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path)
