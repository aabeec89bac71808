"""`driftline backtest`: changes are planted into a recorded file. Are they found, and how soon?"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import DriftlineError, SpecError
from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    fail,
    load_spec,
    put,
    put_json,
    put_table,
    say,
)
from streams.cli.replay import FileArgument, LabelsOption, progress
from streams.cli.run import unhash

if TYPE_CHECKING:
    from streams.backtest.run import Result

SHOWN = 20
InjectOption = Annotated[
    str | None,
    typer.Option(
        "--inject",
        metavar="SPEC",
        help="What to plant: a YAML or JSON file, or '[{change: mean, ...}]' itself.",
    ),
]
HorizonOption = Annotated[
    int, typer.Option("--horizon", min=1, help="Events behind a change in which an alarm counts for it.")
]
DelayOption = Annotated[
    int | None,
    typer.Option("--max-delay", min=1, help="Exit 3 if a change is missed, or found after more events."),
]
FalseOption = Annotated[
    int | None, typer.Option("--max-false-alarms", min=0, help="Exit 3 if there are more false alarms.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Draw what was found: a page, FILE.html, or a FILE.png."),
]


def backtest(
    file: FileArgument,
    inject: InjectOption = None,
    labels: LabelsOption = None,
    horizon: HorizonOption = 2_000,
    max_delay: DelayOption = None,
    max_false_alarms: FalseOption = None,
    report: ReportOption = None,
    spec: SpecOption = SPEC,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Plant changes into a recorded file, and judge the alarms: found, missed, how late, how many false.

    Without --inject the alarms are told; each counts as false. No log is read or written.
    """
    wanted = load_spec(spec, None, set_)
    unhash()
    from streams.backtest.plan import read
    from streams.backtest.run import Backtest

    planted = None if inject is None else read(inject)
    if planted is None and max_delay is not None:
        raise SpecError("--max-delay is about planted changes; plant some with --inject")
    _check(report, file, labels)
    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    gc.set_threshold(50_000, 20, 50)  # as in a replay
    run, began = Backtest(wanted, file, labels, planted, horizon), time.monotonic()
    with progress(quiet=False) as show:
        for done in run.run():
            show(done)
    result = run.result(time.monotonic() - began)
    if report is not None:
        from streams.backtest.plot import write_report

        write_report(report, f"{wanted.pipeline}: {Path(file).name}", result)
    if json:
        put_json(result.json())
    else:
        _tell(result)
    if why := result.refused(max_delay, max_false_alarms):
        raise fail(f"refused: {why}", 3)


def _check(report: Path | None, *inputs: str | None) -> None:
    """Refuse a report that can't be written, before there is anything to write."""
    if report is None:
        return
    from streams.replays.report import check

    check(report)
    if report.resolve() in [Path(name).resolve() for name in inputs if name is not None]:
        raise DriftlineError(f"{report} is what is replayed; write to another file")


def _tell(result: Result) -> None:
    say(f"{result.events:,} events in {result.seconds:.1f} s")
    if result.dead_letters:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in result.reasons.items())
        say(f"{result.dead_letters:,} refused: {reasons}")
    for note in result.notes:
        say(f"note: {note}")
    if result.changes:
        head = ["change", "at row", "found after", "", "said to begin at", "by"]
        put_table(head, [_row(each) for each in result.changes[:SHOWN]])
        _more(len(result.changes))
        put("")
    _tell_scores(result)
    _tell_signals(result)


def _row(change: Mapping[str, Any]) -> list[str]:
    from streams.backtest.plot import waited

    told, start = change["told"], f"{change['start']:,}"
    if not change["found"]:
        return [told, start, "missed", "", "", ""]
    after, wait, begun = f"{change['delay_events']:,}", waited(change["delay_ms"]) or "", change["said_start"]
    by = f"{change['signal']} ({change['detector']})"
    return [told, start, after, wait, "" if begun is None else f"{begun:,}", by]


def _more(count: int) -> None:
    if count > SHOWN:
        put(f"... and {count - SHOWN:,} more; --json tells all")


def _tell_scores(result: Result) -> None:
    """The detectors beside those who look at nothing."""
    rows = []
    for name, score in {"detectors": result.overall, **(result.dummies if result.changes else {})}.items():
        delay = "" if score.delay_mean is None else f"{score.delay_mean:,.0f}"
        f1 = "" if score.f1 is None else f"{score.f1:.3f}"
        found = f"{score.found} of {score.planted}"
        rows.append([name, found, delay, f"{score.alarms:,}", f"{score.false_alarms:,}", f1])
    put_table(["", "found", "mean delay", "alarms", "false", "F1"], rows)


def _tell_signals(result: Result) -> None:
    told = sorted(result.signals.items(), key=lambda item: (-item[1].planted, -item[1].alarms))
    if told:
        put("")
        rows = [
            [name, f"{each.found} of {each.planted}", f"{each.alarms:,}", f"{each.false_alarms:,}"]
            for name, each in told[:SHOWN]
        ]
        put_table(["signal", "found", "alarms", "false"], rows)
        _more(len(told))
