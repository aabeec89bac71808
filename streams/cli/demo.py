"""`driftline demo`: a worker, a producer and a live view, in one command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common import JsonOption, fail, put, put_json

if TYPE_CHECKING:
    from streams.demo.screens import Screen

EventsOption = Annotated[int, typer.Option("--events", min=100, max=10_000_000, help="How many events.")]
RateOption = Annotated[int, typer.Option("--rate", min=10, max=10_000, help="How many a second.")]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Go on until Ctrl-C, and keep the folder with the log and the spec.")
]


NoPageOption = Annotated[bool, typer.Option("--no-page", help="Without the live page; so does --json.")]


def demo(
    events: EventsOption = 20_000,
    rate: RateOption = 1_800,
    keep: KeepOption = False,
    no_page: NoPageOption = False,
    json: JsonOption = False,
) -> None:
    """Watch a worker score payments and learn; half-way they change, accuracy dips, and drift is found.

    A worker, the live page beside it and a producer run as processes of their own, on a log in a temporary
    file. It says where the page is.
    """
    from streams.demo import show
    from streams.demo.payments import Plan
    from streams.demo.summary import Summary, told

    seen = show.run(Plan(events, rate, forever=keep), screen(json), keep, page=not (no_page or json))
    summary = Summary.of(seen)
    if json:
        put_json(summary.json())
    else:
        for line in told(summary, seen.figures):
            put(line)
    if not summary.sound:
        raise fail("the demo failed: each event that fits should have exactly one prediction")


def screen(json: bool) -> Screen:
    """A live picture for a person at a terminal, lines for others, nothing for programs."""
    from rich.console import Console

    from streams.demo.screens import Lines, Picture, Silent

    console = Console(stderr=True)
    if json:
        return Silent()
    return Picture(console) if sys.stdout.isatty() and console.is_terminal else Lines()
