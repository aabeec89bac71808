"""Three ways to watch a demo: live in a terminal, a line a second, or not at all."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from streams.alerts.text import evidence
from streams.cli.common import say
from streams.demo.figures import Figures, latencies
from streams.demo.scene import Scene
from streams.demo.summary import milliseconds, percent, standing
from streams.demo.view import picture
from streams.drift.text import headline

LINE_SECONDS = 1.0
STARTING = "starting a worker and a producer on a log of their own"


class Screen(Protocol):
    """Is entered when the demo begins, drawn ten times a second, left when it ends."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def announce(self, scene: Scene) -> None:
        """Say what begins."""

    def draw(self, figures: Figures, scene: Scene) -> None: ...


class Silent:
    """Shows nothing: for programs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def announce(self, scene: Scene) -> None: ...

    def draw(self, figures: Figures, scene: Scene) -> None: ...


class Lines(Silent):
    """A line a second, and some for each drift and its alert: for files and pipes."""

    def __init__(self) -> None:
        self.next, self.told = 0.0, set[tuple[str, int]]()

    def announce(self, scene: Scene) -> None:
        for line in [STARTING, *scene.hints()]:
            say(line)

    def draw(self, figures: Figures, scene: Scene) -> None:
        if figures.events and time.monotonic() >= self.next:
            self.next = time.monotonic() + LINE_SECONDS
            say(progress(figures))
        for drift in figures.drifts:
            if (which := (drift.fingerprint, drift.detected.offset)) not in self.told:
                self.told.add(which)
                say(f"drift: {headline(drift)}")
                if (alert := figures.alert_of(drift)) is not None:
                    say(f"alert: {standing(alert)}")
                    for line in filter(None, evidence(alert.evidence or {})):
                        say(line)


class Picture:
    """A picture that is drawn anew, and gone at the end."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.live.stop()

    def announce(self, scene: Scene) -> None:
        for line in [STARTING, *scene.hints()]:
            self.console.print(line, style="dim", highlight=False)

    def draw(self, figures: Figures, scene: Scene) -> None:
        width, height = self.console.size
        self.live.update(picture(figures, scene, width, height), refresh=True)


def progress(figures: Figures) -> str:
    """How it goes, in one line."""
    p50, p99 = latencies(figures.recent_ms)
    return (
        f"{figures.events:>7,} events, {figures.rate:,.0f}/s, lag {figures.lag:,}, "
        f"latency p50 {milliseconds(p50)} p99 {milliseconds(p99)}, dead letters {figures.dead_letters:,}, "
        f"accuracy {percent(figures.recent_accuracy)}"
    )
