"""JSON lines written by a kernel: fixed bytes with the values of columns between them.

All values but whole numbers are put into JSON by msgspec, all columns in one call, so they are the very
bytes that it would write in a struct; the kernel puts the pieces together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np

Fill = Callable[..., int]
Piece = bytes | int
FIXED = 1 << 30  # stands for fixed bytes among the columns
SLACK = 8  # bytes that may be read and written past an end, since eight are copied at a time
DIGITS_MAX = 20
LINE_BREAK = ord("\n")
_lines = msgspec.json.Encoder().encode_lines


class Template:
    """A line: bytes as they stand, n for a value of the n-th column, ~n for one of whole numbers.

    >>> from engine.lines_kernel import fill
    >>> template = Template([b'{"id":', 0, b',"at":', ~0, b"}"])
    >>> template.lines(fill, 2, [["a", "b"]], [[7, -12]])
    b'{"id":"a","at":7}\\n{"id":"b","at":-12}\\n'
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        pieces = [*pieces, b"\n"]
        fixed = [piece for piece in pieces if isinstance(piece, bytes)]
        self.plan = np.array([FIXED if isinstance(piece, bytes) else piece for piece in pieces])
        ends = np.cumsum([len(piece) for piece in fixed])
        self.fixed = np.frombuffer(b"".join(fixed) + bytes(SLACK), np.uint8)
        self.bounds = np.array([ends - [len(piece) for piece in fixed], ends])
        self.columns = np.array([piece for piece in self.plan if 0 <= piece < FIXED])
        self.room = int(ends[-1]) + DIGITS_MAX * int((self.plan < 0).sum())

    def lines(
        self, fill: Fill, count: int, values: Sequence[Sequence[Any]], numbers: Sequence[Sequence[int]]
    ) -> bytes:
        """One line for each row of the columns."""
        flat = np.frombuffer(_lines(list(chain.from_iterable(values))) + bytes(SLACK), np.uint8)
        breaks = (flat == LINE_BREAK).nonzero()[0]
        ends = breaks.reshape(len(values), count)
        starts = np.empty_like(breaks)
        starts[0] = 0
        np.add(breaks[:-1], 1, out=starts[1:])
        starts = starts.reshape(ends.shape)
        size = int((ends - starts)[self.columns].sum()) + count * self.room
        out = np.empty(size + SLACK, np.uint8)
        whole = np.array(numbers, np.int64)
        return out[
            : fill(out, count, self.plan, self.fixed, self.bounds, flat, starts, ends, whole)
        ].tobytes()


def warm() -> None:
    """Compile the kernel."""
    from engine.lines_kernel import fill

    Template([0, ~0]).lines(fill, 1, [["a"]], [[1]])
