"""A batch as kernels see it: ordered operations on rows of numbers.

Rows come and go as dicts in River, so they are ragged and ordered: features may be missing, new ones may
appear, keys may be permuted, and sums follow the order of the keys. A row is therefore a *layout* (the
interned names of its features in their order, with their kinds) and its values in one flat array.

    layouts   0        1     0                layout 0: names a, b      layout 1: name b
    values    1.0 2.0  5.0   3.0 4.0          {a: 1, b: 2}, {b: 5}, {a: 3, b: 4}

A transformer hands on two rows an event, because a model predicts on what the transformers made before
they learned from the event, and learns from what they made after.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

PREDICT, LEARN = 1, 2  # bits of an operation; both: predict first, then learn
FLOAT, INT, BOOL, TEXT, NONE = 0, 1, 2, 3, 4  # kinds of values

LAYOUTS_MAX = 4096
FEATURES_MAX = 65_536
TEXTS_MAX = 65_536


def grown(array: npt.NDArray[Any], size: int, fill: float = 0) -> npt.NDArray[Any]:
    """The array with room for `size` entries along its last axis; new ones hold `fill`.

    >>> grown(np.ones(2), 3)[:4]
    array([1., 1., 0., 0.])
    """
    have = array.shape[-1]
    if have >= size:
        return array
    wider = np.full((*array.shape[:-1], max(size, 2 * have, 8)), fill, array.dtype)
    wider[..., :have] = array
    return wider


class Names:
    """Names of features, layouts of rows and texts, each as a number.

    Attributes
    ----------
    features
        Every name, by its id.
    texts
        Every text, by its code.
    starts, ids, kinds
        Layout `l` has the features `ids[starts[l]:starts[l + 1]]`, with values of these `kinds`.
    """

    def __init__(self) -> None:
        self.features: list[Hashable] = []
        self.texts: list[str] = []
        self.starts: Ints = np.zeros(64, np.int64)
        self.ids: Ints = np.zeros(256, np.int64)
        self.kinds: Bytes = np.zeros(256, np.uint8)
        self.has_text: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)  # by layout
        self.any_text = False
        self.floats: Ints = np.zeros(64, np.int64)  # by layout, the one with the same names and floats only
        self._feature: dict[Hashable, int] = {}
        self._text: dict[str, int] = {}
        self._same: tuple[int, Ints] = -1, np.zeros(0, np.int64)
        self._layout: dict[tuple[tuple[Hashable, ...], bytes], int] = {}

    def __len__(self) -> int:
        """How many features there are."""
        return len(self.features)

    @property
    def crowded(self) -> bool:
        """Whether it is time to begin anew: names are kept for speed, and must not fill the memory."""
        return (
            len(self._layout) > LAYOUTS_MAX
            or len(self.features) > FEATURES_MAX
            or len(self.texts) > TEXTS_MAX
        )

    def feature(self, name: Hashable) -> int:
        """The id of a feature."""
        found = self._feature.get(name)
        if found is None:
            found = self._feature[name] = len(self.features)
            self.features.append(name)
        return found

    def text(self, text: str) -> int:
        """The code of a text."""
        found = self._text.get(text)
        if found is None:
            found = self._text[text] = len(self.texts)
            self.texts.append(text)
        return found

    def layout(self, names: tuple[Hashable, ...], kinds: bytes = b"") -> int:
        """The id of a layout: names in their order, and the kinds of their values (floats if not told)."""
        key = (names, kinds or bytes(len(names)))
        found = self._layout.get(key)
        if found is None:
            found = self._layout[key] = len(self._layout)
            start = int(self.starts[found])
            stop = start + len(names)
            self.starts = grown(self.starts, found + 2)
            self.has_text, self.floats = grown(self.has_text, found + 1), grown(self.floats, found + 1)
            self.ids, self.kinds = grown(self.ids, stop), grown(self.kinds, stop)
            self.ids[start:stop] = [self.feature(name) for name in names]
            self.kinds[start:stop] = np.frombuffer(key[1], np.uint8)
            self.has_text[found] = TEXT in key[1] or NONE in key[1]
            self.any_text |= bool(self.has_text[found])
            self.starts[found + 1] = stop
            self.floats[found] = self.layout(names) if any(key[1]) else found
        return found

    def rows_of(self, layout: int, count: int) -> Ints:
        """So many rows of one layout. Not to be written to."""
        if self._same[0] != layout or len(self._same[1]) < count:
            self._same = layout, np.full(max(count, 256), layout, np.int64)
        return self._same[1][:count]

    def named(self, layout: int) -> tuple[Hashable, ...]:
        """The names of a layout."""
        return tuple(self.features[i] for i in self.ids[self.starts[layout] : self.starts[layout + 1]])

    def kinds_of(self, layout: int) -> bytes:
        """The kinds of a layout's values."""
        return self.kinds[self.starts[layout] : self.starts[layout + 1]].tobytes()

    def lengths(self, layouts: Ints) -> Ints:
        """How many values rows of these layouts have."""
        lengths: Ints = self.starts[layouts + 1] - self.starts[layouts]
        return lengths


@dataclass(slots=True)
class Ragged:
    """Rows: a layout each, and the values of all in one array.

    A text stands there as its code, None as NaN.
    """

    layouts: Ints
    values: Floats

    def first(self, rows: int, names: Names) -> Ragged:
        """The first few of them."""
        if rows >= len(self.layouts):
            return self
        layouts = self.layouts[:rows]
        return Ragged(layouts, self.values[: int(names.lengths(layouts).sum())])


@dataclass(slots=True)
class Block:
    """Operations in their order, with the rows to predict on and the rows to learn from.

    `before is after` for rows as they came in. Where an operation doesn't predict, its row in `before` may
    hold anything; where it doesn't learn, its row in `after` may.
    """

    ops: Bytes
    before: Ragged
    after: Ragged

    def __len__(self) -> int:
        return len(self.ops)

    def columns(self, names: Names) -> tuple[Bytes, Ints, Ints, Ints, Floats, Ints, Floats]:
        """What every kernel begins with: operations, layouts, rows before, rows after."""
        before, after = self.before, self.after
        return (
            self.ops, names.starts, names.ids, before.layouts, before.values, after.layouts, after.values,
        )  # fmt: skip

    def without_texts(self, names: Names) -> Block:
        """The operations up to the first whose rows have a text or None."""
        if not names.any_text:
            return self
        texts = names.has_text[self.before.layouts]
        if self.after is not self.before:
            texts = texts | names.has_text[self.after.layouts]
        found = np.flatnonzero(texts)
        return self.first(int(found[0]), names) if len(found) else self

    def first(self, rows: int, names: Names) -> Block:
        """The first few operations."""
        if rows >= len(self.ops):
            return self
        before = self.before.first(rows, names)
        after = before if self.after is self.before else self.after.first(rows, names)
        return Block(self.ops[:rows], before, after)


@dataclass(slots=True)
class Answers:
    """What a model says to each operation that predicts.

    Attributes
    ----------
    values
        One number an event (a regressor's value, a probability of True, an anomaly score); or a row of
        numbers an event, one for each class, in the order of River's dict.
    kinds
        With rows of numbers: which of `classes` names the row's numbers. A row may be longer than it.
    classes
        The classes of River's dicts, in their order.
    """

    values: Floats
    kinds: Ints | None = None
    classes: list[tuple[Hashable, ...]] | None = None
