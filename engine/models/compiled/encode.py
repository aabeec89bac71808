"""Feature rows as the arrays that kernels walk: a few of them value by value, many of them by column."""

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
FEW = 12  # rows


def encode(
    names: Names,
    columns: tuple[Hashable, ...],
    rows: Sequence[tuple[Any, ...]],
    flat: Floats | None = None,
) -> Ragged:
    """Encode rows without their missing values, up to the first row that has no exact form.

    Parameters
    ----------
    names
        What the numbers in the layouts mean.
    columns, rows
        Names of features, and their values.
    flat
        All values, row by row, if they are known to be floats.

    Examples
    --------
    >>> names = Names()
    >>> found = encode(names, ("a", "b"), [(1.5, "x"), (2.5, None), (10**400, "x")])
    >>> found.values
    array([1.5, 0. , 2.5])
    >>> [names.named(layout) for layout in found.layouts]
    [('a', 'b'), ('a',)]
    """
    if flat is None and set(map(type, chain.from_iterable(rows))) == PLAIN:
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(columns))
    if flat is not None:
        return Ragged(names.rows_of(names.layout(columns), len(rows)), flat)
    if len(rows) <= FEW:
        return _few(names, columns, rows)
    return _many(names, columns, rows)


def _few(names: Names, columns: tuple[Hashable, ...], rows: Sequence[tuple[Any, ...]]) -> Ragged:
    layouts, values = list[int](), list[float]()
    for row in rows:
        kinds = [KINDS.get(type(value), ODD) for value in row]
        for kind, value in zip(kinds, row, strict=True):
            if kind == ODD or (kind == INT and not -EXACT <= value <= EXACT):
                return Ragged(np.array(layouts, np.int64), np.array(values[: _size(names, layouts)]))
            if kind != MISSING:
                values.append(names.text(value) if kind == TEXT else value)
        layouts.append(_layout(names, columns, kinds))
    return Ragged(np.array(layouts, np.int64), np.array(values, np.float64))


def _size(names: Names, layouts: list[int]) -> int:
    return sum(int(names.starts[layout + 1] - names.starts[layout]) for layout in layouts)


def _layout(names: Names, columns: tuple[Hashable, ...], kinds: list[int]) -> int:
    if MISSING not in kinds:
        return names.layout(columns, bytes(kinds))
    there = [kind for kind in kinds if kind != MISSING]
    shown = tuple(name for name, kind in zip(columns, kinds, strict=True) if kind != MISSING)
    return names.layout(shown, bytes(there))


def _many(names: Names, columns: tuple[Hashable, ...], rows: Sequence[tuple[Any, ...]]) -> Ragged:
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
    only = KINDS.get(next(iter(types)), ODD) if len(types) == 1 else ODD
    if only in (FLOAT, BOOL, MISSING):
        kinds[:], values[:] = only, 0.0 if only == MISSING else column
    elif only == TEXT:
        kinds[:], values[:] = only, [names.text(value) for value in column]
    elif types == {float, type(None)}:
        kinds[:] = [MISSING if value is None else FLOAT for value in column]
        values[:] = np.array(column, np.float64)
    else:
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
        return names.rows_of(_layout(names, columns, kinds[0].tolist()), len(kinds))
    packed = np.ascontiguousarray(kinds).view(np.dtype((np.void, kinds.shape[1]))).ravel()
    _, firsts, which = np.unique(packed, return_index=True, return_inverse=True)
    found = np.array([_layout(names, columns, kinds[first].tolist()) for first in firsts], np.int64)
    return found[which]
