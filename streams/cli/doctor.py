"""`driftline doctor`: what keeps a worker from running."""

import sys

import typer

from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    load_spec,
    put,
    put_json,
)
from streams.telemetry.hidden import hide

STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Look at everything that a worker needs, and change nothing. Exit code 1 if something fails."""
    wanted = load_spec(spec, transport, set_)
    from streams.doctor import examine

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    failed = False
    for told in examine(wanted):
        finding = told._replace(detail=hide(told.detail))
        failed |= finding.status == "fail"
        if json:
            put_json(finding._asdict())
        else:
            status = typer.style(f"{finding.status:<5}", fg=STYLES[finding.status])
            put("; ".join(filter(None, (f"{status} {finding.what:<16} {finding.detail}", finding.advice))))
    if failed:
        raise typer.Exit(1)
