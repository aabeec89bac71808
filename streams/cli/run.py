"""`driftline run`: a worker."""

from __future__ import annotations

import os
import signal
import sys
from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.common import SPEC, SetOption, SpecOption, TransportOption, load_spec

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
) -> None:
    """Run a worker until it is told to stop (SIGTERM, Ctrl-C). Several may run: they share the work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the worker has its own way to end
    wanted = load_spec(spec, transport, set_)
    unhash()
    from streams.worker import run_worker

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    raise typer.Exit(run_worker(wanted, fresh=fresh, log_level=log_level.value, json=json))


def unhash() -> None:
    """Start over with hash randomisation off: the order of sets must be the same at every replay."""
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
