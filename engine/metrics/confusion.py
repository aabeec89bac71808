"""Which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.metrics.block import Block, Floats
from engine.metrics.coding import OTHER


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each label was predicted as what: a row a label, a column a prediction."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def count(table: Floats, block: Block, sign: float) -> None:
    """Count a block into a square table of codes; with a sign of -1 take it away again."""
    np.add.at(table.reshape(-1), block.label * len(table) + block.guess, sign)


def told(table: Floats, names: Sequence[str]) -> Confusion:
    """The classes that were seen, by name, and at the end those beyond the bound put together.

    >>> told(np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), ["b", "a", "other"])
    Confusion(classes=('a', 'b'), counts=((0, 0), (1, 2)))
    """
    known = sorted(set(names), key=lambda name: (name == OTHER, name))
    square = np.zeros((len(known), len(known)), np.int64)
    at = np.array([known.index(name) for name in names])
    np.add.at(square, (at[:, None], at[None, :]), table.astype(np.int64))
    seen = [i for i in range(len(known)) if square[i].any() or square[:, i].any()]
    counts = tuple(tuple(square[i, seen].tolist()) for i in seen)
    return Confusion(tuple(known[i] for i in seen), counts)
