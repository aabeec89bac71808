"""`driftline produce`: events or labels from a file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from streams import cells, rows, topics
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
    watched,
)
from streams.produce import send
from streams.routing import Router


class To(StrEnum):
    events = "events"
    labels = "labels"


FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV or JSON lines, also gzipped; - for JSON lines from stdin.")
]
RateOption = Annotated[float | None, typer.Option(min=0.001, help="At most so many a second.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first so many.")]
TimedOption = Annotated[
    bool,
    typer.Option(
        "--time-from-field",
        help="Give records their own time, not now. Kafka deletes those beyond its retention.",
    ),
]


def produce(
    file: FileArgument,
    to: Annotated[To, typer.Option(help="What the file holds.")] = To.events,
    rate: RateOption = None,
    limit: LimitOption = None,
    time_from_field: TimedOption = False,
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Send events or labels from a file.

    Rows go to the partition that their key names, as with any Kafka producer. What does not fit the spec
    is sent all the same: the worker keeps it as a dead letter.
    """
    wanted = load_spec(spec, transport, set_)
    rows.check(file)
    columns = cells.event_columns(wanted) if to is To.events else cells.label_columns(wanted)
    topic = wanted.topic(to.value)
    with opened(wanted) as log:
        topics.ensure(log, wanted)
        router = Router(wanted, to.value, log.topics()[topic].partitions, time_from_field)
        found = islice(rows.read(file, columns), limit)
        started, sent = time.monotonic(), 0
        try:
            with _progress(to.value) as show:
                for count in send(log, topic, found, router, rate):
                    sent += count
                    show(sent)
        finally:
            _report(to.value, topic, sent, time.monotonic() - started, json)


def _report(what: str, topic: str, sent: int, seconds: float, json: bool) -> None:
    pace = sent / seconds if seconds > 0 else 0.0
    if json:
        put_json({"topic": topic, "produced": sent, "seconds": round(seconds, 3), "per_second": round(pace)})
    else:
        name = what if sent != 1 else what.rstrip("s")
        put(f"produced {sent:,} {name} in {seconds:.1f} s ({pace:,.0f}/s)")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """Takes how many were sent so far; shows them with their pace on stderr, where somebody sees it."""
    if not watched():
        yield lambda sent: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    started = time.monotonic()
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)

        def show(sent: int) -> None:
            pace = sent / max(time.monotonic() - started, 1e-6)
            bar.update(task, description=f"{sent:,} {what}  {pace:,.0f}/s")

        yield show
