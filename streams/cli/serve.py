"""`driftline serve`: the API and the live page."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from streams.cli.common import SPEC, SetOption, SpecOption, TransportOption, load_spec
from streams.cli.run import Level, LogOption, unhash


def serve(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    log_level: LogOption = Level.INFO,
    json: Annotated[bool, typer.Option("--json", help="Log as JSON lines.")] = False,
) -> None:
    """Serve the API and the live page until told to stop. Several may run, beside any number of workers."""
    wanted = load_spec(spec, transport, set_)
    unhash()
    from streams.serve.run import run_server

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    raise typer.Exit(run_server(wanted, log_level=log_level.value, json=json))
