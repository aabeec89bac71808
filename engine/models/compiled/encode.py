"""Feature rows as the arrays that kernels walk, a column at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from engine.models.compiled.block import BOOL, FLOAT, INT, TEXT, Bytes, Floats, Names, Ragged

MISSING, ODD = 5, 6  # kinds of values that no layout has: left out, and none of ours
EXACT = 2**52  # integers up to here, and differences of two of them, are floats without a loss
KINDS = {float: FLOAT, int: INT, bool: BOOL, str: TEXT, type(None): MISSING}
PLAIN = {float}


def encode(names: Names, columns: tuple[Hashable, ...], rows: Sequence[tuple[Any, ...]]) -> Ragged:
    """Encode rows without their missing values, up to the first row that has no exact form.

    >>> names = Names()
    >>> found = encode(names, ("a", "b"), [(1.5, "x"), (2.5, None), (10**400, "x")])
    >>> found.values
    array([1.5, 0. , 2.5])
    >>> [names.named(layout) for layout in found.layouts]
    [('a', 'b'), ('a',)]
    """
    if set(map(type, chain.from_iterable(rows))) == PLAIN:
        layouts = np.full(len(rows), names.layout(columns), np.int64)
        return Ragged(layouts, np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(columns)))
    kinds = np.empty((len(rows), len(columns)), np.uint8)
    values = np.zeros((len(rows), len(columns)))
    for place, column in enumerate(zip(*rows, strict=True)):
        _encode_column(names, column, kinds[:, place], values[:, place])
    odd = np.flatnonzero((kinds == ODD).any(axis=1))
    if len(odd):
        kinds, values = kinds[: odd[0]], values[: odd[0]]
    return Ragged(_layouts(names, columns, kinds), values[kinds != MISSING])


def _encode_column(names: Names, column: tuple[Any, ...], kinds: Bytes, values: Floats) -> None:
    types = set(map(type, column))
    if len(types) == 1 and (kind := KINDS.get(types.pop(), ODD)) in (FLOAT, BOOL, MISSING):
        kinds[:] = kind
        values[:] = 0.0 if kind == MISSING else column
        return
    kinds[:] = [KINDS.get(type(value), ODD) for value in column]
    for row, value in enumerate(column):
        if kinds[row] == TEXT:
            values[row] = names.text(value)
        elif kinds[row] == INT and not -EXACT <= value <= EXACT:
            kinds[row] = ODD
        elif kinds[row] <= BOOL:
            values[row] = value


def _layouts(names: Names, columns: tuple[Hashable, ...], kinds: Bytes) -> Any:
    """The layout of each row, by which of its values are there and of what kind."""
    if not len(kinds):
        return np.zeros(0, np.int64)
    if (kinds == kinds[0]).all():
        return np.full(len(kinds), _layout(names, columns, kinds[0]), np.int64)
    packed = np.ascontiguousarray(kinds).view(np.dtype((np.void, kinds.shape[1]))).ravel()
    _, firsts, which = np.unique(packed, return_index=True, return_inverse=True)
    found = np.array([_layout(names, columns, kinds[first]) for first in firsts], np.int64)
    return found[which]


def _layout(names: Names, columns: tuple[Hashable, ...], kinds: Bytes) -> int:
    there = kinds != MISSING
    shown = tuple(name for name, is_there in zip(columns, there.tolist(), strict=True) if is_there)
    return names.layout(shown, kinds[there].tobytes())
