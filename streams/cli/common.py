"""What the commands share: the options that name a spec, and ways to speak.

Data goes to stdout, everything else to stderr. A command that takes the spec begins like this:

    def check(spec: SpecOption = SPEC, transport: TransportOption = None, set_: SetOption = None) -> None:
        wanted = load_spec(spec, transport, set_)
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from connectors.log import Log
from engine.errors import SpecError
from engine.spec import Spec
from streams.telemetry.hidden import hide, learn

SPEC = Path("driftline.yaml")

SpecOption = Annotated[
    Path, typer.Option("--spec", "-s", envvar="DRIFTLINE_SPEC", metavar="PATH", help="The pipeline's file.")
]
TransportOption = Annotated[
    str | None,
    typer.Option("--transport", metavar="URL", help="Where the topics are, if not where the spec says."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the spec: --set http.port=9000."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def load_spec(path: Path, transport: str | None = None, settings: Sequence[str] | None = None) -> Spec:
    """The spec in `path`, with what the environment and the options change in it."""
    from streams.specs import specfile

    overrides: dict[str, str] = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise SpecError(f"--set {setting}: write --set key=value, for example --set http.port=9000")
        overrides[key.strip()] = value
    if transport is not None:
        overrides["transport"] = transport
    spec = specfile.load(path, overrides)
    learn(spec)
    return spec


@contextmanager
def opened(spec: Spec) -> Iterator[Log]:
    """The spec's log, closed at the end."""
    from connectors import open_log

    log = open_log(spec.transport, spec.kafka)
    try:
        yield log
    finally:
        log.close()


def say(text: str) -> None:
    """One line for the person, on stderr."""
    typer.echo(hide(text), err=True)


def put(text: str) -> None:
    """One line of data, on stdout."""
    typer.echo(text)


def put_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One line of JSON, on stdout."""
    put(msgspec.json.encode(value).decode())


def put_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns, on stdout."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def fail(text: str, code: int = 1) -> typer.Exit:
    """Say why, and end: `raise fail("there is nothing to send")`."""
    say(text)
    return typer.Exit(code)


def user() -> str:
    """Who is at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def watched() -> bool:
    """Whether a person sees our stderr, so that a progress bar makes sense."""
    return sys.stderr.isatty()


__all__ = [
    "SPEC",
    "JsonOption",
    "SetOption",
    "SpecOption",
    "TransportOption",
    "fail",
    "load_spec",
    "opened",
    "put",
    "put_json",
    "put_table",
    "say",
    "user",
    "watched",
]
