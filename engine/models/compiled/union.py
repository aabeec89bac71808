"""TransformerUnion: the rows of several transformers, put together.

Each member gets the same rows. River lets the first member win where two give a feature of the same name,
and puts the last member's features first.
"""

from __future__ import annotations

from typing import Any

from engine.models.compiled import form_of
from engine.models.compiled.block import Block, Names, Ragged
from engine.models.compiled.layouts import Plans, numbered
from engine.models.compiled.step import Transformer, Unsupported

MANY = 2**31  # more than there are layouts


class Line(Transformer):
    """Transformers one behind the other, as a member of a union: River's pipeline of transformers."""

    takes_texts = True

    def load(self) -> None:
        from river import compose

        parts = self.part.steps.values() if type(self.part) is compose.Pipeline else [self.part]
        self.steps = [transformer(part, self.names) for part in parts]

    def run(self, block: Block) -> Block:
        for step in self.steps:
            step.reserve()
            block = step.run(block if step.takes_texts else block.without_texts(self.names))
        return block

    def mark(self) -> None:
        for step in self.steps:
            step.mark()

    def rewind(self) -> None:
        for step in self.steps:
            step.rewind()

    def write_back(self) -> None:
        for step in self.steps:
            step.write_back()


def transformer(part: Any, names: Names) -> Transformer:
    """The compiled form of a transformer."""
    step = form_of(part)(part, names)
    if not isinstance(step, Transformer):
        raise Unsupported(f"{type(part).__name__} is no transformer")
    return step


class Union(Transformer):
    """The compiled form of `compose.TransformerUnion`."""

    takes_texts = True

    def load(self) -> None:
        if not self.part.transformers:
            raise Unsupported("a union of nothing has no compiled form")
        self.members = [Line(part, self.names) for part in self.part.transformers.values()]
        self.plans = Plans()
        self.joints: dict[int, int] = {}
        self.joined: list[tuple[int, int]] = []

    def run(self, block: Block) -> Block:
        blocks = [member.run(block) for member in self.members]
        done = min(map(len, blocks))
        blocks = [each.first(done, self.names) for each in blocks]
        before = self._merged([each.before for each in blocks])
        if all(each.after is each.before for each in blocks):
            return Block(block.ops[:done], before, before)
        return Block(block.ops[:done], before, self._merged([each.after for each in blocks]))

    def mark(self) -> None:
        for member in self.members:
            member.mark()

    def rewind(self) -> None:
        for member in self.members:
            member.rewind()

    def write_back(self) -> None:
        for member in self.members:
            member.write_back()

    def _merged(self, parts: list[Ragged]) -> Ragged:
        keys = parts[0].layouts
        for part in parts[1:]:
            keys = numbered(keys * MANY + part.layouts, self._joined)
        return self.plans.rows(numbered(keys, self._plan), parts, self.names)

    def _joined(self, key: int) -> int:
        """A small number for a pair of numbers."""
        if key not in self.joints:
            self.joints[key] = len(self.joined)
            self.joined.append(divmod(key, MANY))
        return self.joints[key]

    def _plan(self, key: int) -> int:
        """How to put rows of these layouts together."""
        if key in self.plans.known:
            return self.plans.known[key]
        layouts, rest = list[int](), key
        for _ in self.members[1:]:
            rest, layout = self.joined[rest]
            layouts.insert(0, layout)
        layouts.insert(0, rest)
        origins: dict[Any, tuple[int, int, int]] = {}
        for source in reversed(range(len(layouts))):
            kinds = self.names.kinds_of(layouts[source])
            for place, name in enumerate(self.names.named(layouts[source])):
                origins[name] = (source, place, kinds[place])
        to = self.names.layout(tuple(origins), bytes(kind for *_, kind in origins.values()))
        return self.plans.add(key, to, [(source, place) for source, place, _ in origins.values()])
