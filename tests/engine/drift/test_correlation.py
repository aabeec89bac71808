"""Correlations as signals: their mean moves when features stop going together, and only then."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from engine.drift.correlation import FEATURES_MAX, Correlations, chosen
from engine.drift.detector import Floats
from engine.state import digest

N, FIRST = 4_000, 500


def normal(sign: Floats, seed: int = 1) -> Floats:
    """Two features, each always normal, whose correlation is 0.7 times a sign."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, len(sign)))
    y: Floats = 0.7 * sign * x + np.sqrt(1 - 0.49) * noise
    return np.stack([x, y])


def cut(signals: Correlations, features: Floats, size: int) -> Floats:
    blocks = [signals.block(features[:, at : at + size]) for at in range(0, features.shape[1], size)]
    return np.concatenate(blocks, axis=1)


def test_a_flip_moves_the_mean() -> None:
    """Each feature stays as it was; the mean of their product goes below zero."""
    flip = np.where(np.arange(N) < N / 2, 1.0, -1.0)
    products = Correlations(["x", "y"], FIRST).block(normal(flip))[0]
    assert np.isnan(products[:FIRST]).all()
    before, after = products[FIRST : N // 2], products[N // 2 :]
    assert before.mean() > 0.6
    assert after.mean() < -0.6


def test_outliers_do_not_rule() -> None:
    """Values a million times as far out, and infinite ones, count as three standard deviations."""
    features = normal(np.ones(N))
    features[0, ::50] *= 1e6
    features[1, 7] = np.inf
    products = Correlations(["x", "y"], FIRST).block(features)[0]
    assert np.nanmax(np.abs(products)) <= 9
    assert np.nanmean(products) == pytest.approx(0.7, abs=0.2)


@pytest.mark.parametrize("columns", [2, 5, 12])
@pytest.mark.parametrize("size", [1, 7, 256])
def test_it_does_not_matter_how_it_is_cut(columns: int, size: int) -> None:
    """Products, pairs and state are the same, with the state saved and loaded on the way."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(columns, 1_500))
    features[rng.random(features.shape) < 0.1] = np.nan
    names = [f"f{i}" for i in range(columns)]
    whole, parts, loaded = (Correlations(names, FIRST) for _ in range(3))
    wanted = whole.block(features)
    first = cut(parts, features[:, :777], size)
    loaded.restore(parts.state())
    assert np.array_equal(wanted, np.concatenate([first, cut(loaded, features[:, 777:], size)], axis=1), True)
    assert digest(whole.state()) == digest(loaded.state())
    assert whole.signals == loaded.signals


def test_too_many_pairs() -> None:
    """Of thirty features those that go together are found, none but the first few is left out, names stay."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(30, 1_000))
    features[20] = features[3] + rng.normal(size=1_000) / 2
    signals = Correlations([f"f{i}" for i in range(30)], FIRST)
    assert [signal.name for signal in signals.signals[:2]] == ["#0", "#1"]
    signals.block(features)
    names = [signal.name for signal in signals.signals]
    assert len(names) == len(set(names)) == 28
    assert "f3*f20" in names


def test_more_features_than_are_paired() -> None:
    """The rest is counted."""
    signals = Correlations([f"f{i}" for i in range(10_000)], FIRST)
    assert (len(signals.names), signals.left_out, len(signals.signals)) == (FEATURES_MAX, 9_936, 28)
    assert signals.block(np.zeros((10_000, 600))).shape == (28, 600)


@pytest.mark.parametrize(
    "row", [np.nan, 3.0, np.inf, *(np.resize(values, 900) for values in ([0.0, 1.0], [np.nan, 2.0]))]
)
def test_odd_features(row: Any) -> None:
    """Constants, missing and infinite values give products that are finite, or none."""
    features = np.random.default_rng(4).normal(size=(3, 900))
    features[1] = row
    products = Correlations(["x", "y", "z"], 400).block(features)
    assert not np.isinf(products).any()
    assert np.isfinite(products[1, 500:]).all()  # x*z is none the worse


def test_pairs_are_chosen_by_how_close_they_are() -> None:
    """Whatever the sign."""
    rng = np.random.default_rng(5)
    records = rng.normal(size=(10, 300))
    records[9] = -records[0]
    assert (0, 9) in chosen(records, 4)
    assert chosen(records, 45) == list(combinations(range(10), 2))


def test_begin_anew() -> None:
    """The next values give the scale."""
    signals = Correlations(["x", "y"], 100)
    signals.block(normal(np.ones(200)))
    signals.restart()
    assert digest(signals.state()) == digest(Correlations(["x", "y"], 100).state())
