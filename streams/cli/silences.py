"""`driftline alerts silence`, `silences` and `unsilence`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from connectors.log import Log
from engine import control
from engine.duration import duration_ms
from engine.errors import SpecError
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
from streams.records import printable, when

WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="Kept with the order, for whoever asks later.")
]
ByOption = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who wants it. Default: you.")]


def silence(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="MATCHER...", help="label=value, !=, =~, !~; or an alert's id, for all its labels."
        ),
    ],
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long: 30m, 2h, 1d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Or until when, ISO 8601.")
    ] = None,
    why: WhyOption = "",
    by: ByOption = None,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Tell nobody of alerts whose labels match all of these, until then. They are still recorded."""
    wanted = load_spec(spec, transport, set_)
    if not why:
        raise fail("--why is missing: say why, for whoever asks later", 2)
    ends = _end(for_, until)
    with opened(wanted) as log:
        matchers = _matchers(log, wanted, what)
        order = control.Silence(
            id=orders.new_id(), matchers=matchers, until_ms=ends, by=user() if by is None else by, why=why
        )
        sent = orders.send(log, wanted, order)
    if json:
        put_json({"silence": msgspec.to_builtins(order), "partitions": sent})
        return
    told = " ".join(map(orders.written, matchers))
    put(f"silence {order.id}: {printable(told, 200)}, until {when(ends)} UTC")


def silences(
    whole: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List the silences: what is not told, until when, who wanted it and why."""
    wanted, now = load_spec(spec, transport, set_), _now_ms()
    with opened(wanted) as log:
        known = orders.silences(log, wanted)
    shown = [each for each in known if whole or each.active(now)]
    if json:
        found = [
            {**msgspec.to_builtins(each.silence), "at_ms": each.at_ms, "active": each.active(now)}
            for each in shown
        ]
        put_json({"silences": found})
    elif shown:
        put_table(text.SILENCES, [text.silence_row(each, now) for each in shown])
    else:
        say("nothing is silenced")


def unsilence(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Of silences.")],
    why: WhyOption = "",
    by: ByOption = None,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """End silences: what still fires is told."""
    wanted, now, done = load_spec(spec, transport, set_), _now_ms(), []
    with opened(wanted) as log:
        known = orders.silences(log, wanted)
        for each in [orders.one(known, one) for one in ids]:
            if not each.active(now):
                raise fail(f"silence {each.silence.id} is over already")
            order = control.Unsilence(id=each.silence.id, by=user() if by is None else by, why=why)
            done.append({"silence": each.silence.id, "partitions": orders.send(log, wanted, order)})
    if json:
        put_json({"sent": done})
        return
    for one in done:
        put(f"silence {one['silence']} ends")


def _matchers(log: Log, spec: Spec, what: list[str]) -> tuple[control.Matcher, ...]:
    """What to match: matchers as they are written, or the labels of one alert."""
    if len(what) == 1 and not orders.MATCHER.fullmatch(what[0]):
        return orders.exactly(records.one(records.alerts(log, spec), what[0]).alert)
    return tuple(map(orders.matcher, what))


def _end(for_: str | None, until: str | None) -> int:
    """When a silence is over."""
    if (for_ is None) == (until is None):
        raise fail("say how long: --for 2h, or --until 2026-03-02T18:00:00Z", 2)
    if for_ is not None:
        try:
            return _now_ms() + int(str(duration_ms(for_)))
        except ValueError as error:
            raise SpecError(f"--for {for_}: {error}") from None
    return _instant(str(until))


def _instant(text_: str) -> int:
    try:
        at = datetime.fromisoformat(text_)
    except ValueError:
        raise SpecError(f"--until {text_}: write it as 2026-03-02T18:00:00Z") from None
    ends = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    if ends <= _now_ms():
        raise SpecError(f"--until {text_}: that is over already")
    return ends


def _now_ms() -> int:
    return int(time.time() * 1000)
