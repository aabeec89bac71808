"""Every key that a spec may have: as JSON Schema, as a table, and for those who look one up.

All of it is made from the models in `engine/spec.py`, so it can't fall behind them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from engine.duration import PATTERN, duration_text
from engine.spec import Spec

Node = dict[str, Any]

SECRET = re.compile(
    r"token|password|secret|^snapshots\.key$|^notify$|^notify\.receivers($|\.(?!.*\.(resolved|timeout)$))"
)

ANY_NAME = "<name>"
"""Stands for a key that the writer of the spec chooses."""


class Key(NamedTuple):
    where: tuple[str, ...]
    type: str
    default: str
    meaning: str


def json_schema() -> Node:
    """The spec as JSON Schema, for editors and other programs.

    >>> json_schema()["properties"]["labels"]["$ref"]
    '#/$defs/Labels'
    """
    return copy.deepcopy(_schema())


def reference() -> str:
    """A markdown table of every key: its type, its default, what it means.

    >>> print(reference().splitlines()[0])
    | key | type | default | meaning |
    """
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in every_key():
        cells = (f"`{'.'.join(key.where)}`", key.type, key.default, key.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def every_key() -> Iterator[Key]:
    """Every key that holds a value, in the order of the models."""
    return _keys(_schema(), ())


def names(where: Sequence[str | int]) -> list[str]:
    """The keys that are known at a place; none where the writer chooses them.

    >>> names(["commit"])
    ['every', 'timeout', 'open_max']
    """
    return list((_node(where) or {}).get("properties", {}))


def known(where: Sequence[str | int]) -> bool:
    """Whether the spec has such a key, or lets the writer choose it."""
    return _node(where) is not None


def is_section(where: Sequence[str | int]) -> bool:
    """Whether it holds keys of its own."""
    return (_node(where) or {}).get("type") == "object"


def is_secret(key: str) -> bool:
    """Whether the value of a dotted key must not be shown.

    >>> [is_secret(key) for key in ("http.token", "snapshots.key", "events.key")]
    [True, True, False]
    """
    return SECRET.search(key) is not None


def meaning(where: Sequence[str | int]) -> str:
    return _words((_node(where[:-1]) or {}).get("properties", {}).get(where[-1], {}))


def elsewhere(name: str) -> str | None:
    """The dotted key that ends in this name, if there is exactly one."""
    found = [key.where for key in every_key() if key.where[-1] == name and not _is_one_of_many(key)]
    return ".".join(found[0]) if len(found) == 1 else None


def _is_one_of_many(key: Key) -> bool:
    return ANY_NAME in key.where or any(part.endswith("[]") for part in key.where)


@cache
def _schema() -> Node:
    schema = Spec.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        part.pop("title", None)
        for prop in part.get("properties", {}).values():
            _tidy(prop)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Driftline pipeline",
        **schema,
    }


def _tidy(prop: Node) -> None:
    """Drop what repeats the key or the part, and write durations as people do."""
    prop.pop("title", None)
    default = prop.get("default")
    if isinstance(default, dict):
        del prop["default"]
    elif _is_duration(prop) and isinstance(default, int):
        prop["default"] = duration_text(default)
    if "description" in prop:
        prop["description"] = _words(prop)


def _words(prop: Node) -> str:
    return " ".join(str(prop.get("description", "")).split())


def _node(where: Sequence[str | int]) -> Node | None:
    node = _schema()
    for part in where:
        node = _inside(node)
        if isinstance(part, int):
            inner: Any = _entry(node)
        else:
            inner = node.get("properties", {}).get(part, node.get("additionalProperties"))
        if inner is True:
            return {}
        if not isinstance(inner, dict):
            return {} if node == {} else None
        node = inner
    return _inside(node)


def _inside(node: Node) -> Node:
    """A section, also one that may be left out; anything else as it is."""
    found = _resolved(node)
    parts = [_resolved(each) for each in found.get("anyOf", ())]
    return next((part for part in parts if "properties" in part or "items" in part), found)


def _resolved(node: Node) -> Node:
    reference = node.get("$ref")
    found: Node = _schema()["$defs"][reference.rpartition("/")[2]] if reference else node
    return found


def _entry(node: Node) -> Node | None:
    """The entries of a list, by what can be written in them if it is more than one value."""
    items = _inside(node).get("items", {})
    kinds = [_resolved(each) for each in items.get("oneOf", items.get("anyOf", [items]))]
    return next((kind for kind in kinds if "properties" in kind), None)


def _keys(node: Node, where: tuple[str, ...]) -> Iterator[Key]:
    required = node.get("required", ())
    for name, prop in node["properties"].items():
        here = (*where, name)
        inner = _resolved(prop)
        if "properties" in inner:
            yield from _keys(inner, here)
            continue
        yield Key(here, _type(prop), "*needed*" if name in required else _default(prop), _words(prop))
        each = inner.get("additionalProperties")
        if isinstance(each, dict) and "$ref" in each:
            yield from _keys(_resolved(each), (*here, ANY_NAME))
        for part in map(_resolved, inner.get("anyOf", ())):
            if "properties" in part:  # a section that may be left out
                yield from _keys(part, here)
        if (entry := _entry(inner)) is not None:
            yield from _keys(entry, (*where, f"{name}[]"))


def _default(prop: Node) -> str:
    value = prop.get("default")
    if value is None or value == []:
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _type(prop: Node) -> str:
    node = _resolved(prop)
    if several := node.get("anyOf", node.get("oneOf")):
        kinds = [_type(each) for each in several if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    if _is_duration(node):
        return "duration"
    if node.get("type") == "array":
        kinds = _type(node["items"]).split(" or ")
        return "list of " + " or ".join(k if k.endswith("s") else f"{k}s" for k in kinds)
    if node.get("type") == "integer":
        return "whole number" + _range(node)
    return {"string": "text", "number": "number", "boolean": "true or false"}.get(
        node["type"], "keys and values"
    )


def _range(node: Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if high is not None and high < 1 << 53:
        return f", {low} to {high}"
    return f", {low} or more" if low is not None else ""


def _is_duration(node: Node) -> bool:
    return any(each.get("pattern") == PATTERN for each in (node, *node.get("anyOf", ())))
