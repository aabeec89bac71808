"""Means and spreads from lots: as they are, whatever was asked for before."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import TOGETHER, Alarm, Floats
from engine.drift.evidence.lots import LOT, Lots
from engine.drift.evidence.recent import View
from engine.drift.evidence.record import Drift
from engine.drift.evidence.reference import Window
from engine.drift.evidence.witness import Witness
from engine.drift.panel import Found
from engine.drift.signals import Kind, Signal
from engine.outputs import Origin
from engine.state import digest

N = 1_500


def seen(values: Floats, start: int, stop: int) -> View:
    numbers = np.arange(start, stop)
    return View(values[:, start:stop], numbers, numbers, np.empty((0, stop - start), np.int64))


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (3, 40), (64, 128), (70, 500), (1, 1_024), (127, 129)])
def test_as_they_are(start: int, stop: int) -> None:
    """Counts, means and variances of what is finite."""
    values = np.random.default_rng(1).normal(7.0, 2.0, (3, 1_024))
    values[1, ::3], values[2, ::2] = np.nan, np.inf
    with np.errstate(all="ignore"):
        found = Lots([0, 1, 2]).moments(seen(values, 0, 1_024), 0, start, stop)
        parts = [row[np.isfinite(row)] for row in values[:, start:stop]]
        for row, part in enumerate(parts):
            assert found.n[row] == len(part)
            figures = [part.mean(), part.var()] if len(part) else [np.nan] * 2
            assert np.allclose([found.mean[row], found.variance[row]], figures, equal_nan=True)


def test_the_same_from_any_view() -> None:
    """To the last bit, from a view that begins later, with lots that are known or not; old ones go."""
    values = np.random.default_rng(2).normal(size=(4, 1_024))
    used = Lots([1, 3])
    for first in range(0, 500, 37):
        fresh, view = Lots([1, 3]), seen(values, first, first + 512)
        one, other = (lots.moments(view, first, 5, 480) for lots in (used, fresh))
        assert digest([*one]) == digest([*other])
    assert len(used.known) <= 512 // LOT


def told(block: Floats, cut: int, thaw_at: int = -1) -> tuple[list[Drift], str]:
    """What is told of a storm: of all signals that drift some records apart."""
    signals = [Signal(Kind.VALUE, f"x{i}") for i in range(len(block))]
    made = [Witness("events", Origin("p", "m", "v", "e", 0), signals, Window(n=500)) for _ in range(2)]
    witness, found = made[0], list[Drift]()
    for start in range(0, N, cut):
        stop = min(N, start + cut)
        rows = [i for i in range(-1, len(block)) if start <= 1_040 + i // 4 < stop]
        at = [1_040 + i // 4 - start for i in rows]
        alarms = [Alarm(place, row, 9.0, 1.0, 40, "up") for place, row in zip(at, rows, strict=True)]
        here = [
            Found(a.at, a.at, stop - start - 1 - a.at, TOGETHER if a.signal < 0 else a.signal, "ks", a, 40)
            for a in alarms
        ]
        numbers = np.arange(start, stop)
        taken = witness.take(np.ascontiguousarray(block[:, start:stop]), numbers, numbers, [], here)
        found += [each.drift for each in taken if each.drift is not None]
        found += [drift for drift, _ in (witness.turn([]) if stop % 500 == 0 else [])]
        if stop == thaw_at:
            made[1].restore(witness.state())
            witness = made[1]
    return found, digest(witness.state())


def test_a_storm_is_told_the_same_whatever_the_cuts() -> None:
    """Of more signals than are ranked, with a crash between, too."""
    block = np.random.default_rng(3).normal(size=(90, N)) + (np.arange(N) >= 1_000)
    whole, state = told(block, 500)
    same, other = told(block, 20, thaw_at=1_060)
    assert len(whole) == 91 + 16
    assert [drift.json() for drift in whole] == [drift.json() for drift in same]
    assert state == other
