"""The members of a forest: how they guessed, what their detectors found, and where their trees are.

River keeps a confusion matrix and two detectors for each; what is needed to write these back is kept, with
the orders of their dicts.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.models.compiled.adwin import Windows
from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.jit import kernel

NOBODY = -1  # the guess of a tree that knows no class
FRONT, BACK, TIMES, FIRST = 0, 1, 2, 4  # of `members`; of TIMES and FIRST one each for WARNING and DRIFT
RIGHT_GUESSES, GUESSES = range(2)  # of `scores`
COUNTED, CELL_AT, ROW_AT, COLUMN_AT = range(4)  # of `confusion`
WARNING, DRIFT, RATE, NEAR = range(4)  # of `parameters`: of the detectors, exp(-lambda), how near is near


class Forest(NamedTuple):
    """What a forest has beside its trees."""

    members: Ints  # of each: its trees in the arena, how often detectors fired, and who was first
    scores: Floats  # of each member
    confusion: (
        Floats  # of each member, label and guess (NOBODY first): how often, and since when in River's dicts
    )
    windows: Windows  # of each member's two detectors
    parameters: Floats
    by_name: Ints  # classes by their sorted labels
    order: Ints  # classes in the order of the votes for the row at hand
    dice: Ints  # a second state of random.Random, to look ahead
    tosses: Ints


@kernel
def member_score(forest: Forest, m: int) -> float:
    """The member's accuracy."""
    if forest.scores[m, GUESSES] == 0.0:
        return 0.0
    return float(forest.scores[m, RIGHT_GUESSES] / forest.scores[m, GUESSES])


@kernel
def keep_score(forest: Forest, m: int, y: int, guessed: int) -> None:
    """River's metric of the member: a confusion matrix, with the orders of its dicts."""
    now, column, confusion = forest.scores[m, GUESSES], 1 + guessed, forest.confusion
    if confusion[m, CELL_AT, y, column] < 0.0:
        confusion[m, CELL_AT, y, column] = now
    if confusion[m, ROW_AT, y, 0] < 0.0:
        confusion[m, ROW_AT, y, 0] = now
    if confusion[m, COLUMN_AT, 0, column] < 0.0:
        confusion[m, COLUMN_AT, 0, column] = now
    confusion[m, COUNTED, y, column] += 1.0
    forest.scores[m, GUESSES] = now + 1.0
    if y == guessed:
        forest.scores[m, RIGHT_GUESSES] += 1.0


@kernel
def forget_score(forest: Forest, m: int) -> None:
    for j in range(forest.scores.shape[1]):
        forest.scores[m, j] = 0.0
    for which in range(forest.confusion.shape[1]):
        for y in range(forest.confusion.shape[2]):
            for column in range(forest.confusion.shape[3]):
                forest.confusion[m, which, y, column] = 0.0 if which == COUNTED else -1.0


@kernel
def note_firing(forest: Forest, m: int, which: int) -> None:
    """Count it, and keep the order in which members came into River's dict."""
    if forest.members[m, FIRST + which] < 0:
        rank = 0
        for other in range(forest.members.shape[0]):
            rank += forest.members[other, FIRST + which] >= 0
        forest.members[m, FIRST + which] = rank
    forest.members[m, TIMES + which] += 1
