"""Rows that get another layout: some features left out, or rows of several steps put together.

What happens to a row depends on its layout alone, so it is worked out once a layout and then done to whole
batches: which layout comes of it, and from which places its values come.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from engine.models.compiled.block import Block, Floats, Ints, Names, Ragged, grown
from engine.models.compiled.jit import kernel

Plan = tuple[int, Sequence[int]]  # the layout that comes of it, and the places of its values before


@kernel
def gather(
    values: Floats, offsets: Ints, keys: Ints, starts: Ints, sources: Ints, places: Ints, found: Floats
) -> None:
    """Put rows together: row i takes what plan `keys[i]` says, each value from a source's row."""
    q = 0
    for i in range(keys.size):
        for k in range(starts[keys[i]], starts[keys[i] + 1]):
            found[q] = values[offsets[sources[k], i] + places[k]]
            q += 1


class Plans:
    """How to make rows of other layouts, by a small number for each combination of layouts."""

    def __init__(self) -> None:
        self.known: dict[Hashable, int] = {}
        self.to: Ints = np.zeros(0, np.int64)
        self.starts: Ints = np.zeros(1, np.int64)
        self.sources: Ints = np.zeros(0, np.int64)
        self.places: Ints = np.zeros(0, np.int64)

    def add(self, key: Hashable, layout: int, origins: Sequence[tuple[int, int]]) -> int:
        """Keep a plan: `origins` says for each value its source and its place in the source's row."""
        number = self.known[key] = len(self.known)
        start, stop = int(self.starts[number]), int(self.starts[number]) + len(origins)
        self.to, self.starts = grown(self.to, number + 1), grown(self.starts, number + 2)
        self.sources, self.places = grown(self.sources, stop), grown(self.places, stop)
        self.to[number], self.starts[number + 1] = layout, stop
        self.sources[start:stop] = [source for source, _ in origins]
        self.places[start:stop] = [place for _, place in origins]
        return number

    def __len__(self) -> int:
        return len(self.known)

    def rows(self, keys: Ints, parts: Sequence[Ragged], names: Names) -> Ragged:
        """Rows made by these plans from rows of each source."""
        offsets = np.zeros((len(parts), len(keys)), np.int64)
        begin = 0
        for source, part in enumerate(parts):
            lengths = names.lengths(part.layouts)
            offsets[source] = begin + np.cumsum(lengths) - lengths
            begin += part.values.size
        values = parts[0].values if len(parts) == 1 else np.concatenate([part.values for part in parts])
        found = np.empty(int((self.starts[keys + 1] - self.starts[keys]).sum()))
        gather(values, offsets, keys, self.starts, self.sources, self.places, found)
        return Ragged(self.to[keys], found)


def numbered(layouts: Ints, number: Callable[[int], int]) -> Ints:
    """Each layout's number, asked for once a layout."""
    if len(layouts) and (layouts == layouts[0]).all():
        return np.full(len(layouts), number(int(layouts[0])), np.int64)
    unique, inverse = np.unique(layouts, return_inverse=True)
    return np.array([number(layout) for layout in unique.tolist()], np.int64)[inverse]


def cut(block: Block, names: Names, fits: Callable[[int], bool]) -> Block:
    """The operations up to the first with a row whose layout doesn't fit: River takes that one."""
    ours = numbered(block.before.layouts, fits)
    if block.after is not block.before:
        ours &= numbered(block.after.layouts, fits)
    rivers = np.flatnonzero(ours == 0)
    return block.first(int(rivers[0]), names) if len(rivers) else block
