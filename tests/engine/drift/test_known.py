"""The shares of values that were not there at first."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import Floats
from engine.drift.known import Known
from engine.state import digest

CUTS: tuple[list[int], ...] = ([], [1, 2, 3], [49, 50, 51], list(range(0, 300, 7)))


def stream(named: bool) -> Floats:
    """Two features, some values of which are missing."""
    rng = np.random.default_rng(3)
    block = rng.integers(0, 20, (2, 300)) / 20 if named else rng.normal(size=(2, 300))
    block[0, ::5] = np.nan
    return block


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("named", [True, False])
def test_cuts_change_nothing(named: bool, cuts: list[int]) -> None:
    """Nor does a restore in the middle."""
    block, whole, parts = stream(named), Known([named] * 2, 50), Known([named] * 2, 50)
    found = []
    for part in np.split(block, cuts, axis=1):
        again = Known([named] * 2, 50)
        again.restore(parts.state())
        found.append(again.strange(part))
        parts = again
    assert np.array_equal(whole.strange(block), np.concatenate(found, axis=1), equal_nan=True)
    assert digest(whole.state()) == digest(parts.state())


def test_new_categories_are_strange() -> None:
    """And those that were there are not, however often they come."""
    known = Known([True], 3)
    found = known.strange(np.array([[0.1, 0.2, 0.1, 0.2, 0.3, np.nan, 0.3, 0.1]]))
    assert np.array_equal(found[0], [np.nan, np.nan, np.nan, 0, 1, np.nan, 1, 0], equal_nan=True)


def test_infinities_and_constants() -> None:
    """Infinite values have a place, a constant a range of one point, and nothing is known of nothing."""
    known = Known([False, False, False], 2)
    block = np.array([[1.0, np.inf, -np.inf, 5], [2.0, 2.0, 2.0, 2.5], [np.nan] * 4])
    assert known.strange(block)[:, 2:].tolist()[:2] == [[1.0, 0.0], [0.0, 1.0]]
    assert np.isnan(known.strange(block)[2]).all()


def test_restart() -> None:
    """What comes then is what is known."""
    known = Known([False], 2)
    known.strange(np.array([[1.0, 2.0]]))
    known.restart([0])
    assert known.strange(np.array([[8.0, 9.0, 8.5]]))[0, 2] == 0
