"""`driftline notify`: tells people of alerts."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import SPEC, SetOption, SpecOption, TransportOption, load_spec
from streams.cli.run import Level, LogOption


def notify(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    log_level: LogOption = Level.INFO,
    json: Annotated[bool, typer.Option("--json", help="Log as JSON lines.")] = False,
) -> None:
    """Deliver alerts to the receivers of the spec until told to stop. Several may run: one delivers."""
    wanted = load_spec(spec, transport, set_)
    from streams.notify.run import run_notify

    raise typer.Exit(run_notify(wanted, log_level=log_level.value, json=json))
