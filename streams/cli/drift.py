"""`driftline drift`: what is watched, what was found, and what becomes the new normal."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    fail,
    load_spec,
    opened,
    put,
    put_json,
    put_table,
    say,
    user,
)
from streams.drift import budget as driftbudget
from streams.drift import plots as driftplots
from streams.drift import status as driftstatus
from streams.drift import text as drifttext
from streams.drift.reading import asked, known, order, picked, watched
from streams.drift.records import Found, Told, drifts, one

SHOWN = 40  # signals of a shard

app = typer.Typer(no_args_is_help=True, help="What is watched for drift, and what was found.")

AllOption = Annotated[bool, typer.Option("--all", help="Every signal, however many there are.")]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")]
SignalsArgument = Annotated[list[str] | None, typer.Argument(metavar="[SIGNAL]...", help="Default: all.")]


@app.command()
def status(
    signals: SignalsArgument = None,
    whole: AllOption = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Say where each signal stands, as of the newest snapshot of each shard.

    A signal is warming up until its detector can judge; drifting while the newest records still hold the
    last drift that was found; quiet otherwise.
    """
    wanted = asked(load_spec(spec, transport, set_))
    with opened(wanted) as log:
        shards, told = list(watched(log, wanted)), drifts(log, wanted).drifts
    names = picked(signals, known(shards))
    if json:
        put_json({"partitions": [driftstatus.described(each, names, told) for each in shards]})
        return
    for each in shards:
        found = driftstatus.Page(each, names, None if whole else SHOWN, told)
        say(found.head())
        put_table(driftstatus.COLUMNS, found.rows())
        for line in found.foot():
            say(line)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List the drifts that were found, the newest last."""
    found = _found(spec, transport, set_)
    shown = found.drifts[-limit:]
    if json:
        put_json({"drifts": [_record(each) for each in shown]})
    elif shown:
        put_table(drifttext.COLUMNS, [drifttext.row(each.place, each.drift) for each in shown])
    if len(shown) < len(found.drifts):
        say(f"the newest {len(shown):,} of {len(found.drifts):,}; --limit shows more")


@app.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[SIGNAL|ID]", help="Default: the newest drift."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Draw it, too: to an .html or a .png.")
    ] = None,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Show a drift with its evidence: what moved, since when, how far, and what carries it.

    Of a signal it is the newest one.
    """
    if out is not None:
        driftplots.check(out)
    told = one(_found(spec, transport, set_).drifts, what)
    if told is None:
        raise typer.Exit(1)
    if json:
        put_json(_record(told))
    else:
        for line in drifttext.described(told.drift):
            put(line)
    if out is not None:
        driftplots.write(out, told.drift)
        say(f"drawn to {out}")


def _found(spec: Path, transport: str | None, set_: list[str] | None) -> Found:
    wanted = asked(load_spec(spec, transport, set_))
    with opened(wanted) as log:
        found = drifts(log, wanted)
    if found.others:
        say(f"{found.others:,} other records of {wanted.topic('drifts')} tell of no drift")
    if not found.drifts:
        say("no drift was found so far")
    return found


def _record(told: Told) -> dict[str, Any]:
    return {"place": told.place, **msgspec.to_builtins(told.drift)}


@app.command("explain-budget")
def explain_budget(
    whole: AllOption = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Say how the false alarms that are bearable are shared out, and what that rests on.

    Each detector has a part for each signal that it watches, and one for all signals together if it can
    speak for them. The parts sum to the whole.
    """
    wanted = asked(load_spec(spec, transport, set_))
    with opened(wanted) as log:
        shards = list(watched(log, wanted))
    if json:
        put_json({"asked": driftbudget.asked(wanted), "partitions": list(map(driftbudget.described, shards))})
        return
    say(driftbudget.asked(wanted))
    for each in shards:
        page = driftbudget.Page(each, None if whole else SHOWN)
        say(page.head())
        put_table(driftbudget.COLUMNS, page.rows())
        for line in page.foot():
            say(line)


@app.command()
def rebaseline(
    signals: SignalsArgument = None,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the order.")] = "",
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who wants it. Default: you.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Let what comes from now on be normal: for some signals, or for all.

    A change was looked into and accepted: what came before it is forgotten as what signals are compared
    with. It is an order on the control topic, a record to each partition, which a worker takes in turn.
    """
    wanted = asked(load_spec(spec, transport, set_))
    if not why:
        raise fail("--why is missing: say why, for whoever asks later", 2)
    with opened(wanted) as log:
        shards = list(watched(log, wanted))
        names = sorted(picked(signals, known(shards))) if signals else None
        told = "all signals" if names is None else ", ".join(names)
        if not yes and not typer.confirm(f"forget what was normal for {told}?", err=True):
            raise fail("nothing was sent")
        sent = order(log, wanted, shards, names, user() if by is None else by, why)
    if json:
        put_json({"signals": names, "partitions": sent})
    else:
        put(f"sent to {wanted.topic('control')}, partition {', '.join(map(str, sent))}: {told}")


@app.command()
def export(
    out: OutOption,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Write what each signal is compared with to a file, for a spec to name.

    It is that of the newest snapshots, all shards put together: sketches, and no record of anything.
    """
    from streams.drift.sketch import exported

    wanted = asked(load_spec(spec, transport, set_))
    with opened(wanted) as log:
        made = exported(each.watch for each in watched(log, wanted))
    if not made.signals:
        raise fail("no signal has a reference yet: it takes some values, and a snapshot behind them")
    _write(out, made.text)
    if json:
        put_json({"signals": made.signals, "empty": made.empty})
        return
    put(f"wrote {out}: {made.signals:,} signals")
    if made.empty:
        say(f"without a reference so far: {', '.join(made.empty[:SHOWN])}")


@app.command()
def sketch(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Events as CSV or JSON lines, also gzipped.")],
    out: OutOption,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Make a reference of recorded events, training data for one: how each feature was spread.

    The file holds sketches, and no event can be put together from them. Name it in the spec:
    drift: {reference: {sketch: "${file:reference.json}"}}
    """
    from streams.drift.sketch import sketched

    wanted = load_spec(spec, transport, set_)
    made = sketched(wanted, file)
    if not made.signals:
        raise fail(f"{file} has no event that fits the spec, so there is nothing to compare with")
    _write(out, made.text)
    if json:
        put_json(
            {"signals": made.signals, "events": made.events, "refused": made.refused, "empty": made.empty}
        )
        return
    put(f"wrote {out}: {made.signals:,} signals of {made.events:,} events")
    if made.refused:
        say(f"left out, since the spec would refuse them: {made.refused:,}")
    if made.empty:
        say(f"without a value, and so without a reference: {', '.join(made.empty[:SHOWN])}")


def _write(out: Path, text: bytes) -> None:
    try:
        out.write_bytes(text)
    except OSError as error:
        raise fail(f"{out} can't be written: {error.strerror}") from None
