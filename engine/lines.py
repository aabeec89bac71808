"""JSON lines written by a kernel: fixed bytes with the values of columns between them.

Texts and numbers with fractions are put into JSON by msgspec, a whole column in one call, so they are the
very bytes that it would write in a struct; the kernel puts the pieces together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Fill = Callable[..., int]
Piece = bytes | int
FIXED, TEXT, NUMBER = 0, 1, 2
SLACK = 8  # bytes that may be read and written past an end, since eight are copied at a time
DIGITS_MAX = 20
_lines = msgspec.json.Encoder().encode_lines


class Texts(NamedTuple):
    """A column of JSON values: where each of them lies in one buffer."""

    flat: bytes
    starts: Ints
    ends: Ints


def texts(values: Sequence[Any] | None, count: int) -> Texts:
    """A column as JSON; None is a column of nulls.

    >>> column = texts(["a", 0.5, True], 3)
    >>> [column.flat[start:end] for start, end in zip(column.starts, column.ends)]
    [b'"a"', b'0.5', b'true']
    """
    if values is None:
        return alike(None, count)
    flat = _lines(values)
    ends = np.flatnonzero(np.frombuffer(flat, np.uint8) == ord("\n"))
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    return Texts(flat, starts, ends)


def alike(value: Any, count: int) -> Texts:
    """A column that holds the same in each row."""
    text = msgspec.json.encode(value)
    return Texts(text, np.zeros(count, np.int64), np.full(count, len(text)))


def either(which: npt.NDArray[np.bool_], yes: Texts, no: Texts) -> Texts:
    """In each row one of two columns."""
    shift = len(yes.flat)
    starts = np.where(which, yes.starts, no.starts + shift)
    return Texts(yes.flat + no.flat, starts, np.where(which, yes.ends, no.ends + shift))


class Template:
    """A line: bytes as they stand, `TEXT` where a column of texts goes, `NUMBER` for whole numbers.

    >>> from engine.lines_kernel import fill
    >>> template = Template(b'{"id":', TEXT, b',"at":', NUMBER, b"}")
    >>> template.lines(fill, 2, [texts(["a", "b"], 2)], [[7, -12]])
    b'{"id":"a","at":7}\\n{"id":"b","at":-12}\\n'
    """

    def __init__(self, *parts: Piece) -> None:
        parts = (*parts, b"\n")
        fixed = [part for part in parts if isinstance(part, bytes)]
        self.kinds = np.array([FIXED if isinstance(part, bytes) else part for part in parts])
        ends = np.cumsum([len(part) for part in fixed])
        self.fixed = np.frombuffer(b"".join(fixed) + bytes(SLACK), np.uint8)
        self.bounds = np.array([ends - [len(part) for part in fixed], ends])
        self.size = int(ends[-1])
        self.numbers = parts.count(NUMBER)

    def lines(
        self, fill: Fill, count: int, columns: Sequence[Texts], numbers: Sequence[Sequence[int]]
    ) -> bytes:
        """Columns in the order of their places."""
        flat = b"".join([*(column.flat for column in columns), bytes(SLACK)])
        starts, ends = np.empty((2, len(columns), count), np.int64)
        shift = size = 0
        for i, column in enumerate(columns):
            np.add(column.starts, shift, out=starts[i])
            np.add(column.ends, shift, out=ends[i])
            shift += len(column.flat)
        size = int((ends - starts).sum()) + count * (self.size + DIGITS_MAX * self.numbers)
        out = np.empty(size + SLACK, np.uint8)
        plan = (self.kinds, self.fixed, self.bounds, np.frombuffer(flat, np.uint8), starts, ends)
        return out[: fill(out, count, *plan, np.array(numbers, np.int64))].tobytes()


def warm() -> None:
    """Compile the kernel."""
    from engine.lines_kernel import fill

    Template(TEXT, NUMBER).lines(fill, 1, [texts(["a"], 1)], [[1]])
