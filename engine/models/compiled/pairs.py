"""Texts of features as numbers: each (feature, text) that encoders of categories have met is a pair."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from engine.models.compiled.block import NONE, TEXT, Bytes, Floats, Ints, Names, Ragged, grown
from engine.models.compiled.jit import kernel

NEW, EMPTY = -1, -2  # instead of a pair: not seen before; None


@kernel
def look_up(
    starts: Ints,
    ids: Ints,
    kinds: Bytes,
    layouts: Ints,
    values: Floats,
    column_of: Ints,
    table: npt.NDArray[np.int32],
    found: Ints,
) -> bool:
    """Find the pair of each value; return whether all were known."""
    p, all_known = 0, True
    for i in range(layouts.size):
        for k in range(starts[layouts[i]], starts[layouts[i] + 1]):
            column = column_of[ids[k]]
            if kinds[k] == NONE:
                found[p] = EMPTY
            elif column < 0 or int(values[p]) >= table.shape[1]:
                found[p] = NEW
            else:
                found[p] = table[column, int(values[p])]
            all_known = all_known and found[p] != NEW
            p += 1
    return all_known


class Pairs:
    """Numbers for pairs of a feature and a text.

    Attributes
    ----------
    columns
        The features that have texts, in the order in which they came.
    found
        The pairs: places in `columns`, and texts.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.columns: list[int] = []
        self.found: list[tuple[int, str]] = []
        self.column_of: Ints = np.zeros(0, np.int64)
        self.table: npt.NDArray[np.int32] = np.zeros((0, 0), np.int32)

    def __len__(self) -> int:
        return len(self.found)

    def column(self, name: Hashable) -> int:
        """The number of a feature among those that have texts."""
        feature = self.names.feature(name)
        self.column_of = grown(self.column_of, len(self.names), -1)
        if self.column_of[feature] < 0:
            self.column_of[feature] = len(self.columns)
            self.columns.append(feature)
        return int(self.column_of[feature])

    def pair(self, name: Hashable, text: str) -> int:
        """The number of a pair."""
        column, code = self.column(name), self.names.text(text)
        rows, codes = self.table.shape
        if rows <= column or codes <= code:
            table = np.full((max(rows, 2 * column + 1), max(codes, 2 * code + 64)), NEW, np.int32)
            table[:rows, :codes] = self.table
            self.table = table
        if self.table[column, code] == NEW:
            self.table[column, code] = len(self.found)
            self.found.append((column, text))
        return int(self.table[column, code])

    def of(self, rows: Ragged) -> Ints:
        """The pair of each value of rows that have only texts and None."""
        names, values = self.names, rows.values
        self.column_of = grown(self.column_of, len(names), -1)
        found = np.empty(values.size, np.int64)
        given = (names.starts, names.ids, names.kinds, rows.layouts, values, self.column_of)
        if not look_up(*given, self.table, found):
            for feature, code in self._new(rows, found == NEW):
                self.pair(names.features[feature], names.texts[int(code)])
            look_up(*given, self.table, found)
        return found

    def _new(self, rows: Ragged, new: npt.NDArray[np.bool_]) -> dict[tuple[int, float], None]:
        """Features and codes of values that have no pair yet."""
        names = self.names
        spans = [names.ids[names.starts[each] : names.starts[each + 1]] for each in rows.layouts]
        pairs = zip(np.concatenate(spans)[new].tolist(), rows.values[new].tolist(), strict=True)
        return dict.fromkeys(pairs)


def only_texts(names: Names, layout: int, none: bool) -> bool:
    """Whether a layout has texts only, or None where that is taken."""
    return set(names.kinds_of(layout)) <= ({TEXT, NONE} if none else {TEXT})
