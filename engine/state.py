"""A shard's state as bytes, and back; and a hash that is equal for equal states.

Only classes of an allow-list are made while unpickling, and whoever calls `thaw` has checked the
signature before (`streams/keeping/snapshot.py`).
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from engine.errors import StateError

MODULES = ("engine", "river", "numpy", "collections", "datetime", "decimal", "fractions", "random")
FUNCTIONS = {
    ("builtins", name)
    for name in (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object",
        "range", "set", "slice", "str", "tuple", "type",
    )
} | {
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("copy", "deepcopy"),
    ("functools", "partial"),
    ("operator", "attrgetter"),
    ("operator", "itemgetter"),
    ("_operator", "attrgetter"),
    ("_operator", "itemgetter"),
    ("math", "log"),
    ("numpy", "_core.multiarray._reconstruct"),
}  # fmt: skip


PIECE = 1 << 16  # entries of a list or an array that are pickled at a stretch


class Pieces(NamedTuple):
    """Stands for what is in some pieces, one behind the other."""

    first: int
    end: int
    array: bool


class Thawer(pickle.Unpickler):
    """Unpickles classes of the allow-listed modules, and nothing that can be called besides."""

    def __init__(self, stream: io.BytesIO, allow: Iterable[str]) -> None:
        super().__init__(stream)
        self.allow = (*MODULES, *allow)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return method
        if (module, name) in FUNCTIONS:
            return super().find_class(module, name)
        if any(module == known or module.startswith(known + ".") for known in self.allow):
            found = super().find_class(module, name)
            if isinstance(found, type) or module.startswith(("numpy", "river")):
                return found
        raise StateError(
            f"the snapshot holds {module}.{name}, which is not allowed; "
            f"if it belongs to your model, add its module to snapshots.allow"
        )


def method(owner: Any, name: str) -> Any:
    """What stands in for `getattr` in a pickle: a bound method of an object, and nothing else."""
    found = getattr(owner, name)
    if isinstance(owner, type) or name.startswith("__") or getattr(found, "__self__", None) is not owner:
        raise StateError(f"the snapshot holds the attribute {name!r}, which is not allowed")
    return found


def freeze(head: Any, parts: Iterator[Any]) -> Iterator[bytes]:
    """Pickle a state piece by piece while it goes on changing.

    `head` is pickled at once. `parts` are pickled as they are asked for: whatever they give has to show the
    moment of the call.
    """
    first = pickle.dumps(head, pickle.HIGHEST_PROTOCOL)

    def pieces() -> Iterator[bytes]:
        yield first
        for part in parts:
            yield pickle.dumps(part, pickle.HIGHEST_PROTOCOL)

    return pieces()


def thaw(data: bytes, allow: Iterable[str]) -> tuple[Any, Iterator[Any]]:
    """The inverse of `freeze`, for bytes whose signature was checked; the parts come when asked for."""
    stream, allow = io.BytesIO(data), tuple(allow)
    head = Thawer(stream, allow).load()

    def parts() -> Iterator[Any]:
        while stream.tell() < len(data):
            yield Thawer(stream, allow).load()

    return head, parts()


def cut(state: Any) -> tuple[Any, list[Any]]:
    """A state of lists and arrays without what is long in it, and that in pieces.

    >>> small, pieces = cut(["a", list(range(200_000))])
    >>> small, [len(piece) for piece in pieces]
    (['a', Pieces(first=0, end=3, array=False)], [65536, 65536, 68928])
    >>> joined(small, pieces)[1] == list(range(200_000))
    True
    """
    pieces: list[Any] = []

    def without(part: Any) -> Any:
        long = isinstance(part, list | np.ndarray) and len(part) > PIECE
        if long:
            first, starts = len(pieces), range(0, len(part) // PIECE * PIECE, PIECE)
            pieces.extend(part[at : at + PIECE] for at in starts[:-1])
            pieces.append(part[starts[-1] :])
            return Pieces(first, len(pieces), isinstance(part, np.ndarray))
        return [without(each) for each in part] if isinstance(part, list) else part

    return without(state), pieces


def joined(small: Any, pieces: list[Any]) -> Any:
    """The inverse of `cut`."""
    if isinstance(small, Pieces):
        found = pieces[small.first : small.end]
        return np.concatenate(found) if small.array else [each for piece in found for each in piece]
    return [joined(each, pieces) for each in small] if isinstance(small, list) else small


def digest(value: Any) -> str:
    """A hash of any plain object by its content: equal for equal states, whatever their history.

    Pickles won't do: they differ with what is shared. The order of dicts counts, since it sets the order
    of sums.

    >>> digest([1.0, {"a": (1,)}]) == digest([1.0, {"a": (1,)}])
    True
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    False
    """
    h = hashlib.blake2b(digest_size=16)
    _feed(h.update, value, ())
    return h.hexdigest()


def _feed(update: Callable[[bytes], object], value: Any, above: tuple[int, ...]) -> None:
    if value is None or isinstance(value, (bool, int, str, bytes, type)):
        update(repr(value).encode())
    elif isinstance(value, float):
        update(float(value).hex().encode())
    elif id(value) in above:
        update(b"^%d" % (len(above) - above.index(id(value))))
    else:
        _feed_parts(update, value, (*above, id(value)))
    update(b",")


def _feed_parts(update: Callable[[bytes], object], value: Any, above: tuple[int, ...]) -> None:
    kind = type(value)
    update(b"%s(" % kind.__qualname__.encode())
    if kind in (list, tuple):
        parts: Iterable[Any] = value
    elif kind is dict:
        parts = (part for pair in value.items() for part in pair)
    elif kind in (set, frozenset):
        parts = sorted(map(digest, value))
    elif callable(value) and hasattr(value, "__qualname__"):
        parts = (value.__module__, value.__qualname__)
    else:
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            parts = (reduced,)
        else:
            _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
            if isinstance(state, dict) and "seed" in state and state["seed"] is None:
                # Parts that River makes on the way have a generator that nobody seeded and nobody asks
                # (`seeding.py` sees to that): it is not part of what the state means.
                state = {name: part for name, part in state.items() if name != "_rng"}
            parts = (arguments, state, list(items or ()), list(pairs or ()))
    for part in parts:
        _feed(update, part, above)
    update(b")")


def own_modules(use: str) -> tuple[str, ...]:
    """The modules of a user's model, whose classes a snapshot may hold.

    >>> own_modules("my_models.fraud:build"), own_modules("alma")
    (('my_models',), ())
    """
    module, colon, _ = use.partition(":")
    return (module.partition(".")[0],) if colon else ()
