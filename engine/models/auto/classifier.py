"""The classifier of `use: auto`, as River's classifiers are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from river import base

from engine.models.auto import columns, event, forest, history, linear, mixing
from engine.models.auto.arrays import Floats, fitted, room_for
from engine.models.auto.columns import LARGEST
from engine.models.auto.event import EXPERTS, Mind, Room

TEXTS_MAX = 32  # of a category, with a column of their own; the others share one
OTHER = None
PARTS: tuple[Any, ...] = (columns.Columns, linear.Linear, forest.Forest, history.History, mixing.Mixing)


class AutoClassifier(base.Classifier):
    """Linear models, a forest and the recent labels, and a mixture that learns whom to believe.

    It takes numbers and texts as they are, of any scale, missing or not, and any number of classes.

    Parameters
    ----------
    trees
        How many trees the forest has.
    nodes_max
        How many nodes a tree may have before it begins anew.
    columns_max
        How many columns the features may fill: one for each number, one for each of the first texts of each
        category. What would need more is not seen, and counted in `unseen`.
    classes_max
        How many classes there may be; a label of a further one is an error.
    seed
        Of the forest's generators.

    Examples
    --------
    >>> model = AutoClassifier()
    >>> for i in range(200):
    ...     model.learn_one({"x": i % 7, "c": "ab"[i % 2]}, i % 7 > 3)
    >>> model.predict_one({"x": 6, "c": "a"}), model.predict_one({"x": 1})
    (True, False)
    """

    def __init__(
        self,
        trees: int = 15,
        nodes_max: int = 2048,
        columns_max: int = 256,
        classes_max: int = 64,
        seed: int = 1,
    ) -> None:
        self.trees = trees
        self.nodes_max = nodes_max
        self.columns_max = columns_max
        self.classes_max = classes_max
        self.seed = seed
        self.classes: list[base.typing.ClfTarget] = []
        self.places: dict[Any, int] = {}  # the column of each number, and of each (category, text)
        self.texts: dict[Any, int] = {}  # how many columns each category has
        self.unseen = 0
        self._make(self._empty(8, 2))

    @property
    def _multiclass(self) -> bool:
        return True

    # -- predict and learn, event by event -----------------------------------------------------------

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, float]:
        known = len(self.classes)
        if known == 0:
            return {}
        event.consider(self.mind, self.row(x), known, self.work)
        return dict(zip(self.classes, self.work.out[:known].tolist(), strict=True))

    def learn_one(self, x: Mapping[Any, Any], y: base.typing.ClfTarget) -> None:
        """Learn from an event whose label came with it, before the next event was predicted."""
        self._learn(x, y, at_once=True)

    def learn_late_one(self, x: Mapping[Any, Any], y: base.typing.ClfTarget) -> None:
        """Learn from an event whose label came later: what the last label was tells nothing then."""
        self._learn(x, y, at_once=False)

    def _learn(self, x: Mapping[Any, Any], y: base.typing.ClfTarget, at_once: bool) -> None:
        self.take_class(y)
        for name, value in x.items():
            self.take_column(name, value if isinstance(value, str) else None)
        self.make_room()
        row, known, number = self.row(x), len(self.classes), self.classes.index(y)
        event.consider(self.mind, row, known, self.work)
        event.learn(self.mind, row, number, known, at_once, self.work)

    # -- names to numbers ------------------------------------------------------------------------------

    def take_class(self, y: base.typing.ClfTarget) -> None:
        """Make sure that a class is known."""
        if y in self.classes:
            return
        if len(self.classes) >= self.classes_max:
            raise ValueError(f"{y!r} is one class too many: classes_max is {self.classes_max}")
        self.classes += [False, True] if not self.classes and isinstance(y, bool) else [y]

    def take_column(self, name: Any, text: str | None) -> None:
        """Make sure that a number, or a text of a category, has its column, if there is room."""
        if self.column(name, text) is not None:
            return
        if len(self.places) >= self.columns_max:
            self.unseen += 1
            return
        place = len(self.places)
        if text is None:
            self.places[name] = place
            return
        had = self.texts.get(name, 0)
        self.texts[name] = had + 1
        self.places[name, text if had < TEXTS_MAX else OTHER] = place
        self.make_room()
        self.mind.columns.text[place] = 1
        self.blank[place] = 0.0
        for t, used in enumerate(self.mind.forest.used.tolist()):
            self.mind.forest.low[t, :used, place] = 0.0
            self.mind.forest.high[t, :used, place] = 0.0

    def column(self, name: Any, text: str | None) -> int | None:
        """Where a number or a text stands in a row."""
        if text is None:
            return self.places.get(name)
        found = self.places.get((name, text))
        return self.places.get((name, OTHER)) if found is None else found

    def row(self, x: Mapping[Any, Any]) -> Floats:
        """The features as a row of numbers."""
        row = self.blank.copy()
        for name, value in x.items():
            text = isinstance(value, str)
            place = self.column(name, value if text else None)
            if text and place is not None:
                row[place] = 1.0
            elif place is not None and -LARGEST <= value <= LARGEST:
                row[place] = value
        return row

    # -- room, and the state ---------------------------------------------------------------------------

    def _empty(self, size: int, classes: int) -> Mind:
        return Mind(
            columns.empty(size),
            linear.empty(size, classes),
            forest.empty(self.trees, self.nodes_max, size, classes, self.seed),
            history.empty(classes),
            mixing.empty(EXPERTS),
        )

    def _make(self, mind: Mind) -> None:
        self.mind = mind
        size, classes = len(mind.columns.seen), len(mind.history.shares)
        self.work: Room = event.room(size, classes)
        self.blank: Floats = np.where(mind.columns.text > 0, 0.0, np.nan)

    def make_room(self) -> None:
        """Let the arrays have places for every column and class that is known."""
        size, classes = room_for(len(self.places), 8), room_for(len(self.classes), 2)
        have = self.mind
        if size > len(have.columns.seen) or classes > len(have.history.shares):
            wider = self._empty(size, classes)
            self._make(self._copied(have, wider))

    def _copied(self, mind: Mind, into: Mind) -> Mind:
        return Mind(
            fitted(mind.columns, into.columns),
            fitted(mind.linear, into.linear),
            forest.copied(mind.forest, into.forest),
            fitted(mind.history, into.history),
            fitted(mind.mixing, into.mixing),
        )

    def __getstate__(self) -> dict[str, Any]:
        """The state without the room to grow, and without what trees have left behind."""
        state = {name: value for name, value in self.__dict__.items() if name not in ("work", "blank")}
        state["mind"] = tuple(map(tuple, self._trimmed()))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        parts = state.pop("mind")
        self.__dict__.update(state)
        whole = self._empty(room_for(len(self.places), 8), room_for(len(self.classes), 2))
        parts = Mind(*(kind(*part) for kind, part in zip(PARTS, parts, strict=True)))
        self._make(self._copied(parts, whole))

    def _trimmed(self) -> Mind:
        trees, nodes = self.mind.forest, int(self.mind.forest.used.max())
        kept = forest.empty(self.trees, nodes, len(self.places), len(self.classes), self.seed)
        kept.low[:], kept.high[:] = np.inf, -np.inf
        size, classes = len(self.places), len(self.classes)
        have = self.mind
        return Mind(
            columns.Columns(*(each[:size] for each in list[Any](have.columns))),
            linear.Linear(
                have.linear.weights[:, :classes, :size],
                have.linear.intercepts[:, :classes],
                have.linear.rates,
                have.linear.mended[:classes],
            ),
            forest.copied(trees, kept),
            history.History(
                have.history.shares[:classes], have.history.followed[:classes, :classes], have.history.last
            ),
            have.mixing,
        )
