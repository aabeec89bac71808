"""Distances and effect sizes are those that others work out, ties or not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from engine.drift.detector import Floats
from engine.drift.evidence import effects
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.sketch import Sketch

DRAWS = ("normal", "ties", "heavy", "constant")


def samples(draw: str, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 400, 2)
    if draw == "ties":
        return rng.integers(0, 5, n).astype(float), rng.integers(0, 6, m).astype(float)
    if draw == "heavy":
        return rng.standard_cauchy(n), rng.standard_cauchy(m) + 1
    if draw == "constant":
        return np.full(n, 3.0), np.full(m, 3.0)
    return rng.normal(size=n), rng.normal(0.3, 1.2, size=m)


def sketched(values: Floats) -> Sketch:
    sketch = Sketch()
    sketch.add(values)
    return sketch


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("draw", DRAWS)
def test_distances(draw: str, seed: int) -> None:
    """Kolmogorov-Smirnov, Wasserstein and Cliff's delta."""
    before, now = samples(draw, seed)
    steps = effects.steps(sketched(before), np.sort(now))
    assert effects.kolmogorov(steps) == pytest.approx(stats.ks_2samp(before, now).statistic, abs=1e-12)
    assert effects.wasserstein(steps) == pytest.approx(stats.wasserstein_distance(before, now), rel=1e-9)
    u = stats.mannwhitneyu(now, before).statistic
    assert effects.cliffs_delta(sketched(before), now) == pytest.approx(2 * u / len(before) / len(now) - 1)


def test_chances() -> None:
    """p-values are near the exact ones."""
    for distance in (0.05, 0.08, 0.12):
        exact = stats.distributions.kstwo.sf(distance, 500)
        assert effects.kolmogorov_p(distance, 1_000, 1_000) == pytest.approx(exact, rel=0.1)
    assert effects.chi_square_p(30.0, 12) == pytest.approx(stats.chi2.sf(30.0, 12), rel=0.05)
    assert effects.kolmogorov_p(0.3, 0, 5) == 1.0
    assert effects.shares_p(0.0, 0.0, 10, 10) == 1.0


def test_what_chance_gives() -> None:
    """The mean of squared distances between samples of one distribution is as told, or less with ties."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(400):
        steps = effects.steps(sketched(rng.random(300)), np.sort(rng.random(200)))
        found.append(effects.kolmogorov(steps) ** 2)
    assert np.mean(found) == pytest.approx(effects.by_chance(300, 200), rel=0.1)


def test_categories() -> None:
    """Total variation and Jensen-Shannon are as by hand and as scipy has them."""
    counts = Counts()
    counts.add(np.array([0.1] * 6 + [0.2] * 4))
    before, now, known = effects.shares(counts, np.array([0.1] * 3 + [0.3] * 7))
    assert known == [0.1, 0.2, 0.3]
    assert effects.total_variation(before, now) == pytest.approx(0.7)
    scipys = float(jensenshannon(before, now, 2)) ** 2
    assert effects.jensen_shannon(before, now) == pytest.approx(scipys)
