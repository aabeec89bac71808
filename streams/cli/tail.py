"""`driftline tail`: the records of a topic."""

import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer

from connectors.log import Log
from streams import records
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
)
from streams.records import Placed

SHOWN = 10
KEY_WIDTH = 16

TopicArgument = Annotated[
    str,
    typer.Argument(
        metavar="TOPIC",
        help="events, labels, predictions, outcomes, dead-letters, control, journal, or a full name.",
    ),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="End after so many records.")]


def tail(
    topic: TopicArgument,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the first record.")] = False,
    limit: LimitOption = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Wait for more.")] = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Print the records of a topic: the last ten, or from the start, and then those that come.

    Rows for people on a terminal; JSON lines with --json or when the output goes to a program.
    """
    wanted = load_spec(spec, transport, set_)
    with opened(wanted) as log:
        name = records.topic_named(topic, log, wanted)
        for placed in islice(_found(log, name, from_start, limit, follow), limit):
            if json or not sys.stdout.isatty():
                put_json(records.as_json(placed))
            else:
                put(row(placed))


def _found(log: Log, topic: str, from_start: bool, limit: int | None, follow: bool) -> Iterator[Placed]:
    now = records.spans(log, topic)
    if from_start:
        yield from records.everything(log, topic, now)
    else:
        yield from records.newest(log, topic, now, limit if limit and not follow else SHOWN)
    if follow:
        yield from records.follow(log, topic, now)


def row(placed: Placed) -> str:
    """One record on one line of the terminal."""
    record = placed.record
    when = records.when(record.timestamp)
    key = records.printable(records.as_text(record.key) or "-", KEY_WIDTH)
    start = f"{placed.partition}-{record.offset:<8} {when}  {key:{KEY_WIDTH}} "
    width = shutil.get_terminal_size().columns - len(start)
    return start + records.printable(records.as_text(record.value) or "", max(width, 40))
