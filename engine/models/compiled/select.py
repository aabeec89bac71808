"""Select and SelectType: some of the features."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from engine.models.compiled.block import BOOL, FLOAT, INT, NONE, TEXT, Block, Ragged
from engine.models.compiled.layouts import Plans, numbered
from engine.models.compiled.step import Transformer

KINDS = {FLOAT: float, INT: int, BOOL: bool, TEXT: str, NONE: type(None)}
RIVERS = -1  # the number of a layout that River has to take


class Selection(Transformer):
    """A step without a state that keeps some features of a row."""

    takes_texts = True

    def load(self) -> None:
        self.plans = Plans()

    def write_back(self) -> None:
        """There is nothing to write."""

    @abstractmethod
    def kept(self, layout: int) -> list[int] | None:
        """The places of the features that stay, in their new order; None if River has to take the row."""

    def run(self, block: Block) -> Block:
        before = self._selected(block.before)
        after = before if block.after is block.before else self._selected(block.after)
        done = min(len(before.layouts), len(after.layouts))
        return (
            Block(block.ops, before, after) if done == len(block) else self._short(block, before, after, done)
        )

    def _short(self, block: Block, before: Ragged, after: Ragged, done: int) -> Block:
        return Block(block.ops[:done], before.first(done, self.names), after.first(done, self.names))

    def _selected(self, rows: Ragged) -> Ragged:
        keys = numbered(rows.layouts, self._number)
        rivers = np.flatnonzero(keys == RIVERS)
        if len(rivers):
            rows, keys = rows.first(int(rivers[0]), self.names), keys[: rivers[0]]
        return self.plans.rows(keys, [rows], self.names)

    def _number(self, layout: int) -> int:
        found = self.plans.known.get(layout)
        if found is not None:
            return found
        kept = self.kept(layout)
        if kept is None:
            return RIVERS
        names, kinds = self.names.named(layout), self.names.kinds_of(layout)
        to = self.names.layout(tuple(names[k] for k in kept), bytes(kinds[k] for k in kept))
        return self.plans.add(layout, to, [(0, k) for k in kept])


class ByName(Selection):
    """The compiled form of `compose.Select`: these features, in the order of River's set of them."""

    def kept(self, layout: int) -> list[int] | None:
        names = list(self.names.named(layout))
        keys = list(self.part.keys)
        return [names.index(key) for key in keys] if set(keys) <= set(names) else None


class ByType(Selection):
    """The compiled form of `compose.SelectType`: features whose values have one of these types."""

    def kept(self, layout: int) -> list[int] | None:
        wanted: tuple[Any, ...] = self.part.types
        kinds = self.names.kinds_of(layout)
        return [k for k, kind in enumerate(kinds) if issubclass(KINDS[kind], wanted)]
