"""`driftline run`: a worker."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common import SPEC, SetOption, SpecOption, TransportOption, load_spec

if TYPE_CHECKING:
    from engine.spec import Spec
    from streams.children import Child

FreshOption = Annotated[
    bool,
    typer.Option("--fresh", help="If the state is of another spec or can't be rebuilt, begin anew."),
]


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LogOption = Annotated[Level, typer.Option("--log-level", help="How much to log.")]


def run(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    fresh: FreshOption = False,
    log_level: LogOption = Level.INFO,
    json: Annotated[bool, typer.Option("--json", help="Log as JSON lines.")] = False,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Without `driftline serve` beside it.")
    ] = False,
    no_notify: Annotated[
        bool, typer.Option("--no-notify", help="Without `driftline notify` beside it.")
    ] = False,
) -> None:
    """Run a worker until it is told to stop (SIGTERM, Ctrl-C). Several may run: they share the work.

    It starts `driftline serve` beside itself, and `driftline notify` if the spec has receivers.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the worker has its own way to end
    wanted = load_spec(spec, transport, set_)
    unhash()
    from streams.worker import run_worker

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    same = options(spec, transport, set_, log_level, json)
    left_out = [name for name, is_out in (("serve", no_serve), ("notify", no_notify)) if is_out]
    others = beside(wanted, same, left_out)
    raise typer.Exit(run_worker(wanted, fresh=fresh, log_level=log_level.value, json=json, beside=others))


def options(
    spec: Path, transport: str | None, set_: list[str] | None, log_level: Level, json: bool
) -> list[str]:
    """What makes another command read the same spec, and log in the same way."""
    given = ["--spec", str(spec), "--log-level", log_level.value]
    if transport is not None:
        given += ["--transport", transport]
    for setting in set_ or ():
        given += ["--set", setting]
    return [*given, "--json"] if json else given


def beside(spec: Spec, same: list[str], left_out: Collection[str]) -> list[Child]:
    """The commands that run beside the worker, as far as the spec wants them."""
    from streams.children import Child

    wanted = []
    if spec.serve.port is not None:
        wanted.append(Child("serve", ("serve", *same), (spec.serve.host, spec.serve.port)))
    if spec.notify.receivers:
        port = spec.notify.port
        wanted.append(Child("notify", ("notify", *same), None if port is None else (spec.http.host, port)))
    return [child for child in wanted if child.name not in left_out]


def unhash() -> None:
    """Start over with hash randomisation off: the order of sets must be the same at every replay."""
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
