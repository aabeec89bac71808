"""`use: auto` over whole blocks: the very functions of `engine/models/auto`, compiled.

They are plain Python over arrays, so there is nothing to load or to write back: kernels work on the arrays of
the model itself. What is left to do here is to make rows of numbers of a block, and numbers of its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from engine.models.auto import columns, event, forest, history, linear, mixing
from engine.models.auto.arrays import Floats, Ints
from engine.models.auto.classifier import AutoClassifier
from engine.models.auto.columns import LARGEST
from engine.models.auto.event import Mind, Room
from engine.models.compiled.block import LEARN, PREDICT, TEXT, Answers, Block, Bytes, Ragged
from engine.models.compiled.jit import kernel
from engine.models.compiled.plain import callable_from_kernels
from engine.models.compiled.step import Model


def make_walk(stamp: int) -> Callable[..., int]:
    @kernel
    def walk(
        mind: Mind, ops: Bytes, before: Floats, after: Floats, labels: Ints, known: Ints, alone: bool,
        same: bool, answers: Floats, work: Room,
    ) -> int:  # fmt: skip
        """Predict and learn in order; `known[i]` classes are known before event `i`, `known[i + 1]` after."""
        for i in range(len(ops)):
            predicts = ops[i] & PREDICT > 0
            for lesson in range(2):  # one call of `consider`, for half the code
                classes = known[i + lesson]
                if classes == 0 or ops[i] & (LEARN if lesson else PREDICT) == 0:
                    continue
                if not (lesson and same and predicts and classes == known[i]):
                    event.consider(mind, after[i] if lesson else before[i], classes, work)
                if lesson:
                    event.learn(mind, after[i], labels[i], classes, predicts or not alone, work)
                else:
                    answers[i] = work.out
        return stamp

    return walk


walk = make_walk(callable_from_kernels(columns, linear, forest, history, mixing, event))


class Auto(Model):
    takes_texts = True
    part: AutoClassifier

    def load(self) -> None:
        self._places: dict[int, Ints] = {}  # layout -> the columns of its features, where all have one

    def write_back(self) -> None:
        """The arrays are the model's own."""

    def labels(self, values: Sequence[Any]) -> Floats:
        """Numbers of classes; those that aren't known yet get the numbers that they will have."""
        self._coming = list(self.part.classes)
        return np.array([np.nan if y is None else self._number(y) for y in values], np.float64)

    def _number(self, y: Any) -> float:
        coming = self._coming
        try:
            if y not in coming:
                coming += [False, True] if not coming and isinstance(y, bool) else [y]
            number = coming.index(y)
        except TypeError:  # not even hashable
            return np.nan
        return number if number < self.part.classes_max else np.nan

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        model, ops = self.part, block.ops
        learns = ops & LEARN > 0
        numbers = np.where(learns, labels, -1.0).astype(np.int64)
        known = self._known(numbers)
        self._take_columns(block.after, np.flatnonzero(learns))
        model.make_room()
        before = self._rows(block.before)
        after = before if block.after is block.before else self._rows(block.after)
        answers = np.zeros((len(block), len(model.work.out)))
        walk(model.mind, ops, before, after, numbers, known, self.alone, before is after, answers, model.work)
        classes: list[tuple[Hashable, ...]] = [
            tuple(model.classes[:n]) for n in range(len(model.classes) + 1)
        ]
        return Answers(answers, known[:-1], classes), len(block)

    def _known(self, numbers: Ints) -> Ints:
        """How many classes are known before each event, and after the last; the new ones are taken."""
        first = len(self.part.classes)
        there = np.maximum.accumulate(np.concatenate(([first], numbers + 1)))
        if first == 0 and isinstance(self._coming[:1] and self._coming[0], bool):
            there[there > 0] = np.maximum(there[there > 0], 2)  # true and false come together
        for y in self._coming[first : int(there[-1])]:
            self.part.take_class(y)
        return there

    def _take_columns(self, rows: Ragged, learned: Ints) -> None:
        """Let new features and texts have columns, in the order of the events that are learned."""
        stops = np.cumsum(self.names.lengths(rows.layouts))
        starts = stops - self.names.lengths(rows.layouts)
        layouts = rows.layouts[learned]
        fresh = [
            layout
            for layout in np.unique(layouts).tolist()
            if layout not in self._places
            and self._lacks(layout, rows.values, starts[learned[layouts == layout]])
        ]
        for i in learned[np.isin(layouts, fresh)].tolist():
            self._take_row(int(rows.layouts[i]), rows.values[starts[i] : stops[i]])

    def _lacks(self, layout: int, values: Floats, starts: Ints) -> bool:
        """Whether a feature or a text in some rows of a layout has no column yet."""
        for j, (name, kind) in enumerate(
            zip(self.names.named(layout), self.names.kinds_of(layout), strict=True)
        ):
            codes = np.unique(values[starts + j]).tolist() if kind == TEXT else [-1]
            texts = [self.names.texts[int(code)] if kind == TEXT else None for code in codes]
            if any(self.part.column(name, text) is None for text in texts):
                return True
        return False

    def _take_row(self, layout: int, values: Floats) -> None:
        kinds = self.names.kinds_of(layout)
        for name, kind, value in zip(self.names.named(layout), kinds, values.tolist(), strict=True):
            self.part.take_column(name, self.names.texts[int(value)] if kind == TEXT else None)

    def _rows(self, rows: Ragged) -> Floats:
        """Rows of numbers, as `AutoClassifier.row` makes them."""
        names, model = self.names, self.part
        made = np.tile(model.blank, (len(rows.layouts), 1))
        lengths = names.lengths(rows.layouts)
        starts = np.cumsum(lengths) - lengths
        for layout in np.unique(rows.layouts).tolist():
            which = np.flatnonzero(rows.layouts == layout)
            kinds = np.frombuffer(names.kinds_of(layout), np.uint8)
            values = rows.values[starts[which][:, None] + np.arange(len(kinds))]
            self._fill(made, which, layout, kinds, values)
        return made

    def _fill(self, made: Floats, which: Ints, layout: int, kinds: Bytes, values: Floats) -> None:
        """Fill the rows of one layout."""
        model, named = self.part, self.names.named(layout)
        places = self._places.get(layout)
        if places is None:
            found = [None if k == TEXT else model.column(n, None) for n, k in zip(named, kinds, strict=True)]
            places = np.array([-1 if place is None else place for place in found], np.int64)
            if (places >= 0).all():
                self._places[layout] = places
        numbers = np.flatnonzero(places >= 0)
        plain = values[:, numbers]
        plain[~(np.abs(plain) <= LARGEST)] = np.nan
        made[which[:, None], places[numbers]] = plain
        for j in np.flatnonzero(kinds == TEXT).tolist():
            codes = values[:, j]
            for code in np.unique(codes).tolist():
                place = model.column(named[j], self.names.texts[int(code)])
                if place is not None:
                    made[which[codes == code], place] = 1.0
