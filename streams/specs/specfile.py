"""Read a spec: the file, then what the environment changes in it, then what the options change.

Whatever is wrong is said at once, one line each:

    pipeline.yaml:12: events.fields.amount.tpye: unknown key; did you mean "type"?
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams.specs import speckeys
from streams.specs.speckeys import json_schema, reference
from streams.specs.specpaths import path_problems
from streams.specs.specproblems import described, unknown
from streams.specs.yamlfile import Document, Problem, Where, dotted, flow, parse

SIZE_MAX = 1 << 20
"""Bytes. A longer file is refused."""

PREFIX = "DRIFTLINE_"
RESERVED = ("SPEC", "STREAMS", "KAFKA", "REDIS", "DATA", "LOG", "LOG_LEVEL")
"""Variables that begin like ours but are not keys of the spec."""

_KUBERNETES = re.compile(r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
_TEXT = re.compile(r"kafka\.(.*(username|password|file|_id|mechanism|protocol))")


class SpecFileError(SpecError):
    """A spec that can't be used. `problems` are the lines of its text, for programs."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def load(
    path: str | os.PathLike[str],
    overrides: Mapping[str, str] = MappingProxyType({}),
    environ: Mapping[str, str] = os.environ,
) -> Spec:
    """Read the spec in `path`.

    Parameters
    ----------
    path
        A YAML file. `${NAME}`, `${NAME:-default}` and `${file:path}` in it are filled in; a value that
        is nothing but a variable is read as YAML again, unless it is quoted.
    overrides
        Dotted keys and their values as YAML, `{"http.port": "9000"}`. They win over everything.
    environ
        Variables like `DRIFTLINE_HTTP__PORT` win over the file.

    Raises
    ------
    SpecError
        With a line for every problem: where it is, which key, what is wrong, what to do.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "pipeline.yaml")
    ...     _ = file.write_text("pipeline: demo\\nevents: {fields: {amount: {type: number}}}\\n")
    ...     load(file, {"http.port": "9000"}, {}).http.port
    9000
    """
    document = parse(_text(Path(path)), str(path), Path(path).parent, environ)
    if not document.problems or document.value is not None:
        _adapt(document, overrides, environ)
        spec = _validated(document)
        if spec is not None and not document.problems:
            return spec
    raise SpecFileError(_in_order(document))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        advice = "no such file; `driftline init` writes one to start with, `--spec` names another"
        raise SpecFileError([Problem(str(path), (), advice)]) from None
    except OSError as error:
        raise SpecFileError([Problem(str(path), (), f"can't be read: {error.strerror}")]) from None
    if len(content) > SIZE_MAX:
        raise SpecFileError([Problem(str(path), (), f"longer than {SIZE_MAX:,} bytes")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecFileError([Problem(f"{path}:{line}", (), "not UTF-8 text")]) from None


def _adapt(document: Document, overrides: Mapping[str, str], environ: Mapping[str, str]) -> None:
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        text = "a spec is keys and values, beginning with `pipeline: name`"
        raise SpecFileError([Problem(document.place(()), (), text)])
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in RESERVED:
            _from_environment(document, variable, environ[variable])
    for key, value in overrides.items():
        where = _spelled(key.split("."), document)
        if not speckeys.known(where):
            document.problems.append(Problem("options", where, unknown(_first_unknown(where))))
        else:
            _put(document, where, value, "options")
    document.value = _filled(document.value, ())


def _from_environment(document: Document, variable: str, value: str) -> None:
    name = variable.removeprefix(PREFIX)
    where = _spelled(name.lower().split("__"), document)
    if speckeys.known(where):
        _put(document, where, value, variable)
    elif not _KUBERNETES.fullmatch(name):
        known = [PREFIX + "__".join(key.where).upper() for key in speckeys.every_key()]
        text = f"no key of the spec has this name{nearest(variable, known)}"
        document.problems.append(Problem(variable, (), text))


def _spelled(parts: Sequence[str], document: Document) -> Where:
    """The key as the spec and the file spell it: case does not matter, nor a dash for an underscore."""
    where: Where = ()
    value = document.value
    for part in parts:
        there = list(value) if isinstance(value, dict) else []
        known = {_folded(name): name for name in (*there, *speckeys.names(where))}
        name = part if part in there else known.get(_folded(part), part)
        where = (*where, name)
        value = value.get(name) if isinstance(value, dict) else None
    return where


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")


def _first_unknown(where: Where) -> Where:
    return next(where[:n] for n in range(1, len(where) + 1) if not speckeys.known(where[:n]))


def _put(document: Document, where: Where, value: str, place: str) -> None:
    """Set one value, and let its place tell who set it."""
    section = document.value
    for depth, part in enumerate(where[:-1], start=1):
        inner = section.get(part)
        if inner is None:
            inner = section[part] = {}
            document.places.setdefault(where[:depth], place)
        if not isinstance(inner, dict):
            text = f"{dotted(where[:depth])} is no section, so it has no {where[-1]!r}"
            document.problems.append(Problem(place, where, text))
            return
        section = inner
    for noted in (document.places, document.texts):
        for below in [known for known in noted if known[: len(where)] == where]:
            del noted[below]
    section[where[-1]] = value if _TEXT.fullmatch(dotted(where)) else flow(value)
    document.places[where] = place
    document.texts[where] = value


def _filled(value: Any, where: Where) -> Any:
    """Let a section of which every line is commented out be an empty one."""
    if value is None and where and speckeys.is_section(where):
        return {}
    if isinstance(value, dict):
        return {key: _filled(each, (*where, key)) for key, each in value.items()}
    return value


def _validated(document: Document) -> Spec | None:
    """The spec, or what is wrong with it among the document's problems."""
    for where, text in document.texts.items():
        if _TEXT.fullmatch(dotted(where)):
            _replace(document.value, where, text)
    try:
        spec = _validate(document)
    except ValidationError as error:
        reported = {problem.where for problem in document.problems}
        new = [problem for problem in described(error, document) if problem.where not in reported]
        document.problems += new
        spec = None
    reported = {problem.where for problem in document.problems}
    document.problems += [p for p in path_problems(document) if p.where not in reported]
    return spec


def _validate(document: Document) -> Spec:
    """A key that wants text gets the text of its variable, even where that reads as a number."""
    try:
        return Spec.model_validate(document.value)
    except ValidationError as error:
        wanted = [each["loc"] for each in error.errors() if each["type"] == "string_type"]
        known = [where for where in wanted if where in document.texts]
        for where in known:
            _replace(document.value, where, document.texts[where])
        if not known:
            raise
    return Spec.model_validate(document.value)


def _replace(value: Any, where: Where, text: str) -> None:
    for part in where[:-1]:
        value = value[part]
    value[where[-1]] = text


def _in_order(document: Document) -> list[Problem]:
    """The file's problems by line, then those of the environment and the options."""

    def rank(problem: Problem) -> tuple[int, int]:
        line = problem.place.removeprefix(f"{document.name}:")
        return (0, int(line)) if line.isdigit() else (int(problem.place != document.name), 0)

    return sorted(dict.fromkeys(document.problems), key=rank)


__all__ = ["PREFIX", "RESERVED", "SpecFileError", "json_schema", "load", "reference"]
