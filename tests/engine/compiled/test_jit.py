"""How kernels are kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import pytest

from engine.models.compiled import jit


def twice(x: float) -> float:
    return x + x


def made() -> Any:
    """A kernel that has run, as a new process would make it."""
    kernel: Any = jit.kernel(twice)
    assert kernel(2.0) == 4.0
    return kernel


def test_a_kernel_is_known_by_all_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kernels call others of other files: after a change in any of them nothing old is loaded."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    made()
    assert made().stats.cache_hits
    monkeypatch.setattr(jit, "SOURCES", "of another release")
    assert not made().stats.cache_hits


def test_without_a_cache_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba finds no folder, a kernel is compiled anew."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return plain(*arguments, **options)

    plain = numba.njit
    monkeypatch.setattr(numba, "njit", refuse)
    assert not made().stats.cache_path
