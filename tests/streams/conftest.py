"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.telemetry import hidden
from tests.streams.cli import Cli


@pytest.fixture(autouse=True)
def unknown_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows the secrets of another's spec."""
    monkeypatch.setattr(hidden, "_known", hidden.Known())


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command, in a folder with a spec."""
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path)
