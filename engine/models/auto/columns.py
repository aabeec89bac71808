"""From an event's features to a row of numbers: a column for each number, and for each text of a category.

A number that is missing is NaN in the row; a category that is missing is zero in all of its columns. Linear
experts see numbers standardised by what was learned before; trees see them less the first value, so that
single precision is enough.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.models.auto.arrays import Bytes, Floats, Singles

LARGEST = 1e30  # of a number; what is larger counts as missing
FARTHEST = 8.0  # standard deviations


class Columns(NamedTuple):
    seen: Floats  # [column]: how many values there were
    mean: Floats
    squares: Floats  # sum of squared distances from the mean
    low: Floats
    high: Floats
    origin: Floats  # the first value
    text: Bytes  # whether it is one text of a category


def empty(columns: int) -> Columns:
    zeros = [np.zeros(columns) for _ in range(6)]
    return Columns(zeros[0], zeros[1], zeros[2], zeros[3], zeros[4], zeros[5], np.zeros(columns, np.uint8))


def standardise(columns: Columns, row: Floats, z: Floats) -> None:
    for j in range(len(row)):
        value = row[j]
        if columns.text[j] > 0:
            z[j] = value
            continue
        z[j] = 0.0
        if not math.isnan(value) and columns.squares[j] > 0.0:
            far = (value - columns.mean[j]) / math.sqrt(columns.squares[j] / columns.seen[j])
            z[j] = min(max(far, -FARTHEST), FARTHEST)


def shift(columns: Columns, row: Floats, near: Singles) -> None:
    for j in range(len(row)):
        near[j] = row[j] if columns.text[j] > 0 else row[j] - columns.origin[j]


def learn(columns: Columns, row: Floats, scale: Floats) -> None:
    """Take a row in, and fill `scale` with how much a distance in each column weighs for the trees.

    That is one over the geometric mean of its spread and its range: by the spread alone rare values would
    count for too much, by the range alone a single outlier.
    """
    for j in range(len(row)):
        value, scale[j] = row[j], 0.0
        if columns.text[j] > 0:
            scale[j] = 1.0
            continue
        if not math.isnan(value):
            if columns.seen[j] == 0.0:
                columns.low[j], columns.high[j] = value, value
                columns.origin[j] = value
            columns.seen[j] += 1.0
            far = value - columns.mean[j]
            columns.mean[j] += far / columns.seen[j]
            columns.squares[j] += far * (value - columns.mean[j])
            columns.low[j] = min(columns.low[j], value)
            columns.high[j] = max(columns.high[j], value)
        reach = columns.high[j] - columns.low[j]
        if columns.squares[j] > 0.0 and reach > 0.0:
            spread = math.sqrt(columns.squares[j] / columns.seen[j])
            scale[j] = 1.0 / math.sqrt(spread * reach)
