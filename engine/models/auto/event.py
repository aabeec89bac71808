"""One event through all of `use: auto`: predict, and learn.

These functions, and those of the files that they call, are plain Python over arrays. They run as they are,
and numba compiles them as they are: so there is one form of the arithmetic, and one result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.models.auto import columns, forest, history, linear, mixing
from engine.models.auto.arrays import Floats, Singles
from engine.models.auto.columns import Columns
from engine.models.auto.forest import Forest
from engine.models.auto.history import History
from engine.models.auto.linear import Linear
from engine.models.auto.mixing import Mixing

EXPERTS = len(linear.RATES) + 2 + 1 + 2  # linear ones, the forest, the history


class Mind(NamedTuple):
    """All that is learned, but for names."""

    columns: Columns
    linear: Linear
    forest: Forest
    history: History
    mixing: Mixing


class Room(NamedTuple):
    """Arrays to work in; what they hold means nothing afterwards."""

    z: Floats
    near: Singles
    scale: Floats
    gaps: Floats
    sums: Floats
    said: Floats
    logs: Floats
    mixed: Floats
    one: Floats
    out: Floats


def room(size: int, classes: int) -> Room:
    return Room(
        np.zeros(size),
        np.zeros(size, np.float32),
        np.zeros(size),
        np.zeros(size),
        np.zeros((EXPERTS, classes)),
        np.zeros((EXPERTS, classes)),
        np.zeros((EXPERTS, classes)),
        np.zeros((len(mixing.RATES), classes)),
        np.zeros(classes),
        np.zeros(classes),
    )


def consider(mind: Mind, row: Floats, classes: int, work: Room) -> None:
    """Ask every expert, and fill `work.out` with the mixture."""
    size = len(mind.linear.rates) + 2
    columns.standardise(mind.columns, row, work.z)
    columns.shift(mind.columns, row, work.near)
    linear.say(mind.linear, work.z, classes, work.sums, work.said)
    forest.say(mind.forest, work.near, classes, work.one, work.said[size])
    history.say(mind.history, classes, work.said[size + 1 :])
    mixing.blend(mind.mixing, work.said, classes, work.logs, work.mixed, work.out)


def learn(mind: Mind, row: Floats, y: int, classes: int, at_once: bool, work: Room) -> None:
    """Learn the class `y` of a row that was just considered; `at_once`: its label came with it."""
    mixing.learn(mind.mixing, y, classes, work.logs, work.mixed)
    columns.learn(mind.columns, row, work.scale)
    columns.standardise(mind.columns, row, work.z)
    columns.shift(mind.columns, row, work.near)
    linear.say(mind.linear, work.z, classes, work.sums, work.said)
    linear.learn(mind.linear, work.z, y, classes, work.sums, work.said)
    forest.learn(mind.forest, work.near, y, classes, work.scale, work.gaps)
    history.learn(mind.history, y, at_once)
