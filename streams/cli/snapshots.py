"""`driftline snapshots`: the saved states of a pipeline."""

import sys
from typing import Any

import typer

from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    load_spec,
    opened,
    put_json,
    put_table,
    say,
)
from streams.records import when

HEAD = ["shard", "entry", "entries since", "size", "made"]

app = typer.Typer(no_args_is_help=True, help="List the saved states, or verify them.")


@app.command("list")
def list_(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List the states that a worker would recover from: the two newest of each shard."""
    wanted = load_spec(spec, transport, set_)
    from streams.keeping import shelves

    with opened(wanted) as log:
        found = [shelves.described(each) for each in shelves.kept(log, wanted)]
    if json:
        put_json({"snapshots": found})
    elif found:
        put_table(HEAD, list(map(_row, found)))
    else:
        say("no snapshots yet: a recovery would read everything from the start")


@app.command()
def verify(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Read every state as a recovery would, signature first. Exit code 1 if one can't be loaded."""
    wanted = load_spec(spec, transport, set_)
    from streams.keeping import shelves

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    with opened(wanted) as log:
        found = list(shelves.kept(log, wanted))
        wrong = [shelves.verify(log, wanted, each) for each in found]
    judged = [{**shelves.described(each), "problem": why} for each, why in zip(found, wrong, strict=True)]
    if json:
        put_json({"snapshots": judged})
    elif judged:
        put_table([*HEAD, "verdict"], [[*_row(each), each["problem"] or "ok"] for each in judged])
    else:
        say("no snapshots yet")
    if any(wrong):
        raise typer.Exit(1)


def _row(each: dict[str, Any]) -> list[str]:
    made = when(each["made_ms"])
    size = f"{each['bytes'] / (1 << 20):.1f} MB" if each["bytes"] >= 1 << 20 else f"{each['bytes']:,} B"
    return [str(each["partition"]), str(each["entry"]), str(each["entries_since"]), size, made]
