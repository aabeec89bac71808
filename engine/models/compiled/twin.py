"""The compiled twin of a River model: its steps in a chain, sharing names.

Why step by step is exact: a transformer looks only at the row and at its own state, so running it over the
whole block before the model sees any of it gives what taking turns would, provided that the rows before
and after learning are kept apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.models.chain import planned
from engine.models.compiled import form_of
from engine.models.compiled.block import LEARN, Answers, Block, Bytes, Floats, Names, Ragged
from engine.models.compiled.step import Model, Transformer, Unsupported


def parts_of(model: Any) -> list[Any]:
    """The steps of a pipeline, and those of a pipeline that is its last step; of anything else, itself."""
    from river import compose

    if type(model) is not compose.Pipeline:
        return [model]
    *parts, last = model.steps.values()
    return [*parts, *parts_of(last)]


class Twin:
    """Runs blocks of operations on a River model's state.

    Parameters
    ----------
    model
        The River model. It is out of date until `write_back`.
    names
        Names of an earlier twin, to go on with.

    Examples
    --------
    >>> from river import linear_model, preprocessing
    >>> twin = Twin(preprocessing.StandardScaler() | linear_model.LogisticRegression())
    >>> row = Ragged(np.array([twin.names.layout(("x",))]), np.array([2.0]))
    >>> answers, done = twin.run(np.array([3], np.uint8), row, np.array([1.0]))
    >>> answers.values, done
    (array([0.5]), 1)
    >>> twin.write_back()["StandardScaler"].means
    defaultdict(<class 'float'>, {'x': 2.0})
    """

    def __init__(self, model: Any, names: Names | None = None) -> None:
        self.river = planned(model)
        self.names = Names() if names is None else names
        *before, last = [form_of(part)(part, self.names) for part in parts_of(model)]
        if not isinstance(last, Model):
            raise Unsupported(f"{type(last.part).__name__} is not a model")
        self.transformers: list[Transformer] = []
        for step in before:
            if not isinstance(step, Transformer):
                raise Unsupported(f"{type(step.part).__name__} is followed by other steps")
            self.transformers.append(step)
        self.model = last
        last.alone = not self.transformers
        self._room = dict[Transformer, int]()  # how many features each has room for

    def run(
        self, ops: Bytes, rows: Ragged, labels: Floats, weights: Floats | None = None
    ) -> tuple[Answers, int]:
        """Run as many operations as can be; return the answers, and how many were done.

        When some are left, the state is as before the first of these. Labels are what the model's `labels`
        made of them; a weight of NaN is none.
        """
        whole = Block(ops, rows, rows)
        for step in self.transformers:
            step.mark()
        block = self._transformed(whole)
        block = block if self.model.takes_texts else block.without_texts(self.names)
        if self.model.supervised and len(labels) and np.isnan(labels.min()):  # there are NaNs among them
            block = self._before_any(np.isnan(labels[: len(block)]) & (block.ops & LEARN > 0), block)
        if weights is not None:
            if not self.model.weighs:
                block = self._before_any(~np.isnan(weights[: len(block)]), block)
            weights = np.where(np.isnan(weights), 1.0, weights)
        self.model.weights = weights
        self.model.reserve()  # labels may have brought classes
        answers, done = self.model.run(block, labels[: len(block)])
        if done < len(whole) and self.transformers:
            for step in self.transformers:
                step.rewind()
                self._room.pop(step)  # it may have less of it
            self._transformed(whole.first(done, self.names))
        return answers, done

    def write_back(self) -> Any:
        """Bring the River model up to date, and return it."""
        for step in self.transformers:
            step.write_back()
        self.model.write_back()
        return self.river

    def warm(self) -> None:
        """Compile what only some events need. Not to be used afterwards."""
        for step in (*self.transformers, self.model):
            step.warm()

    def _transformed(self, block: Block) -> Block:
        for step in self.transformers:
            self._reserve(step)
            block = step.run(block if step.takes_texts else block.without_texts(self.names))
        return block

    def _reserve(self, step: Transformer) -> None:
        size = len(self.names.features)
        if self._room.get(step) != size:
            step.reserve()
            self._room[step] = size

    def _before_any(self, stops: npt.NDArray[np.bool_], block: Block) -> Block:
        found = np.flatnonzero(stops)
        return block.first(int(found[0]), self.names) if len(found) else block
