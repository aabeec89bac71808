"""Kernels are compiled once for all tests, and used where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.features.jit import jit


@pytest.fixture(scope="session")
def kernels() -> dict[str, Any]:
    return jit.compile_all()


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    """Without compiled kernels, unless a test asks for them."""
    jit.compiled.clear()
    yield
    jit.compiled.clear()


@contextmanager
def compiled(kernels: dict[str, Any]) -> Iterator[None]:
    """Run the compiled kernels in here."""
    jit.compiled.update(kernels)
    try:
        yield
    finally:
        jit.compiled.clear()
