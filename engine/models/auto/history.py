"""Experts that know only the labels so far: how frequent each class was of late, and what followed the last.

They take part only while labels come at once, with their events. When a label comes late, the last one
known at its event was another than the last one known now, and nobody can tell how much worse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.models.auto.arrays import Floats, Ints

FADE = 0.99


class History(NamedTuple):
    shares: Floats  # [class]
    followed: Floats  # [class before, class]
    last: Ints  # [1]: the last label, or -1


def empty(classes: int) -> History:
    return History(np.zeros(classes), np.zeros((classes, classes)), np.full(1, -1))


def say(history: History, classes: int, said: Floats) -> None:
    """Fill two rows of `said` [expert, class]."""
    last = history.last[0]
    total, after = 0.0, 0.0
    for k in range(classes):
        said[0, k] = 1.0 / classes
        said[1, k] = 1.0 / classes
        total += history.shares[k]
        if last >= 0:
            after += history.followed[last, k]
    if last >= 0:
        for k in range(classes):
            said[0, k] = (history.shares[k] + said[0, k]) / (total + 1.0)
            said[1, k] = (history.followed[last, k] + said[0, k]) / (after + 1.0)


def learn(history: History, y: int, at_once: bool) -> None:
    last = history.last[0]
    if not at_once:
        history.last[0] = -1
        return
    if last >= 0:
        for k in range(len(history.shares)):
            history.followed[last, k] *= FADE
        history.followed[last, y] += 1.0
    for k in range(len(history.shares)):
        history.shares[k] *= FADE
    history.shares[y] += 1.0
    history.last[0] = y
