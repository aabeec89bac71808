"""A bound on what a model grows to.

Trees, forests and neighbours keep more the longer they learn. Once a shard's model is larger than
`limits.model_bytes_max` it stops learning, and goes on predicting with what it knows: a worker that runs out
of memory would do neither, again and again.

Its size is counted in numbers: `NUMBER` bytes for each one that it holds, which is about what Python takes
for a number with the objects around it, and arrays as they are. That is the same for equal models, whatever
their history, as bytes in memory or in a pickle are not. It is counted at a shard's turns, and depends on the
state alone, so a replay stops learning at the same record. It takes about 10 ns a counted byte; so it is
done more seldom the larger the model is, and sooner where it grows so fast that it might reach the bound.
"""

from __future__ import annotations

import gc
import random
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

EVERY = 8_192  # records, at least, between two looks
BYTES_PER_RECORD = 8  # that are looked at, on the average
NUMBER = 100
CHUNK = 1_000

NUMBERS = (int, float, complex, np.generic)
# What has nothing of the model in it, or what differs and means nothing, as a generator that nobody seeded.
ASIDE = (
    type,
    str,
    bytes,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    random.Random,
    np.random.RandomState,
)


def weigh(model: Any) -> int:
    """The size of a model in bytes, counted in numbers.

    >>> weigh({"a": 1.0, "b": [2.0, 3]}), weigh(np.zeros(50))
    (300, 400)
    """
    total, seen, level = 0, {id(model)}, [model]
    while level:
        found: list[Any] = []
        for start in range(0, len(level), CHUNK):
            found += gc.get_referents(*level[start : start + CHUNK])
        total += sum(each.nbytes for each in level if type(each) is np.ndarray)
        rest = [each for each in found if each is not None and not isinstance(each, NUMBERS)]
        total += NUMBER * sum(isinstance(each, NUMBERS) for each in found)
        level = []
        for each in rest:
            if id(each) not in seen and not isinstance(each, ASIDE):
                seen.add(id(each))
                level.append(each)
    return total


class Growth:
    """The size of one shard's model, as it was when last looked at.

    Parameters
    ----------
    most
        `limits.model_bytes_max`.

    Attributes
    ----------
    reached
        Whether the model has met its bound, and learns no more.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes, self.at, self.next = 0, 0, EVERY
        self.reached = False

    def is_due(self, taken: int) -> bool:
        return taken >= self.next and not self.reached

    def look(self, model: Any, taken: int) -> bool:
        """Weigh a model after so many records of the shard; True if it may not grow any more."""
        found = weigh(model)
        pause, grown = found // BYTES_PER_RECORD, found - self.bytes
        if grown > 0:  # half of what is left, should it go on like this
            pause = min(pause, (self.most - found) * (taken - self.at) // (2 * grown))
        self.bytes, self.at, self.next = found, taken, taken + max(EVERY, pause)
        self.reached = found > self.most
        return self.reached

    def state(self) -> list[Any]:
        return [self.bytes, self.at, self.next, self.reached]

    def restore(self, state: list[Any]) -> None:
        self.bytes, self.at, self.next, self.reached = state
