"""Windows of what was counted."""

from __future__ import annotations

import numpy as np
import pytest

from engine.alerts.panes import PANES, Panes


def filled(panes: Panes, *held: int) -> Panes:
    """Panes that took so much at each look, each thing counting 1."""
    for at, n in enumerate(held):
        panes.add(np.array([n], float), n, 1000, at, at)
    return panes


def test_a_window_is_the_fewest_panes_that_fill_it() -> None:
    """Some sixteenth more, never less once there is enough."""
    now, before = filled(Panes(1, 100), *[7] * 40).windows()
    assert (now.sums.tolist(), now.held, before) == ([105.0], 105.0, None)
    assert (now.first, now.last, now.ms) == (25, 39, 15_000)


def test_the_window_before_is_full_or_none() -> None:
    """What is compared with is as large."""
    assert filled(Panes(1, 100, past=True), *[10] * 19).windows()[1] is None
    before = filled(Panes(1, 100, past=True), *[10] * 20).windows()[1]
    assert before is not None
    assert (before.sums.tolist(), before.first, before.last) == ([100.0], 0, 9)


@pytest.mark.parametrize("held", [1, 3, 1000])
def test_panes_are_few(held: int) -> None:
    """However much comes, and in whatever portions."""
    panes = filled(Panes(1, 100, past=True), *[held] * 5000)
    assert len(panes.panes) <= 2 * (PANES + 1)


def test_it_is_news_once_enough_came() -> None:
    """A long window is looked at seldom."""
    panes = filled(Panes(1, 6400), 99)
    assert not panes.is_news
    assert filled(panes, 1).is_news
    panes.windows()
    assert not panes.is_news
