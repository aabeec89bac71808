"""`driftline alerts test`: is anybody there?"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    fail,
    load_spec,
    put_json,
    put_table,
)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


def try_out(
    receiver: Annotated[
        str | None, typer.Option("--receiver", metavar="NAME", help="Only this one, whatever the routes say.")
    ] = None,
    severity: Annotated[
        Severity, typer.Option("--severity", help="Of the test alert: routes look at it.")
    ] = Severity.WARNING,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Send a test alert to the receivers of the spec, and say what each answered. Exit 1 if one failed."""
    wanted = load_spec(spec, transport, set_)
    if not wanted.notify.receivers:
        raise fail("notify.receivers is empty, so there is nobody to tell; name a webhook, say", 2)
    from streams.notify.trial import trial

    answers = trial(wanted, receiver, severity.value)
    if json:
        put_json([answer._asdict() for answer in answers])
    else:
        rows = [
            (a.receiver, a.kind, "taken" if a.ok else "failed", f"{a.seconds:.2f} s", a.said) for a in answers
        ]
        put_table(("receiver", "kind", "outcome", "took", "answer"), rows)
    if not all(answer.ok for answer in answers):
        raise typer.Exit(1)
