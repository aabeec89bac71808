"""`driftline dead-letters`: what was refused, and how to send it again."""

from collections import deque
from typing import Annotated, Any

import typer

from engine.errors import SpecError
from engine.nearest import nearest
from engine.reasons import Reason
from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    load_spec,
    opened,
    put,
    put_json,
    put_table,
    say,
)
from streams.deadletters import DeadLetter, Replay, letters
from streams.records import as_text, printable, when

VALUE_WIDTH = 40
MESSAGE_WIDTH = 60

app = typer.Typer(no_args_is_help=True, help="List what was refused, or send it again.")


def _known(reasons: list[str] | None) -> list[str] | None:
    for reason in reasons or ():
        if reason not in list(Reason):
            raise SpecError(
                f"--reason {reason}: unknown{nearest(reason, Reason) or '; ' + ', '.join(Reason)}"
            )
    return reasons


ReasonOption = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="REASON", callback=_known, help="Only those refused for this reason."),
]
PlaceOption = Annotated[
    list[str] | None,
    typer.Option("--offset", metavar="OFFSET", help="Only this dead letter: 17, or 0-17 with its partition."),
]


@app.command("list")
def list_(
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List dead letters, the newest last: where, when, why, and from where."""
    wanted = load_spec(spec, transport, set_)
    with opened(wanted) as log:
        total, shown = 0, deque[DeadLetter](maxlen=limit)
        for each in letters(log, wanted):
            if _fits(each, reason, None):
                total += 1
                shown.append(each)
    if json:
        for each in shown:
            put_json(_described(each))
        return
    if shown:
        put_table(["offset", "when", "reason", "from", "message", "value"], list(map(_row, shown)))
    say(_summary(total, len(shown)))


@app.command()
def replay(
    reason: ReasonOption = None,
    offset: PlaceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Send dead letters back to where they came from, as they were, each of them once.

    What was replayed before is recognised in the source topic and left alone, as long as the topic's
    retention has not deleted it. Do not run two replays at the same time.
    """
    wanted = load_spec(spec, transport, set_)
    with opened(wanted) as log:
        run = Replay(log, wanted, lambda each: _fits(each, reason, offset))
        run.run(dry_run)
    if json:
        put_json(
            {"replayed": dict(run.sent), "already": run.already, "astray": run.astray, "dry_run": dry_run}
        )
        return
    verb = "would replay" if dry_run else "replayed"
    for topic, count in run.sent.items():
        put(f"{verb} {_letters(count)} to {topic}")
    if not run.sent:
        put("nothing to replay")
    if run.already:
        put(f"{_letters(run.already)} replayed before")
    if run.astray:
        put(f"{_letters(run.astray)} without a source that this pipeline reads")


def _fits(each: DeadLetter, reasons: list[str] | None, places: list[str] | None) -> bool:
    right_place = not places or each.place in places or str(each.record.offset) in places
    return right_place and (not reasons or each.reason in reasons)


def _described(each: DeadLetter) -> dict[str, Any]:
    topic, partition = each.source or (None, None)
    return {
        "offset": each.place,
        "timestamp": each.record.timestamp,
        "reason": each.reason,
        "exception": each.exception,
        "message": each.message,
        "source": {"topic": topic, "partition": partition, "offset": each.offset} if topic else None,
        "key": as_text(each.record.key),
        "value": as_text(each.record.value),
    }


def _row(each: DeadLetter) -> list[str]:
    source = f"{each.source[0]}-{each.source[1]}-{each.offset}" if each.source else "unknown"
    return [
        each.place,
        when(each.record.timestamp),
        each.reason,
        source,
        printable(each.message, MESSAGE_WIDTH),
        printable(as_text(each.record.value) or "", VALUE_WIDTH),
    ]


def _summary(total: int, shown: int) -> str:
    if shown < total:
        return f"the newest {shown:,} of {total:,}; --limit shows more"
    return _letters(total)


def _letters(count: int) -> str:
    return f"{count:,} dead letter{'s' if count != 1 else ''}"
