"""The latest records: the same whatever the cuts, and bounded."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.evidence.recent import RECORDS_MIN, VALUES_MAX, Recent
from engine.state import digest


def filled(cut: int, n: int = 5_000) -> Recent:
    recent = Recent(3, dimensions=1, records=300)
    values = np.random.default_rng(1).normal(size=(3, n))
    numbers = np.arange(n)
    for start in range(0, n, cut):
        part = slice(start, start + cut)
        recent.add(values[:, part], numbers[part], numbers[part] * 7, numbers[None, part] % 5)
    return recent


@pytest.mark.parametrize("cut", [1, 7, 256, 1_024, 5_000])
def test_cuts_change_nothing(cut: int) -> None:
    """The latest 300 records, whatever the cuts."""
    recent = filled(cut)
    assert digest(recent.state()) == digest(filled(100).state())
    assert recent.view().offsets.tolist() == list(range(4_700, 5_000))


@pytest.mark.parametrize("cut", [7, 250, 1_024])
def test_a_view_ends_anywhere_in_the_last_block(cut: int) -> None:
    """It looks as it did when that record came."""
    n = 5_000 // cut * cut
    recent, behind = filled(cut, n), cut - 1
    assert digest([*recent.view(behind)]) == digest([*filled(1, n).view()]) or behind
    assert recent.view(behind).offsets.tolist() == list(range(n - behind - 300, n - behind))
    assert (recent.view(behind).times == recent.view(behind).offsets * 7).all()


def test_restored() -> None:
    """What was saved is there again, and goes on."""
    one, other = filled(256), Recent(3, dimensions=1, records=300)
    other.restore(one.state())
    for recent in (one, other):
        recent.add(np.zeros((3, 10)), np.arange(10), np.arange(10), np.zeros((1, 10), np.int64))
    assert digest(one.state()) == digest(other.state())


def test_many_signals_leave_room_for_fewer_records() -> None:
    """Of 10,000 signals some records are remembered, not 1,024."""
    recent = Recent(10_000)
    assert recent.records == VALUES_MAX // 10_000
    assert Recent(1_000_000, records=10).records == 10
    assert Recent(100_000).records == RECORDS_MIN


def test_nothing() -> None:
    """No signals, no records: no trouble."""
    recent = Recent(0)
    recent.add(np.empty((0, 3)), np.arange(3), np.arange(3))
    assert len(recent.view()) == 3
    assert len(Recent(2).view()) == 0
