"""What `benchmarks.drift` plants and what it holds still: values before a change, after it, without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import lfilter
from scipy.stats import norm

from engine.drift.detector import Floats

Rng = np.random.Generator
Draw = Callable[[Rng, tuple[int, ...]], Floats]
Odds = Callable[[Floats], Floats]
DAY_RECORDS = 1440  # a record a minute


class Shape(NamedTuple):
    """A change, and how much likelier a value is behind it, where that can be written down."""

    before: Draw
    after: Draw
    odds: Odds | None


def normal(rng: Rng, size: tuple[int, ...]) -> Floats:
    return rng.standard_normal(size)


def shares(share: float) -> Draw:
    """Zeros and ones."""
    return lambda rng, size: (rng.random(size) < share).astype(np.float64)


def humps(rng: Rng, size: tuple[int, ...]) -> Floats:
    """Two humps, of the mean and variance of normal values."""
    return np.asarray(rng.choice([-0.9, 0.9], size) + rng.standard_normal(size) * np.sqrt(1 - 0.81))


def humps_odds(x: Floats) -> Floats:
    spread = np.sqrt(1 - 0.81)
    both = np.logaddexp(norm.logpdf(x, -0.9, spread), norm.logpdf(x, 0.9, spread))
    return np.asarray(both - np.log(2) - norm.logpdf(x))


def outliers_odds(x: Floats) -> Floats:
    mixed = np.logaddexp(np.log(0.95) + norm.logpdf(x), np.log(0.05) + norm.logpdf(x, 0, 5))
    return np.asarray(mixed - norm.logpdf(x))


def spread_odds(by: float) -> Odds:
    return lambda x: np.asarray(norm.logpdf(x, 0, by) - norm.logpdf(x))


def growing(rng: Rng, size: tuple[int, ...]) -> Floats:
    """Normal values that rise by one within a thousand."""
    return rng.standard_normal(size) + np.minimum(np.arange(size[-1]) / 1000, 1)


def with_outliers(rng: Rng, size: tuple[int, ...]) -> Floats:
    return rng.standard_normal(size) * np.where(rng.random(size) < 0.05, 5, 1)


SHAPES: Mapping[str, Shape] = {
    "mean + 0.5": Shape(normal, lambda r, s: r.standard_normal(s) + 0.5, lambda x: 0.5 * x - 0.125),
    "mean + 1": Shape(normal, lambda r, s: r.standard_normal(s) + 1, lambda x: x - 0.5),
    "variance x 2": Shape(normal, lambda r, s: r.standard_normal(s) * np.sqrt(2), spread_odds(np.sqrt(2))),
    "variance / 2": Shape(normal, lambda r, s: r.standard_normal(s) / np.sqrt(2), spread_odds(np.sqrt(0.5))),
    "two humps": Shape(normal, humps, humps_odds),
    "exponential - 1": Shape(
        normal,
        lambda r, s: r.exponential(size=s) - 1,
        lambda x: np.asarray(np.where(x > -1, -(x + 1), -50) - norm.logpdf(x)),
    ),
    "Laplace": Shape(
        normal,
        lambda r, s: r.laplace(size=s) / np.sqrt(2),
        lambda x: np.asarray(-np.abs(x) * np.sqrt(2) + np.log(np.sqrt(2) / 2) - norm.logpdf(x)),
    ),
    "share .2 to .3": Shape(
        shares(0.2),
        shares(0.3),
        lambda x: np.log(np.where(x > 0, 1.5, 0.875)),
    ),
    "gradual, + 1": Shape(normal, growing, None),
    "5 % outliers": Shape(normal, with_outliers, outliers_odds),
}

CONTINUOUS: Mapping[str, Draw] = {
    "normal": normal,
    "uniform": lambda r, s: r.random(s),
    "Cauchy": lambda r, s: np.asarray(r.standard_cauchy(s)),
    "exponential": lambda r, s: r.exponential(size=s),
    "lognormal": lambda r, s: r.lognormal(0, 2, s),
    "two humps": humps,
}
DISCRETE: Mapping[str, Draw] = {
    "share .5": shares(0.5),
    "share .2": shares(0.2),
    "share .02": shares(0.02),
    "share .001": shares(0.001),
    "Poisson 3": lambda r, s: r.poisson(3, s).astype(np.float64),
    "90 % zeros": lambda r, s: np.where(r.random(s) < 0.9, 0.0, r.exponential(size=s)),
}


def remembering(by: float) -> Draw:
    """Values of which each keeps so much of the one before it."""

    def draw(rng: Rng, size: tuple[int, ...]) -> Floats:
        noise = rng.standard_normal(size)
        noise[..., 0] /= np.sqrt(1 - by * by)
        return np.asarray(lfilter([1.0], [1.0, -by], noise, axis=-1))

    return draw


def daily(of: Draw) -> Draw:
    """A wave a day, and noise."""

    def draw(rng: Rng, size: tuple[int, ...]) -> Floats:
        day = np.sin(2 * np.pi * np.arange(size[-1]) / DAY_RECORDS)
        return np.asarray(day + 0.3 * of(rng, size))

    return draw


DEPENDENT: Mapping[str, tuple[Draw, dict[str, Any]]] = {
    "AR(1) .5": (remembering(0.5), {}),
    "AR(1) .9": (remembering(0.9), {}),
    "daily cycle": (daily(normal), {"season_ms": 86_400_000}),
    "daily cycle, AR(1) .9": (daily(remembering(0.9)), {"season_ms": 86_400_000}),
}
