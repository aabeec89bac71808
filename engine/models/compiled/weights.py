"""Weights by feature in the order in which they came into being: a dict of River's as arrays."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

from engine.models.compiled.block import Floats, Ints, Names, grown


class Weights:
    """A dict of weights as two arrays.

    Attributes
    ----------
    values
        The weights, in the order of the dict.
    slot
        By feature, the place of its weight in `values`; -1 where it has none.
    at
        Scratch for sums in the order of the weights.
    """

    def __init__(self, names: Names, found: MutableMapping[Any, float]) -> None:
        self.names = names
        self.values: Floats = np.zeros(0)
        self.slot: Ints = np.zeros(0, np.int64)
        self.at: Ints = np.zeros(0, np.int64)
        features = [names.feature(name) for name in found]
        self.reserve()
        self.slot[features] = np.arange(len(features))
        self.values[: len(features)] = list(found.values())

    def reserve(self) -> None:
        """Make room for every feature that has a name."""
        self.values = grown(self.values, len(self.names))
        self.slot = grown(self.slot, len(self.names), -1)
        self.at = grown(self.at, len(self.names))

    def write_back(self, target: MutableMapping[Any, float], kind: Callable[[float], float]) -> None:
        """Put the weights into the dict; new ones come behind those it has."""
        there = np.flatnonzero(self.slot >= 0)
        ordered = there[np.argsort(self.slot[there])].tolist()
        for feature, value in zip(ordered, self.values.tolist(), strict=False):
            target[self.names.features[feature]] = kind(value)
