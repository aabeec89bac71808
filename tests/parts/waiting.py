"""Waiting for what is to come, with a limit that only a broken program meets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 60.0
LOOK_S = 0.02


def until(look: Callable[[], T | None], limit: float = LIMIT_S) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(LOOK_S)
    return found
