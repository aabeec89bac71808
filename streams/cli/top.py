"""`driftline top`: the live view in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.log import Log, Unavailable
from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    load_spec,
    opened,
    put_json,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from streams.top.seen import Seen

LOOK_S = 1.0
HINT = "q ends it; driftline alerts show ID, driftline drift show SIGNAL tell more"
LINES, COLUMNS = 40, 110  # where there is no terminal

OnceOption = Annotated[bool, typer.Option("--once", help="Show it once, and end; so does --json.")]


def top(
    once: OnceOption = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Watch a pipeline: throughput, lag, latency, quality, alerts, drift. It only reads; q ends it.

    It needs no running `driftline serve`: topics and snapshots tell it all.
    """
    wanted = load_spec(spec, transport, set_)
    from rich.console import Console

    from streams.top.seen import Seen
    from streams.top.view import picture

    seen, console = Seen(wanted), Console()
    with opened(wanted) as log:
        if json:
            put_json(seen.look(log))
        elif once or not sys.stdout.isatty():
            if not console.is_terminal:
                console = Console(width=COLUMNS, height=LINES)
            console.print(picture(seen.look(log), console.width, console.height))
        else:
            _live(seen, log, console)


def _live(seen: Seen, log: Log, console: Console) -> None:
    """Draw it again and again, until somebody presses q."""
    from rich.live import Live

    from streams.top.keys import keys

    with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_drawn(seen, log, console), refresh=True)
            if pressed(LOOK_S) in ("q", "Q", "\x1b"):
                return


def _drawn(seen: Seen, log: Log, console: Console) -> RenderableType:
    from rich.text import Text

    from streams.top.view import picture

    try:
        return picture(seen.look(log), console.width, console.height, HINT)
    except Unavailable as error:
        return Text(f"{error}; trying again", style="red")
