"""Whom to believe: experts' probabilities into one, by weights that are learned.

Each mixer multiplies the experts' probabilities, each to the power of its weight, and follows the gradient of
the log loss: experts that are wrong where it matters lose weight, and weights above one sharpen an expert
that is too cautious. There are three mixers, slow, quick and one whose steps adapt, and their mixtures are
averaged by trust: a mixer's likelihood so far, of which a small part is shared among all at each step, so
that each can come back (fixed share, Herbster and Warmuth 1998; geometric mixing, Mattern 2012).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.models.auto.arrays import Floats
from engine.models.auto.linear import softmax

FLOOR = 1e-3  # of an expert's probability, spread over the classes
RATES = (0.02, 0.005, 0.05)
ADAPTS = (0.0, 0.0, 1.0)
START = 1.5  # sum of the weights at the beginning
SHARE = 0.005
LEAST = 1e-6


class Mixing(NamedTuple):
    weights: Floats  # [mixer, expert]
    squares: Floats  # [mixer, expert]: of the gradients so far
    trust: Floats  # [mixer]
    rates: Floats
    adapts: Floats


def empty(experts: int) -> Mixing:
    mixers = len(RATES)
    return Mixing(
        np.full((mixers, experts), START / experts),
        np.full((mixers, experts), 1e-8),
        np.full(mixers, 1.0 / mixers),
        np.array(RATES),
        np.array(ADAPTS),
    )


def blend(mixing: Mixing, said: Floats, classes: int, logs: Floats, mixed: Floats, out: Floats) -> None:
    """Fill `logs` [expert, class], `mixed` [mixer, class] and `out` [class]."""
    for e in range(len(said)):
        for k in range(classes):
            logs[e, k] = math.log((1.0 - FLOOR) * said[e, k] + FLOOR / classes)
    for k in range(classes):
        out[k] = 0.0
    for i in range(len(mixed)):
        for k in range(classes):
            mixed[i, k] = 0.0
            for e in range(len(said)):
                mixed[i, k] += mixing.weights[i, e] * logs[e, k]
        softmax(mixed[i], classes)
        for k in range(classes):
            out[k] += mixing.trust[i] * mixed[i, k]


def learn(mixing: Mixing, y: int, classes: int, logs: Floats, mixed: Floats) -> None:
    """Learn the class `y`, right after `blend`."""
    total = 0.0
    for i in range(len(mixed)):
        for e in range(len(logs)):
            slope = logs[e, y]
            for k in range(classes):
                slope -= mixed[i, k] * logs[e, k]
            if mixing.adapts[i] > 0.0:
                mixing.squares[i, e] += slope * slope
                slope /= math.sqrt(mixing.squares[i, e])
            mixing.weights[i, e] = max(mixing.weights[i, e] + mixing.rates[i] * slope, 0.0)
        mixing.trust[i] *= max(mixed[i, y], LEAST)
        total += mixing.trust[i]
    for i in range(len(mixed)):
        mixing.trust[i] = (1.0 - SHARE) * mixing.trust[i] / total + SHARE / len(mixed)
