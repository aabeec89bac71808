"""`driftline replay`: a recorded file through the engine."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from engine.errors import DriftlineError
from streams.cli.common import SPEC, JsonOption, SetOption, SpecOption, load_spec, put_json, say, watched
from streams.cli.run import unhash

if TYPE_CHECKING:
    from engine.metrics.summary import Told
    from streams.replays.replay import Report

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV or JSON lines, also gzipped; - for JSON lines from stdin.")
]
LabelsOption = Annotated[
    str | None, typer.Option("--labels", metavar="FILE", help="Labels, taken when they became known.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where predictions go, if not to stdout.")
]
OutcomesOption = Annotated[
    Path | None, typer.Option("--outcomes", metavar="FILE", help="Where outcomes go, if anywhere.")
]
LettersOption = Annotated[
    Path | None, typer.Option("--dead-letters", metavar="FILE", help="Where dead letters go, if anywhere.")
]
DriftsOption = Annotated[
    Path | None, typer.Option("--drifts", metavar="FILE", help="Where drifts go, if anywhere.")
]
AlertsOption = Annotated[
    Path | None, typer.Option("--alerts", metavar="FILE", help="Where alerts go, if anywhere.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Draw how good it was: a page, FILE.html, or a FILE.png."),
]


def replay(
    file: FileArgument,
    labels: LabelsOption = None,
    out: OutOption = None,
    outcomes: OutcomesOption = None,
    dead_letters: LettersOption = None,
    drifts: DriftsOption = None,
    alerts: AlertsOption = None,
    report: ReportOption = None,
    spec: SpecOption = SPEC,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Score a recorded file from its beginning, as a new worker would.

    No log is read or written. Predictions come as JSON lines; at the end is said how good they were.
    """
    wanted = load_spec(spec, None, set_)
    unhash()
    from streams.replays.replay import Replay, write
    from streams.replays.report import check, write_report

    if report is not None:
        check(report)

    sys.path.insert(0, str(spec.resolve().parent))  # the user's own models lie beside the spec
    gc.set_threshold(50_000, 20, 50)  # remembered events are many and free of cycles
    run = Replay(wanted, file, labels, judge=json or report is not None)
    began = time.monotonic()
    with ExitStack() as stack:
        inputs = [Path(name).resolve() for name in (file, labels) if name is not None]
        files = [_opened(stack, path, inputs) for path in (out, outcomes, dead_letters, drifts, alerts)]
        _opened(stack, report, inputs)
        if out is None and not json:
            files[0] = sys.stdout.buffer
        show = stack.enter_context(progress(quiet=files[0] is sys.stdout.buffer))
        for outputs in run.run():
            write(outputs, *files)
            show(run.shard.events)
    came = run.report(time.monotonic() - began)
    if report is not None:
        write_report(report, f"{wanted.pipeline}: {wanted.model.use} on {Path(file).name}", came)
    if json:
        put_json(asdict(came))
    else:
        _tell(came, kept=dead_letters is not None)


def _opened(stack: ExitStack, path: Path | None, inputs: list[Path]) -> BinaryIO | None:
    if path is None:
        return None
    if path.resolve() in inputs:
        raise DriftlineError(f"{path} is what is replayed; write to another file")
    try:
        return stack.enter_context(path.open("wb"))
    except OSError as error:
        raise DriftlineError(f"{path} can't be written: {error.strerror}") from None


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Takes how many events are done; shows them where somebody sees it, and no predictions run by."""
    if quiet or not watched():
        yield lambda done: None
        return
    from rich.console import Console

    with Console(stderr=True).status("replaying") as status:
        yield lambda done: status.update(f"replaying: {done:,} events")


def _tell(report: Report, kept: bool) -> None:
    pace, took = f"{report.events_per_second:,.0f}/s", f"{report.seconds:.1f} s"
    say(f"{report.events:,} events in {took} ({pace}): {report.predictions:,} predicted")
    if report.dead_letters:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in report.reasons.items())
        advice = "" if kept else "; --dead-letters FILE keeps them"
        say(f"{report.dead_letters:,} refused: {reasons}{advice}")
    labels = ", ".join(f"{n:,} {what}" for what, n in report.labels.items() if n)
    say(f"labels: {labels or 'none'}")
    say(f"quality: {_figures(report.metrics)}")
    for window, told in report.windows.items():
        what = window if window == "fading" else f"last {window}"
        say(f"  {what}: {_figures(told)}")
    if report.confidence is not None:
        say(f"confidence: {_figures(report.confidence)}")
    if report.drifts:
        found = ", ".join(f"{signal} {n:,}" for signal, n in report.drifts.items())
        say(f"drifts: {found}")
    if not report.learning:
        say("the model grew beyond limits.model_bytes_max, and learned no more from there on")


def _figures(told: Told) -> str:
    known = {name: value for name, value in told.items() if value is not None}
    figures = (f"{name} {n:,}" if isinstance(n, int) else f"{name} {n:.4f}" for name, n in known.items())
    return ", ".join(figures)
