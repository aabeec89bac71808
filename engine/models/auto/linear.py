"""Linear experts: softmax regressions at several rates, passive-aggressive and ALMA, one against the rest.

All see the same standardised row. ALMA follows Gentile (2001), passive-aggressive Crammer et al. (2006), both
in the form that River gives them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.models.auto.arrays import Floats

RATES = (0.3, 0.03, 0.003)
AGGRESSION = 0.1
ALPHA = 0.9
MARGIN = 1.0 / 0.9
PACE = math.sqrt(2.0)


class Linear(NamedTuple):
    weights: Floats  # [expert, class, column]
    intercepts: Floats  # [expert, class]
    rates: Floats  # [softmax expert]; passive-aggressive and ALMA come behind them
    mended: Floats  # [class]: one more than how often ALMA corrected itself


def empty(columns: int, classes: int) -> Linear:
    experts = len(RATES) + 2
    return Linear(
        np.zeros((experts, classes, columns)),
        np.zeros((experts, classes)),
        np.array(RATES),
        np.ones(classes),
    )


def dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


def softmax(sums: Floats, classes: int) -> None:
    """Make probabilities of weighted sums, in place."""
    top = sums[0]
    for k in range(1, classes):
        if sums[k] > top:
            top = sums[k]
    total = 0.0
    for k in range(classes):
        sums[k] = math.exp(sums[k] - top)
        total += sums[k]
    for k in range(classes):
        sums[k] /= total


def sigmoids(sums: Floats, classes: int) -> None:
    """Make probabilities of one sum a class against the rest, in place."""
    total = 0.0
    for k in range(classes):
        value = min(max(sums[k], -30.0), 30.0)
        sums[k] = 1.0 / (1.0 + math.exp(-value))
        total += sums[k]
    for k in range(classes):
        sums[k] /= total


def say(linear: Linear, z: Floats, classes: int, sums: Floats, said: Floats) -> None:
    """Fill `sums` and the first rows of `said` [expert, class] with each expert's probabilities."""
    softmaxes = len(linear.rates)
    for e in range(softmaxes + 2):
        for k in range(classes):
            sums[e, k] = dot(linear.weights[e, k], z) + linear.intercepts[e, k]
            said[e, k] = sums[e, k]
        if e < softmaxes:
            softmax(said[e], classes)
        else:
            sigmoids(said[e], classes)


def learn(linear: Linear, z: Floats, y: int, classes: int, sums: Floats, said: Floats) -> None:
    """Learn the class `y`, right after `say` of the same row."""
    softmaxes = len(linear.rates)
    for e in range(softmaxes):
        for k in range(classes):
            step = linear.rates[e] * ((1.0 if k == y else 0.0) - said[e, k])
            add(linear.weights[e, k], z, step)
            linear.intercepts[e, k] += step
    square = dot(z, z)
    for k in range(classes):
        sign = 1.0 if k == y else -1.0
        loss = 1.0 - sign * sums[softmaxes, k]
        if loss > 0.0 and square > 0.0:
            step = sign * min(AGGRESSION, loss / square)
            add(linear.weights[softmaxes, k], z, step)
            linear.intercepts[softmaxes, k] += step
        root = math.sqrt(linear.mended[k])
        if sign * sums[softmaxes + 1, k] < (1.0 - ALPHA) * MARGIN / root:
            weights = linear.weights[softmaxes + 1, k]
            add(weights, z, sign * PACE / root)
            norm = math.sqrt(dot(weights, weights))
            if norm > 1.0:
                for j in range(len(weights)):
                    weights[j] /= norm
            linear.mended[k] += 1.0


def add(weights: Floats, z: Floats, step: float) -> None:
    for j in range(len(weights)):
        weights[j] += step * z[j]
