"""YAML that remembers where each key was written, with `${...}` filled in.

The rules of YAML 1.2 hold: only `true` and `false` are booleans (Norway stays `NO`), `1e-3` is a
number, a date is text. What could hurt is bounded: size, depth, and how far aliases may grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from streams.specs.variables import substituted

NODES_MAX = 200_000
DEPTH_MAX = 50

Where = tuple[str | int, ...]
"""The way to a value: ("events", "fields", "amount"), or ("features", 2)."""


class Problem(NamedTuple):
    place: str  # "pipeline.yaml:12", or the variable or option that set the value
    where: Where
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, dotted(self.where), self.text) if part)


@dataclass
class Document:
    """What a file says: plain values, and for each of them where it was written."""

    name: str
    value: Any = None
    places: dict[Where, str] = field(default_factory=dict)
    texts: dict[Where, str] = field(default_factory=dict)
    """The text behind a value that was read out of a variable: for keys that want text."""
    problems: list[Problem] = field(default_factory=list)

    def place(self, where: Where) -> str:
        """Where it was written, or else what holds it."""
        while where and where not in self.places:
            where = where[:-1]
        return self.places.get(where, f"{self.name}:1")


def dotted(where: Where) -> str:
    """
    >>> dotted(("features", 2)), dotted(("events", "fields", "amount"))
    ('features[2]', 'events.fields.amount')
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return "".join(parts).lstrip(".")


class Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - filled below, as PyYAML does


_TAG = "tag:yaml.org,2002:"
_PATTERNS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
_KINDS = {kind: re.compile(f"(?:{pattern})$") for kind, (pattern, _) in _PATTERNS.items()}
for _kind, (_, _first) in _PATTERNS.items():
    Loader.add_implicit_resolver(_TAG + _kind, _KINDS[_kind], list(_first))
Loader.add_implicit_resolver(_TAG + "merge", re.compile("<<$"), ["<"])


def scalar(text: str) -> Any:
    """Read `text` as an unquoted YAML scalar.

    >>> [scalar(text) for text in ("8080", "1e-3", "true", "", "no", "007")]
    [8080, 0.001, True, None, 'no', 7]
    """
    kind = next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(text)), "str")
    try:
        return _constructed(kind, text)
    except ValueError:  # thousands of digits
        return text


def flow(text: str) -> Any:
    """Read `text` as a scalar, or as a list or mapping in brackets.

    >>> flow("[amount, country]"), flow("9000")
    (['amount', 'country'], 9000)
    """
    if not text.startswith(("[", "{")):
        return scalar(text)
    document = parse(text, "", Path(), {})
    return text if document.problems else document.value


def _constructed(kind: str, text: str) -> Any:
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if kind == "float":
        return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
    return text


def parse(text: str, name: str, folder: Path, environ: Mapping[str, str]) -> Document:
    """Read one YAML document; `folder` is where `${file:...}` begins to look."""
    document = Document(name)
    try:
        root = yaml.compose(text, Loader=Loader)
        if root is not None:
            document.value = _Reader(document, folder, environ).read(root, ())
    except yaml.MarkedYAMLError as error:
        document.problems.append(_not_yaml(error, text, name))
    except yaml.YAMLError as error:
        document.problems.append(Problem(name, (), f"this is not YAML: {error}".splitlines()[0]))
    except (RecursionError, _TooMuch) as error:
        found = str(error) if isinstance(error, _TooMuch) else f"nested deeper than {DEPTH_MAX}"
        document.problems.append(Problem(name, (), found))
    return document


def _not_yaml(error: yaml.MarkedYAMLError, text: str, name: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    advice = ""
    if "'\\t'" in str(error.problem):
        advice = "; indent with spaces, not with tabs"
    elif any("${" in line for line in lines[max(0, number - 1) : number + 1]):
        advice = '; inside {...} and [...] quote it: "${NAME}"'
    return Problem(f"{name}:{number + 1}", (), f"this is not YAML: {error.problem}{advice}")


class _TooMuch(Exception):
    pass


class _Reader:
    """Turns nodes into values, notes their lines, and gathers what is wrong."""

    def __init__(self, document: Document, folder: Path, environ: Mapping[str, str]) -> None:
        self.document = document
        self.folder = folder
        self.environ = environ
        self.nodes = 0

    def read(self, node: yaml.Node, where: Where) -> Any:
        self._count(where)
        self.document.places.setdefault(where, self._line(node))
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return {key: self.read(value, (*where, key)) for key, value in self._entries(node, where)}
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(item, (*where, place)) for place, item in enumerate(node.value)]
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode) and (kind in _KINDS or kind == "str"):
            return self._scalar(node, kind, where)
        self._wrong(node, where, f"the tag {node.tag} means nothing here; leave it out")
        return None

    def _entries(self, node: yaml.MappingNode, where: Where) -> Iterator[tuple[str, yaml.Node]]:
        """The entries of a mapping, then those that `<<` brings and that are not there already."""
        seen: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, where, "a key is one word, not a list or a mapping")
            elif key.tag == _TAG + "merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif key.value in seen:
                first = seen[key.value]
                self._wrong(
                    key, (*where, key.value), f"written twice, first in line {first}; keep one of them"
                )
            else:
                seen[key.value] = line
                self.document.places[(*where, key.value)] = self._line(key)
                yield key.value, value
        yield from self._merged(merged, where, seen)

    def _merged(
        self, nodes: list[yaml.Node], where: Where, seen: dict[str, int]
    ) -> Iterator[tuple[str, yaml.Node]]:
        for node in nodes:
            if not isinstance(node, yaml.MappingNode):
                self._wrong(node, where, "<< takes a mapping: <<: *name")
                continue
            self._count((*where, "<<"))
            for key, value in self._entries(node, (*where, "<<")):
                self._count(where)
                if key not in seen:
                    seen[key] = 0
                    self.document.places[(*where, key)] = self.document.places[(*where, "<<", key)]
                    yield key, value

    def _scalar(self, node: yaml.ScalarNode, kind: str, where: Where) -> Any:
        if kind != "str":
            try:
                return _constructed(kind, node.value)
            except ValueError:
                self._wrong(node, where, f"{node.value!r} can't be read as {kind}")
                return None
        try:
            text, from_variable = substituted(node.value, self.folder, self.environ)
        except ValueError as error:
            self._wrong(node, where, str(error))
            return node.value
        if from_variable and node.style is None:
            self.document.texts[where] = text
            return scalar(text)
        return text

    def _count(self, where: Where) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise _TooMuch(f"more than {NODES_MAX:,} values, counting what aliases repeat")
        if len(where) > DEPTH_MAX:
            raise _TooMuch(f"nested deeper than {DEPTH_MAX}; does an alias hold itself?")

    def _wrong(self, node: yaml.Node, where: Where, text: str) -> None:
        self.document.problems.append(Problem(self._line(node), where, text))

    def _line(self, node: yaml.Node) -> str:
        return f"{self.document.name}:{node.start_mark.line + 1}"
