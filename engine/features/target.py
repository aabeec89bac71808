"""How the labels of a category have been so far: a category as a number, for any model.

An event sees the labels that were known before it, its own never. Labels that come later teach it, too: so
the category is remembered with the event's row, behind what the model sees.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from engine.features.moment import Column
from engine.specfeatures import Feature


class Target:
    """The mean label of each category, drawn towards the mean of all.

    Parameters
    ----------
    feature
        With the number of labels that the mean of all weighs.
    categories_max
        How many categories are remembered; the one that was met least recently leaves.

    Examples
    --------
    >>> from engine.specfeatures import Feature
    >>> risk = Target(Feature(name="risk", make="target", of="shop", prior=1), 1000)
    >>> risk.run(["a", "a", "b"], [True, None, False])
    [None, 1.0, 1.0]
    >>> risk.run(["a", "b"], [None, None])
    [0.75, 0.25]
    """

    def __init__(self, feature: Feature, categories_max: int) -> None:
        self.prior, self.categories_max = feature.prior, categories_max
        self.count, self.total = 0, 0.0
        self.known: OrderedDict[Any, tuple[int, float]] = OrderedDict()

    def run(self, of: Column, labels: Sequence[Any]) -> Column:
        """What is known of each event's category; then its label is known, if it came with it."""
        found: list[float | None] = []
        for category, label in zip(of, labels, strict=True):
            found.append(self._mean(category))
            if label is not None and category is not None:
                self._add(category, 1, float(label))
        return found

    def learn(self, of: Column, labels: Iterable[Any], before: Iterable[Any]) -> None:
        """Labels that came later; `before` holds those that they correct."""
        for category, label, wrong in zip(of, labels, before, strict=True):
            if category is not None:
                self._add(category, wrong is None, float(label) - (wrong or 0.0))

    def _mean(self, category: Any) -> float | None:
        if category is None or not self.count:
            return None
        count, total = self.known.get(category, (0, 0.0))
        weight = count + self.prior
        return (total + self.prior * (self.total / self.count)) / weight if weight else None

    def _add(self, category: Any, count: int, amount: float) -> None:
        self.count += count
        self.total += amount
        if not count and category not in self.known:
            return  # corrects a label that left with its category
        known, total = self.known.get(category, (0, 0.0))
        self.known[category] = (known + count, total + amount)
        self.known.move_to_end(category)
        if len(self.known) > self.categories_max:
            self.known.popitem(last=False)

    def state(self) -> list[Any]:
        return [self.count, self.total, list(self.known.items())]

    def restore(self, state: list[Any]) -> None:
        self.count, self.total, known = state
        self.known = OrderedDict(known)
