"""A drift is drawn, whatever it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.drift.evidence.record import Category, Drift, Feature, Group
from engine.drift.signals import Signal
from engine.errors import DriftlineError
from streams.drift.plots import PLOTS, page, picture, write
from tests.engine.drift.test_evidence import AT, SIGNALS, alarm, one, stream


def drift(signal: Signal) -> Drift:
    row, block = SIGNALS.index(signal), stream()
    block[row, AT:] = np.random.default_rng(2).permutation(block[row, AT:] + (row == 0)) if row != 3 else 1.0
    return one(block, alarm(row, AT + 100, 90), producer=lambda i: "a" if i % 2 else "b")


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_it_is_drawn(signal: Signal) -> None:
    """As a picture, and as a page that holds it and the text."""
    found = drift(signal)
    assert picture(found).startswith(b"\x89PNG")
    assert "found at event 2,600 by rank_sr" in page(found)


def test_the_parts_that_are_there() -> None:
    """Numbers have a histogram, categories their shares; without anything only the text is drawn."""
    found = drift(SIGNALS[0])
    assert [plot.draw.__name__ for plot in PLOTS if plot.there(found)] == ["spread", "ranking", "groups"]
    found.histogram, found.top_features, found.groups = None, [], []
    assert picture(found).startswith(b"\x89PNG")


def test_names_that_are_anything() -> None:
    """Dollars, line breaks, markup and great length are letters like any others."""
    found, odd = drift(SIGNALS[0]), "<b>$\\frac{$\n" + "x" * 500
    found.signal, found.suspected_cause, found.histogram = odd, odd, None
    found.categories = [Category(odd, 0.1, 0.9, True)]
    found.top_features = [Feature(odd, 1.0, 0.5)]
    found.groups = [Group(odd, odd, 0, 9, -0.3, None, 3, True), Group("by", odd, 5, 9, 1.3, 0.2, 7, False)]
    assert picture(found).startswith(b"\x89PNG")
    assert "<b>" not in page(found)


def test_where_to(tmp_path: Path) -> None:
    """The ending says what it is; what can't be written is told in a sentence."""
    found = drift(SIGNALS[0])
    write(tmp_path / "d.png", found)
    write(tmp_path / "d.html", found)
    assert (tmp_path / "d.html").read_text().startswith("<!doctype html>")
    with pytest.raises(DriftlineError, match=r"name it \.html or \.png"):
        write(tmp_path / "d.pdf", found)
    with pytest.raises(DriftlineError, match="can't be written"):
        write(tmp_path / "none" / "d.png", found)
