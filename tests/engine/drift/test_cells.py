"""Shares of categories: measures as their formulas have them, whatever the cuts and the form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chisquare

from engine.drift.detector import Floats
from engine.drift.detectors import DETECTORS, cells, cells_kernel, cells_numpy
from engine.drift.detectors.cells import Cells
from engine.drift.signals import place
from engine.state import digest

NAMES = ("chi_square", "stability", "jensen_shannon")


@pytest.fixture(params=["plain", "compiled"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Kernels uncompiled, and compiled."""
    found = cells.jit.compile_all() if request.param == "compiled" else {}
    monkeypatch.setattr(cells.jit, "compiled", found)
    return str(request.param)


def made(name: str, signals: int = 1, length: float = 1e5, **options: int) -> Cells:
    found = DETECTORS[name].build(signals, options)
    assert isinstance(found, Cells)
    found.allow(np.full(signals, length), np.inf)
    return found


def expected(name: str, before: Floats, counts: Floats) -> float:
    """The measure as scipy and the formula of credit scoring have it."""
    usual, share = before / before.sum(), counts / counts.sum()
    if name == "chi_square":
        return float(chisquare(counts, usual * counts.sum()).statistic)
    if name == "jensen_shannon":
        return float(jensenshannon(usual, share) ** 2)
    seen = np.maximum(counts, 0.5) / counts.sum()
    return float(((seen - usual) * np.log(seen / usual)).sum())


@pytest.mark.parametrize("name", NAMES)
def test_measures(name: str, form: str) -> None:
    """At any moment the figure is that of the window, with one value more among the others."""
    rng = np.random.default_rng(1)
    shares = np.array([0.5, 0.3, 0.1, 0.05, 0.03, 0.02])
    detector = made(name, length=1e300, window=100, reference=400)
    first = rng.choice(6.0 + np.arange(6), 400, p=shares)
    values = np.concatenate([first, rng.choice(5.0 + np.arange(7), 700)])
    before = np.array([*((first == x).sum() for x in np.unique(first)), 1.0])
    assert before.min() >= 1
    before[-1] += before[:-1][before[:-1] < cells.RARE].sum()
    kept = [x for x in np.unique(first) if (first == x).sum() >= cells.RARE]
    before = np.array([*((first == x).sum() for x in kept), before[-1]])
    detector.update(values[None, :500])
    for at in range(500, 1100, 37):
        detector.update(np.ascontiguousarray(values[None, at : at + 37]))
        window = values[: at + 37][-100:]
        inside = [(window == x).sum() for x in kept]
        counts = np.array([*inside, 100 - sum(inside)], float)
        assert detector.levels().statistic[0] == pytest.approx(expected(name, before, counts), rel=1e-6)


def test_logarithms() -> None:
    """They are what they should be, and the same bits in both forms."""
    x = np.concatenate([np.geomspace(1e-9, 1, 5000), np.linspace(0.4, 1.1, 5000)])
    assert np.abs(cells_numpy.log(x) - np.log(x)).max() < 1e-12
    assert [cells_kernel.log(each) for each in x.tolist()] == cells_numpy.log(x).tolist()
    compiled = cells.jit.compile_all()["log"]
    assert [compiled(each) for each in x.tolist()] == cells_numpy.log(x).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_change_is_found_where_it_is(name: str, form: str) -> None:
    """What was rare comes often: found at once, and since when."""
    rng = np.random.default_rng(2)
    values = rng.choice(5, 4000, p=[0.4, 0.3, 0.2, 0.05, 0.05]).astype(float)
    values[3000:] = rng.choice(5, 1000, p=[0.3, 0.2, 0.1, 0.2, 0.2])
    found = made(name).update(values[None])
    assert 3000 < found[0].at < 3250
    assert abs(found[0].at + 1 - found[0].back - 3000) <= 25
    assert found[0].statistic >= found[0].threshold


@pytest.mark.parametrize("name", NAMES)
def test_new_categories(name: str, form: str) -> None:
    """A new category with every record: no more memory than before, and one alarm when that began."""
    rng = np.random.default_rng(3)
    known = rng.choice([place("a"), place("b")], 2500)
    new = np.array([place(str(i)) for i in range(2500)])
    detector = made(name)
    found = detector.update(np.concatenate([known, new])[None])
    assert len(found) == 1
    assert 2500 < found[0].at < 2600
    assert detector.known[0].names.size == 1


def test_many_categories() -> None:
    """Of more than there may be the most frequent ones are kept."""
    rng = np.random.default_rng(4)
    detector = made("chi_square", categories=10, reference=2000)
    detector.update(np.minimum(rng.geometric(0.05, 2000), 60).astype(float)[None])
    assert detector.known[0].names.tolist()[:5] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert detector.known[0].names.size == 10
    assert detector.known[0].known.sum() == 2001


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.4, 0.3, 0.2, 0.05, 0.03, 0.02), (0.995, 0.005)])
@pytest.mark.parametrize("name", NAMES)
def test_run_length(name: str, shares: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """At most about one false alarm in as many values as were asked for."""
    monkeypatch.setattr(cells.jit, "compiled", cells.jit.compile_all())
    rng, signals, length = np.random.default_rng(5), 30, 5_000.0
    detector, found = made(name, signals, length), 0
    for _ in range(10):
        found += len(detector.update(rng.choice(len(shares), (signals, 3000), p=shares).astype(float)))
    assert found <= 1.4 * signals * 30_000 / length


@pytest.mark.parametrize("name", NAMES)
def test_forms_are_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncompiled or compiled: the same thresholds, alarms and state, to the bit."""
    rng = np.random.default_rng(6)
    values = rng.choice(8, (3, 3000), p=np.arange(1, 9) / 36).astype(float)
    values[:, 2000:] = rng.choice(12, (3, 1000))
    values[rng.random(values.shape) < 0.1] = np.nan
    found = []
    for compiled in ({}, cells.jit.compile_all()):
        monkeypatch.setattr(cells.jit, "compiled", compiled)
        detector = made(name, 3, window=200, reference=500)
        found.append((detector.update(values), digest(detector.state())))
    assert found[0] == found[1]
    assert found[0][0]
