"""The demo as a picture in the terminal: pure functions from figures to what Rich draws."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.drift.evidence.record import Drift
from streams.deadletters import DeadLetter
from streams.demo.figures import BARS, Figures, Prediction, latencies
from streams.demo.scene import Scene
from streams.demo.summary import BLOCKS, FLOOR, milliseconds, percent
from streams.drift.text import brief, headline

CHART_MIN, CHART_MAX = 2, 6  # lines
DRIFTS_MAX = 4  # lines
AXIS = 6  # columns
TOP, FRAME, MARKS = 4, 2, 1  # lines of the first panel, of a panel's frame, and below the chart
ODDS = 10  # columns


def picture(figures: Figures, scene: Scene, width: int, height: int) -> Group:
    """Everything, in so many columns and lines."""
    hints = scene.hints()
    chart = min(CHART_MAX, max(CHART_MIN, (height - 16) // 4))
    drifts = min(DRIFTS_MAX, max(1, (height - 12) // 6))
    left = height - 1 - TOP - (chart + MARKS + FRAME) - (drifts + FRAME) - len(hints)
    lines = max(1, left // 2 - FRAME)
    return Group(
        framed(numbers(figures, scene), f"driftline demo · {scene.pipeline}", TOP - FRAME),
        framed(accuracy(figures, width - 4, chart), accuracy_title(figures), chart + MARKS),
        framed(drifted(figures, scene, drifts), "alerts" if figures.alerts else "drift", drifts),
        framed(predictions(list(figures.latest)[-lines:]), "newest predictions", lines),
        framed(letters(list(figures.letters)[-lines:]), "newest dead letters", lines),
        *(Text(hint, style="dim", no_wrap=True, overflow="ellipsis") for hint in hints),
    )


def framed(content: RenderableType, title: str, lines: int) -> Panel:
    heading = Text(title, style="bold")
    return Panel(content, title=heading, title_align="left", border_style="dim", height=lines + FRAME)


def numbers(figures: Figures, scene: Scene) -> Table:
    """How much, how fast, how far behind."""
    p50, p99 = latencies(figures.recent_ms)
    of = "" if scene.plan.forever else f" of {scene.plan.events:,}"
    cells = {
        "events": f"{figures.events:,}{of}",
        "rate": f"{figures.rate:,.0f}/s",
        "lag": f"{figures.lag:,}",
        "latency p50": milliseconds(p50),
        "p99": milliseconds(p99),
        "dead letters": f"{figures.dead_letters:,}",
    }
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    for name in cells:
        table.add_column(name, no_wrap=True)
    table.add_row(*cells.values(), style="bold")
    return table


def accuracy_title(figures: Figures) -> str:
    if not figures.recent:
        return "accuracy: no label yet"
    return f"accuracy {percent(figures.recent_accuracy)} over the last {len(figures.recent):,} labels"


def accuracy(figures: Figures, width: int, lines: int) -> Text:
    """Bars over time with an axis beside them; below, where the payments changed."""
    columns = max(1, width - AXIS)
    heights, marks = figures.bars.newest(BARS)
    shown = [heights[bar] for at in range(columns) if (bar := at * BARS // columns) < len(heights)]
    text = Text(no_wrap=True, overflow="crop")
    for line in reversed(range(lines)):
        text.append({lines - 1: " 100% ", 0: f"{FLOOR:5.0%} "}.get(line, " " * AXIS), style="dim")
        for height in shown:
            text.append(block(height, line, lines), style=colour(height))
        text.append("\n")
    return text.append(marked([-(-mark * columns // BARS) for mark in marks], columns), style="dim")


def block(height: float, line: int, lines: int) -> str:
    """What a bar shows in one of its lines, the lowest being 0; it always shows a little.

    >>> [block(height, 0, 2) for height in (0.3, 0.6, 0.75, 1.0)], block(1.0, 1, 2)
    (['▁', '▁', '▆', '█'], '█')
    """
    steps = len(BLOCKS) - 1
    filled = max(1, round((height - FLOOR) / (1 - FLOOR) * lines * steps))
    return BLOCKS[min(steps, max(0, filled - line * steps))]


def colour(height: float) -> str:
    return "green" if height >= 0.9 else "yellow" if height >= 0.8 else "red"


def marked(places: list[int], columns: int) -> str:
    """The line below the bars: an arrow at each place, with a word where there is room."""
    line = ""
    for place in places:
        if place + AXIS >= len(line):
            line = line.ljust(place + AXIS) + "▲ payments changed "
    return line[: columns + AXIS]


def drifted(figures: Figures, scene: Scene, count: int) -> Text:
    """A line for each drift with its alert; and the evidence of the one that was planted."""
    newest = list(figures.drifts)[-count:]
    if not newest:
        return Text("none so far", style="dim")
    lines = list[Text]()
    for each in newest:
        lines.append(Text(raised(figures, each), style=urgency(figures, each, scene)))
        if each is figures.found:
            lines.extend(Text(f"  {line}", style="dim") for line in list(brief(each))[1:])
    lines = lines[:count]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def raised(figures: Figures, drift: Drift) -> str:
    """What drifted, and where its alert stands."""
    alert = figures.alert_of(drift)
    said = "" if alert is None else f"{alert.labels.get('severity', '')}, {alert.status}: "
    return said + headline(drift)


def urgency(figures: Figures, drift: Drift, scene: Scene) -> str:
    """Its colour."""
    alert = figures.alert_of(drift)
    if alert is not None and alert.labels.get("severity") == "critical":
        return "red"
    return "yellow" if drift.detected.offset >= scene.plan.change else "dim"


def predictions(newest: list[Prediction]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in newest:
        filled = round(each.score * ODDS)
        odds = Text("━" * filled, style="red" if each.prediction else "green")
        odds.append("━" * (ODDS - filled), style="bright_black")
        said = Text("fraud", style="bold red") if each.prediction else Text("fine", style="green")
        table.add_row(each.event_id, each.entity, odds, f"{each.score:6.1%}", said)
    return table


def letters(newest: list[DeadLetter]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    places = [f"{each.source[0] if each.source else '?'} {each.offset}" for each in newest]
    for cells in (places, [each.reason for each in newest]):
        table.add_column(no_wrap=True, min_width=max(map(len, cells), default=0))
    table.add_column(no_wrap=True, overflow="ellipsis")  # what is too long is the message
    for place, each in zip(places, newest, strict=True):
        table.add_row(place, Text(each.reason, style="yellow"), Text(each.message, style="dim"))
    return table
