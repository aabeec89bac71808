"""Paths into the JSON of events and labels: each must be readable, and no two may claim one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.specparts import Labels
from streams.specs.yamlfile import Document, Problem, Where, dotted

NAME_MAX = 200
LABEL_KEYS = ("id", "value", "time", "weight")


def path_problems(document: Document) -> Iterator[Problem]:
    """Fields with names or paths that can't be read, or that two of them claim."""
    value = document.value
    events, labels = _section(value, "events"), _section(value, "labels")
    fields = {name: spec for name, spec in _section(events, "fields").items() if isinstance(spec, Mapping)}
    read = [name for name, spec in fields.items() if spec.get("type") != "ignored"]
    paths: dict[Where, str] = {}
    for name in read:
        where: Where = ("events", "fields", name)
        if "path" in fields[name]:
            where = (*where, "path")
        paths[where] = str(fields[name].get("path") or name)
    yield from _unreadable(paths, document)
    yield from _collisions(paths, document)
    inside = labels.get("in_event")
    if isinstance(inside, str):
        yield from _label_in_event(inside, paths, _features(value, fields), document)
    told: dict[Where, Any] = {
        ("labels", key): labels.get(key) or Labels.model_fields[key].default for key in LABEL_KEYS
    }
    yield from _unreadable(told, document)
    yield from _collisions(told, document)


def _section(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _features(value: Any, fields: Mapping[str, Any]) -> list[str]:
    given = value.get("features") if isinstance(value, Mapping) else None
    if given and isinstance(given, list):
        return [name for entry in given for name in _read(entry)]
    roles = {_section(value, "events").get(role) for role in ("id", "key", "time")}
    kinds = ("number", "integer", "boolean", "category")
    return [name for name, spec in fields.items() if spec.get("type") in kinds and name not in roles]


def _read(entry: Any) -> list[str]:
    """The fields that an entry of the list of features shows to the model, or makes something of."""
    if not isinstance(entry, Mapping):
        return [str(entry)]
    given = [entry[key] for key in ("of", "by") if entry.get(key)]
    return [str(name) for names in given for name in (names if isinstance(names, list) else [names])]


def _unreadable(paths: Mapping[Where, Any], document: Document) -> Iterator[Problem]:
    for where, path in paths.items():
        if not isinstance(path, str):
            continue
        if not all(path.split(".")):
            yield Problem(document.place(where), where, f'"{path}" has an empty part; write a.b.c')
        elif len(path) > NAME_MAX or path != path.strip() or not path.isprintable():
            text = f"a name has up to {NAME_MAX} visible characters and no space around it"
            yield Problem(document.place(where), where, text)


def _collisions(paths: Mapping[Where, Any], document: Document) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], Where] = {}
    for where, path in paths.items():
        if isinstance(path, str):
            parts = tuple(path.split("."))
            other = _holder(parts, seen)
            if other is not None:
                text = f'reads "{path}", which {dotted(other)} ({document.place(other)}) reads too'
                yield Problem(document.place(where), where, text + "; give one of them another path")
            seen.setdefault(parts, where)
            for length in range(1, len(parts)):
                seen.setdefault((*parts[:length], ""), where)


def _holder(parts: tuple[str, ...], seen: Mapping[tuple[str, ...], Where]) -> Where | None:
    """Who reads this value already, or a part of it, or what it is a part of."""
    above = (parts[:length] for length in range(1, len(parts) + 1))
    return next((seen[path] for path in (*above, (*parts, "")) if path in seen), None)


def _label_in_event(
    inside: str, paths: Mapping[Where, str], features: list[str], document: Document
) -> Iterator[Problem]:
    where: Where = ("labels", "in_event")
    same = [other for other, path in paths.items() if path == inside]
    if any(other[2] in features for other in same):
        text = f"{dotted(same[0][:3])} is a feature; a model that sees its label learns nothing"
        yield Problem(document.place(where), where, text + "; list features without it")
    elif not same:
        yield from _collisions({**paths, where: inside}, document)
