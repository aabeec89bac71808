"""Regular expressions that take time in proportion to the text, whatever they are.

A silence comes from outside, and every shard tries it on every alert. Python's own expressions go back and
try again, so that `(a|a)*b` on thirty letters takes an hour. Here an expression becomes an automaton without
steps that read nothing (Glushkov 1961): its places are the single characters that it names, a set of places
is the bits of one number (Navarro and Raffinot 1999), and each character of the text is looked at once. So
there is nothing to go back to; what an expression may cost is bounded by its length and its places.

It knows what silences are written with: characters, `.`, `[a-z]`, `[^a-z]`, `\\d \\w \\s`, groups, `|`, `*`,
`+`, `?`, `{2,5}`. As in Alertmanager the whole text must match, so `^` and `$` may stand at the ends and say
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

LENGTH_MAX = 200  # characters of an expression
PLACES_MAX = 300  # characters that it names, repeats written out
PARTS_MAX = 10 * PLACES_MAX  # groups and characters, repeats written out
DEPTH_MAX = 20  # groups in groups
KEPT = 1_000  # expressions that are kept ready; a shard has no more silences

TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d{1,3}(?:,\d{0,3})?\}\??|[*+?]\??|\((?:\?:)?|.", re.DOTALL
)
COUNTED = re.compile(r"\{(\d+)(,?)(\d*)\}")
ESCAPES = frozenset("dwsDWS")
UNCLEAR = re.compile(r"\\.|[\[&~|]")  # what `re` warns of in a class


class Part(NamedTuple):
    """A piece of the automaton: whether it may be left out, and the places it begins and ends with."""

    empty: bool
    first: int
    last: int


NOTHING = Part(True, 0, 0)
Tree = tuple[str, list["Tree"]] | tuple[str, str] | tuple[str, "Tree", int, int | None]


@dataclass
class Pattern:
    """An expression, ready to be tried.

    Examples
    --------
    >>> bool(compiled("pay.*|shop").matches("payments")), compiled("pay").matches("payments")
    (True, False)
    """

    atoms: list[re.Pattern[str]] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)  # of each place those that may come next
    whole: Part = NOTHING
    parts: int = 0  # that were built

    def matches(self, text: str) -> bool:
        """Whether the whole text fits."""
        if not text:
            return self.whole.empty
        now, known = 0, dict[str, int]()
        for i, character in enumerate(text):
            if (fits := known.get(character)) is None:
                fits = known[character] = self._fitting(character)
            now = (self.whole.first if i == 0 else self._after(now)) & fits
            if not now:
                return False
        return bool(now & self.whole.last)

    def _fitting(self, character: str) -> int:
        return sum(1 << i for i, atom in enumerate(self.atoms) if atom.match(character))

    def _after(self, places: int) -> int:
        found = 0
        for i in _bits(places):
            found |= self.follow[i]
        return found

    # -- building --------------------------------------------------------------------------------------

    def build(self, tree: Tree) -> Part:
        """The automaton of a tree."""
        kind, self.parts = tree[0], self.parts + 1
        if self.parts > PARTS_MAX:
            raise ValueError("its repeats of repeats are too many")
        if kind == "atom":
            return self._place(str(tree[1]))
        if kind == "repeat":
            _, inner, low, high = tree  # type: ignore[misc]
            return self._repeated(inner, low, high)
        parts = [self.build(each) for each in tree[1]]  # type: ignore[arg-type]
        if kind == "either":
            firsts, lasts = (_union(getattr(part, name) for part in parts) for name in ("first", "last"))
            return Part(any(part.empty for part in parts), firsts, lasts)
        return self._chained(parts)

    def _place(self, atom: str) -> Part:
        if len(self.atoms) == PLACES_MAX:
            raise ValueError(f"it names more than {PLACES_MAX} characters, repeats written out")
        self.atoms.append(_atom(atom))
        self.follow.append(0)
        bit = 1 << (len(self.atoms) - 1)
        return Part(False, bit, bit)

    def _chained(self, parts: list[Part]) -> Part:
        whole = NOTHING
        for part in parts:
            self._link(whole.last, part.first)
            first = whole.first | (part.first if whole.empty else 0)
            last = part.last | (whole.last if part.empty else 0)
            whole = Part(whole.empty and part.empty, first, last)
        return whole

    def _repeated(self, inner: Tree, low: int, high: int | None) -> Part:
        copies = [self.build(inner) for _ in range(low)]
        if high is None:
            more = self.build(inner)
            self._link(more.last, more.first)
            copies.append(more._replace(empty=True))
        else:
            copies += [self.build(inner)._replace(empty=True) for _ in range(high - low)]
        return self._chained(copies)

    def _link(self, lasts: int, firsts: int) -> None:
        for i in _bits(lasts):
            self.follow[i] |= firsts


@lru_cache(KEPT)
def compiled(text: str) -> Pattern:
    """Make an expression ready, or say in a ValueError why it can't be.

    >>> compiled("(a|a)*b").matches("a" * 100_000)
    False
    >>> compiled("a(b")
    Traceback (most recent call last):
        ...
    ValueError: a group is not closed
    """
    if len(text) > LENGTH_MAX:
        raise ValueError(f"it has {len(text)} characters, {LENGTH_MAX} are allowed")
    pattern = Pattern()
    pattern.whole = pattern.build(Reader(text).read())
    return pattern


class Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens = TOKEN.findall(text)
        if self.tokens[:1] == ["^"]:
            del self.tokens[0]
        if self.tokens[-1:] == ["$"]:
            del self.tokens[-1]
        self.at = 0

    def read(self) -> Tree:
        tree = self._either(0)
        if self.at < len(self.tokens):
            raise ValueError("a group is closed that was not opened")
        return tree

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _either(self, depth: int) -> Tree:
        if depth > DEPTH_MAX:
            raise ValueError(f"its groups are nested more than {DEPTH_MAX} deep")
        found = [self._chain(depth)]
        while self._next() == "|":
            self.at += 1
            found.append(self._chain(depth))
        return ("either", found)

    def _chain(self, depth: int) -> Tree:
        found = list[Tree]()
        while self._next() not in ("", "|", ")"):
            found.append(self._repeats(self._single(depth)))
        return ("chain", found)

    def _single(self, depth: int) -> Tree:
        token = self._next()
        self.at += 1
        if not token.startswith("("):
            return ("atom", token)
        inner = self._either(depth + 1)
        if self._next() != ")":
            raise ValueError("a group is not closed")
        self.at += 1
        return inner

    def _repeats(self, tree: Tree) -> Tree:
        token = self._next()
        if (bounds := _bounds(token)) is None:
            return tree
        self.at += 1
        if _bounds(self._next()) is not None:
            raise ValueError(f"{token}{self._next()} repeats a repeat")
        return ("repeat", tree, *bounds)


def _bounds(token: str) -> tuple[int, int | None] | None:
    """How often a token lets the one before it come; None for one that repeats nothing."""
    if token[:1] in ("*", "+", "?") and token:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[token[0]]
    found = COUNTED.match(token)
    if found is None:
        return None
    low, high = int(found[1]), int(found[3]) if found[3] else None
    if not found[2]:
        return low, low
    if high is not None and high < low:
        raise ValueError(f"{token} asks for more than it allows")
    return low, high


def _atom(token: str) -> re.Pattern[str]:
    """What one character must be."""
    if _bounds(token) is not None:
        raise ValueError(f"{token} has nothing to repeat")
    if token == "\\":
        raise ValueError("a \\ at the end stands for nothing")
    if token[0] == "\\" and token[1].isalnum() and token[1] not in ESCAPES:
        raise ValueError(f"{token} is not known here; there is \\d, \\w, \\s and what is no letter")
    if token in ("^", "$"):
        raise ValueError(f"{token} stands in the middle; write \\{token} for the character")
    if token == "[":
        raise ValueError("a [ is not closed; write \\[ for the character")
    if token[0] not in "[.\\":
        token = re.escape(token)
    elif token[0] == "[":
        token = _class(token)
    return re.compile(token, re.DOTALL)


def _class(token: str) -> str:
    """A class of characters in which nothing has a second meaning."""
    if "--" in token or "[:" in token[1:]:
        raise ValueError(f"{token} is no class of characters that is known here")
    clear = "[" + UNCLEAR.sub(lambda found: found[0] if len(found[0]) == 2 else f"\\{found[0]}", token[1:])
    try:
        re.compile(clear)
    except re.error as exc:
        raise ValueError(f"{token} is no class of characters: {exc.msg}") from None
    return clear


def _bits(number: int) -> Iterator[int]:
    """The bits that are set, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def _union(masks: Iterator[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found
