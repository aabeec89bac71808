"""What the tests of this folder share."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.telemetry import hidden
from tests.streams.cli import Cli


@pytest.fixture(autouse=True)
def unknown_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows the secrets of another's spec."""
    monkeypatch.setattr(hidden, "_known", hidden.Known())


@pytest.fixture(autouse=True)
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command changes in its process, it has changed for one test."""
    root, ours, often = logging.getLogger(), logging.getLogger("driftline"), gc.get_threshold()
    handlers, levels = {*root.handlers}, (root.level, ours.level)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    yield
    for handler in {*root.handlers} - handlers:
        root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    gc.set_threshold(*often)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command, in a folder with a spec."""
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path)
