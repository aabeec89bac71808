"""`driftline alerts`: what fires, why, and what people say to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from engine import control
from engine.alerts.record import Alert
from engine.spec import Spec
from streams.alerts import orders, records, text
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
from streams.cli.silences import ByOption, WhyOption, silence, silences, unsilence
from streams.cli.trial import try_out
from streams.records import printable

app = typer.Typer(no_args_is_help=True, help="What fires, with its evidence; acknowledge, silence, resolve.")


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


IdArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Of an alert: its id or the beginning; its name if it is the only one."
    ),
]
IdsArgument = Annotated[
    list[str], typer.Argument(metavar="ID...", help="As `driftline alerts list` shows them.")
]
SeverityOption = Annotated[list[Severity] | None, typer.Option("--severity", help="Only of this severity.")]


@app.command("list")
def list_(
    whole: Annotated[bool, typer.Option("--all", help="Those that are resolved, too.")] = False,
    severity: SeverityOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List the alerts that fire, the worst and newest first."""
    found = _found(load_spec(spec, transport, set_))
    statuses = () if whole else ("firing", "acknowledged")
    fits = records.picked(found, statuses, [each.value for each in severity or ()])
    shown = fits[:limit]
    if json:
        put_json({"total": len(fits), "alerts": [text.as_json(each) for each in shown]})
        return
    if shown:
        put_table(text.COLUMNS, list(map(text.row, shown)))
    resolved = sum(told.alert.status == "resolved" for told in found.newest.values())
    hint = "" if whole or not resolved else f"; {resolved:,} resolved, --all shows them"
    say(
        f"{len(shown):,} of {len(fits):,} alerts{hint}" if len(shown) < len(fits) else _count(len(fits), hint)
    )


@app.command()
def show(
    what: IdArgument,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Show an alert: what it rests on, since when, what to do, and what became of it."""
    found = _found(load_spec(spec, transport, set_))
    told = records.one(found, what)
    history = found.history[told.alert.fingerprint]
    if json:
        put_json(text.as_json(told, history))
        return
    for line in text.described(told, history):
        put(line)
    if told.alert.evidence and told.alert.evidence.get("drift"):
        key = told.alert.evidence["drift"].partition("-")[0]
        say(f"all that was seen of the drift: driftline drift show {key}")


@app.command()
def ack(
    ids: IdsArgument,
    why: WhyOption = "",
    by: ByOption = None,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Acknowledge alerts: you look after them. They go on firing, and nobody else is told again."""
    _tell_each(load_spec(spec, transport, set_), ids, control.Acknowledge, by, why, json)


@app.command()
def resolve(
    ids: IdsArgument,
    why: WhyOption = "",
    by: ByOption = None,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Resolve alerts: they are over. What comes about anew fires again."""
    _tell_each(load_spec(spec, transport, set_), ids, control.Resolve, by, why, json)


for each in (silence, silences, unsilence):
    app.command()(each)
app.command("test")(try_out)


# -- what they share -----------------------------------------------------------------------------------


def _found(spec: Spec) -> records.Found:
    with opened(spec) as log:
        found = records.alerts(log, spec)
    if found.others:
        say(f"{found.others:,} other records of {spec.topic('alerts')} tell of no alert")
    return found


def _count(count: int, hint: str) -> str:
    told = "nothing fires" if not count else f"{count:,} alert{'s' * (count > 1)}"
    return told + hint


def _tell_each(
    spec: Spec,
    ids: list[str],
    kind: type[control.Acknowledge | control.Resolve],
    by: str | None,
    why: str,
    json: bool,
) -> None:
    """Send an order of a kind for each alert, once all of them are known to be open."""
    verb, who = kind.__name__.lower(), user() if by is None else by

    def order(alert: Alert) -> control.Order:
        return kind(alert=alert.fingerprint, source=alert.source, by=who, why=why)

    with opened(spec) as log:
        found = records.alerts(log, spec)
        told = [records.one(found, each) for each in ids]
        for each in told:
            if each.alert.status == "resolved":
                ended = text.moment(each.alert.ends_at)
                raise fail(
                    f"alert {each.alert.fingerprint} is resolved since {ended}; there is nothing to {verb}"
                )
        sent = [orders.send(log, spec, order(each.alert), orders.partitions_of(each.alert)) for each in told]
    if json:
        rows = zip(told, sent, strict=True)
        put_json({"sent": [{"alert": each.alert.fingerprint, "partitions": where} for each, where in rows]})
        return
    for each, where in zip(told, sent, strict=True):
        name = f"{each.alert.labels.get('alertname', '')} {text.on(each.alert)}"
        places = ", ".join(map(str, where))
        put(f"sent to {spec.topic('control')}, partition {places}: {verb} {printable(name, 100)}")
