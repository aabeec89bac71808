"""What is wrong with a spec, in a person's words: what was expected, what was found, what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.nearest import nearest
from streams.specs import speckeys
from streams.specs.yamlfile import Document, Problem, Where, dotted

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

SHOWN_MAX = 60

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, like [a, b]",
    "dict_type": "keys and values",
    "model_type": "keys and values",
}


def described(error: ValidationError, document: Document) -> Iterator[Problem]:
    """One problem for each place; what the members of a union say of one place is put together."""
    grouped: dict[Where, list[ErrorDetails]] = {}
    for each in error.errors():
        where = _written(each["loc"], document)
        if each["type"] == "missing":
            where = (*where, each["loc"][-1])
        grouped.setdefault(where, []).append(each)
    for where, errors in grouped.items():
        if not (errors[0]["type"] == "missing" and _misspelt(where, document)):
            yield from _described(where, errors, document)


def _misspelt(where: Where, document: Document) -> bool:
    """Whether the missing key is there under a wrong name, which is said already."""
    known = speckeys.names(where[:-1])
    there = (place[-1] for place in document.places if len(place) == len(where) and place[:-1] == where[:-1])
    return any(name not in known and nearest(str(name), [str(where[-1])]) for name in there)


def _written(where: Where, document: Document) -> Where:
    """The part of pydantic's location that is in the file; unions add names of their own."""
    found: Where = ()
    for part in where:
        if (*found, part) in document.places:
            found = (*found, part)
    return found


def _described(where: Where, errors: list[ErrorDetails], document: Document) -> Iterator[Problem]:
    expected = list(dict.fromkeys(_EXPECTED[e["type"]] for e in errors if e["type"] in _EXPECTED))
    if "a number" in expected and "a whole number" in expected:
        expected.remove("a whole number")
    if expected and all(e["type"] in _EXPECTED for e in errors):
        found = errors[0]["input"]
        text = (
            f"expected {' or '.join(expected)}, got {shown(where, found)}{_advice(where, errors[0], found)}"
        )
        yield Problem(document.place(where), where, text)
        return
    for error in errors:
        if error["type"] == "value_error":
            yield from _refused(where, error, document)
        else:
            yield Problem(document.place(where), where, _text(where, error))


def _advice(where: Where, error: ErrorDetails, found: Any) -> str:
    if error["type"] == "string_type" and isinstance(found, (int, float)):
        return "; write it in quotes"
    if error["type"] == "model_type" and where[:2] == ("events", "fields") and isinstance(found, str):
        return f"; write {{type: {found}}}"
    return ""


def _text(where: Where, error: ErrorDetails) -> str:
    kind, limits, found = error["type"], error.get("ctx", {}), shown(where, error["input"])
    if kind == "missing":
        about = speckeys.meaning(where)
        return f"missing, and needed{': ' + about if about else ''}"
    if kind == "extra_forbidden":
        return unknown(where)
    if kind in ("enum", "literal_error"):
        wanted = str(limits["expected"]).replace("'", "")
        known = re.split(", | or ", wanted)
        return f"expected {wanted}, got {found}{nearest(str(error['input']), known)}"
    texts = {
        "greater_than_equal": f"must be {limits.get('ge')} or more, got {found}",
        "less_than_equal": f"must be {limits.get('le')} or less, got {found}",
        "greater_than": f"must be above {limits.get('gt', 0):g}, got {found}",
        "less_than": f"must be below {limits.get('lt', 0):g}, got {found}",
        "string_pattern_mismatch": f'takes only letters, digits, ".", "_" and "-", got {found}',
        "string_too_long": f"takes at most {limits.get('max_length')} characters",
        "too_short": f"needs at least {limits.get('min_length')} entry",
        "too_long": f"takes at most {limits.get('max_length')} entries",
    }
    return texts.get(kind, error["msg"])


def _refused(where: Where, error: ErrorDetails, document: Document) -> Iterator[Problem]:
    """What a validator of the spec says: one sentence a line, pointed at the key that it speaks of."""
    for sentence in str(error["ctx"]["error"]).splitlines():
        place = _spoken_of(where, sentence, document)
        if isinstance(error["input"], Mapping):
            keys = "|".join(re.escape(dotted(place[:n])) for n in range(len(place), 0, -1))
            told = re.sub(rf"^({keys})( (?=names)|: |\.(?=\w+: ))", "", sentence)
            yield Problem(document.place(place), place, told)
        else:
            yield Problem(document.place(place), place, f"{sentence}; got {shown(where, error['input'])}")


def _spoken_of(where: Where, sentence: str, document: Document) -> Where:
    for word in re.findall(r"[a-z_.]+(?:\[\d+\][a-z_.]*)?", sentence):
        parts = re.findall(r"[a-z_]+|\d+", word)
        place = (*where, *(int(part) if part.isdigit() else part for part in parts))
        while "[" in word and place not in document.places and len(place) > len(where) + 1:
            place = place[:-1]  # the list came from an option, as a whole
        if place in document.places:
            quoted = re.findall(r"'([^']*)'", sentence)
            entry = next((p for p in _entries(place, document) if p[1] in quoted), None)
            return (*place, entry[0]) if entry else place
    return where


def _entries(where: Where, document: Document) -> Iterator[tuple[int, Any]]:
    value = document.value
    for part in where:
        value = value[part]
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def unknown(where: Where) -> str:
    """Why there is no such key, and what is meant, perhaps."""
    name, known = str(where[-1]), speckeys.names(where[:-1])
    near = nearest(name, known)
    other = speckeys.elsewhere(name)
    if other and other != dotted(where):
        return f"unknown key here; there is {other}"
    if not known:
        return "unknown key; nothing is set one by one here"
    return f"unknown key{near or '; known here: ' + ', '.join(known)}"


def shown(where: Where, value: Any) -> str:
    """A value as a message may show it: short, and never a secret."""
    if speckeys.is_secret(dotted(where)):
        return "a secret"
    if value is None:
        return "nothing"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
