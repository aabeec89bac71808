"""Classes of labels as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from engine.models.compiled.block import Floats
from engine.models.compiled.step import Unsupported

CLASSES_MAX = 256  # beyond, arrays over classes are larger than River's dicts
FAMILIES: dict[type, int] = {bool: 0, int: 0, float: 0, str: 1}  # what sorts with what


class Classes:
    """The labels that a model has met, each by its number.

    Labels that are equal but of another type (1 and True), that can't be sorted with the others or that are
    too many are River's.

    >>> classes = Classes()
    >>> classes.encode(["b", "a", "b", 1, None])
    array([ 0.,  1.,  0., nan, nan])
    >>> classes.by_name()
    array([1, 0])
    """

    def __init__(self) -> None:
        self.labels: list[Hashable] = []
        self._numbers: dict[Hashable, int] = {}
        self._by_name: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def fit(self, label: Hashable) -> bool:
        """Whether the label can stand beside those that are known."""
        family = FAMILIES.get(type(label))
        if family is None or label != label:
            return False
        number = self._numbers.get(label)
        if number is not None:
            return type(self.labels[number]) is type(label)
        if len(self.labels) >= CLASSES_MAX:
            return False
        return not self.labels or FAMILIES[type(self.labels[0])] == family

    def known(self, label: Hashable) -> int:
        """The number of a label that River knows; raise Unsupported if it has none."""
        if not self.fit(label):
            raise Unsupported(f"the label {label!r} can't stand beside the other labels in compiled form")
        number = self._numbers.setdefault(label, len(self.labels))
        if number == len(self.labels):
            self.labels.append(label)
            self._by_name = None
        return number

    def encode(self, values: Sequence[Hashable]) -> Floats:
        """Labels as numbers; NaN where there is none, or where only River can take it."""
        types = set(map(type, values))
        if len(types) == 1 and self.labels and type(self.labels[0]) in types:
            found = list(map(self._numbers.get, values))
            if None not in found:
                return np.array(found, np.float64)
        known = {label: self.known(label) for label in dict.fromkeys(values) if self.fit(label)}
        return np.array([known.get(v, np.nan) if self.fit(v) else np.nan for v in values], np.float64)

    def by_name(self) -> npt.NDArray[np.int64]:
        """The numbers in the order of the sorted labels."""
        if self._by_name is None:
            order = sorted(range(len(self.labels)), key=self.labels.__getitem__)  # type: ignore[arg-type]
            self._by_name = np.array(order, np.int64)
        return self._by_name
