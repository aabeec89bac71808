"""What a PromQL expression names: its metrics with the labels that are asked of each, and those it groups by.

A tokenizer, not a parser: whether an expression means anything is for Prometheus itself to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<comment>\#[^\n]*)
    |(?P<number>\d[\w.]*)
    |(?P<name>[a-zA-Z_:][\w:]*)
    |(?P<sign>=~|!~|!=|==|<=|>=|[^\s\w])""",
    re.VERBOSE,
)
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
CALLED = {"(", "by", "without"}  # a function stands before these
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", *LISTS}


@dataclass
class Named:
    """What was found.

    >>> found = named('sum by (le) (rate(a_bucket{b="x,y{"}[5m])) / on (c) group_left c:d offset 1h')
    >>> found.metrics, sorted(found.grouped)
    ([('a_bucket', {'b'}), ('c:d', set())], ['c', 'le'])
    """

    metrics: list[tuple[str, set[str]]] = field(default_factory=list)
    grouped: set[str] = field(default_factory=set)


def named(expr: str) -> Named:
    """The metrics and labels of an expression."""
    found, tokens = Named(), list(_tokens(expr))
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if text in LISTS and following == "(":
            inside = _upto(tokens[at + 2 :], ")")
            found.grouped |= {name for kind, name in inside if kind == "name"}
            at += 2 + len(inside)
        elif text == "{":
            inside = _upto(tokens[at + 1 :], "}")
            labels = {name for kind, name in inside if kind == "name"}
            found.metrics[-1][1].update(labels)
            at += 1 + len(inside)
        elif text == "[":
            at += 1 + len(_upto(tokens[at + 1 :], "]"))
        elif kind == "name" and following not in CALLED and text.lower() not in WORDS:
            found.metrics.append((text, set()))
        at += 1
    return found


def _tokens(expr: str) -> Iterator[tuple[str, str]]:
    for match in TOKEN.finditer(expr):
        if match.lastgroup not in ("comment", None):
            yield str(match.lastgroup), match[0]


def _upto(tokens: list[tuple[str, str]], end: str) -> list[tuple[str, str]]:
    return list(takewhile(lambda token: token[1] != end, tokens))
