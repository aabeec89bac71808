"""The figures as a picture: pure functions from what was seen to what Rich draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.records import printable
from streams.top.seen import Found

BLOCKS = "▁▂▃▄▅▆▇█"
FRAME, CURVES, NUMBERS = 2, 3, 2  # lines
LABEL = 11  # columns before a curve
COLOURS = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
STATES = {"drifting": "yellow", "quiet": "green", "warming": "bright_black"}
BAR = 16  # columns
METRICS = 6  # of a window


def picture(found: Found, width: int, height: int, hint: str = "") -> Group:
    """Everything, in so many columns and lines."""
    quality = [learned(found["quality"], width - 4 - LABEL), *windows(found["windows"])]
    left = height - 1 - (NUMBERS + FRAME) - (CURVES + FRAME) - (len(quality) + FRAME) - (len(hint) > 0)
    alerts = max(1, min(len(found["alerts"]["alerts"]), (left - 2 * FRAME) // 2))
    watched = 1 if found["drift"] is None else len(found["drift"]["signals"])
    signals = max(1, min(watched, left - 2 * FRAME - alerts))
    return Group(
        framed(numbers(found["status"]), title(found["status"]), NUMBERS),
        framed(curves(found["series"], width - 4 - LABEL), "the last five minutes", CURVES),
        framed(lines_of(quality), "quality", len(quality)),
        framed(firing(found["alerts"], alerts), alerts_title(found["alerts"]), alerts),
        framed(board(found, signals), board_title(found), signals),
        *([Text(hint, style="dim", no_wrap=True, overflow="ellipsis")] if hint else []),
    )


def lines_of(lines: Sequence[Text]) -> Text:
    """Lines one below the other; what is too long for one is cut."""
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def framed(content: RenderableType, heading: str, lines: int) -> Panel:
    return Panel(
        content,
        title=Text(heading, style="bold"),
        title_align="left",
        border_style="dim",
        height=lines + FRAME,
    )


def title(status: dict[str, Any]) -> str:
    model = status["model"]
    return f"{status['pipeline']} · {model['use']} {model['version']} · {status['transport']}"


def numbers(status: dict[str, Any]) -> Table:
    """How much, how fast, how far behind."""
    waited, lag, snapshot = status["latency_ms"], status["lag"], status["snapshot"]
    cells = {
        "events": f"{status['totals']['events']:,}",
        "predictions/s": f"{status['rates']['predictions_per_second']:,.0f}",
        "lag": f"{lag['records']:,}" + (f", {lag['seconds']:.1f} s" if lag["seconds"] else ""),
        "p50": milliseconds(waited["p50"]),
        "p99": milliseconds(waited["p99"]),
        "labels": f"{status['totals']['labels']:,}",
        "dead letters": f"{status['totals']['dead_letters']:,}",
        "commit": ago(status["commit_age_seconds"]),
        "snapshot": ago(None if snapshot is None else snapshot["age_seconds"]),
    }
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    for name in cells:
        table.add_column(name, no_wrap=True)
    table.add_row(*cells.values(), style="bold")
    return table


def curves(series: dict[str, Any], width: int) -> Text:
    """Throughput, lag and latency over time, a line each."""
    wanted = (("events/s", "events"), ("lag", "lag_records"), ("p99 ms", "latency_ms_p99"))
    lines = []
    for name, key in wanted:
        values = [0.0 if each is None else float(each) for each in series[key]]
        lines.append(Text(name.ljust(LABEL), style="dim") + Text(curve(values, width), style="cyan"))
    return lines_of(lines)


def curve(values: Sequence[float], width: int) -> str:
    """Values side by side, as high as their share of the highest, and that one's value.

    >>> curve([0, 1, 2, 4], 20)
    '▁▃▅█ 4'
    """
    most = max(values, default=0.0)
    said = f" {most:,.0f}"
    room = max(1, width - len(said))
    step = -(-len(values) // room) if values else 1
    parts = [max(values[at : at + step]) for at in range(0, len(values), step)]
    return "".join(BLOCKS[round(each / most * 7) if most else 0] for each in parts) + said


def learned(quality: Found, width: int) -> Text:
    """A metric over all of the stream, and its newest value."""
    values = [float(each) for each in quality["values"] if each is not None]
    if not values:
        return Text("no label has met its prediction so far", style="dim")
    low, high = min(values), max(values)
    scaled = [(each - low) / (high - low) if high > low else 1.0 for each in values]
    line = "".join(BLOCKS[round(share * 7)] for share in scaled[-max(1, width - 20) :])
    label = Text(quality["metric"][: LABEL - 1].ljust(LABEL), style="dim")
    return (
        label
        + Text(line, style="cyan")
        + Text(f" {figure(values[-1])}, from {figure(low)} to {figure(high)}")
    )


def windows(quality: dict[str, dict[str, Any]]) -> list[Text]:
    """A line for each window."""
    lines = []
    for window, told in quality.items():
        there = [(name, value) for name, value in told.items() if value is not None][:METRICS]
        said = "  ".join(f"{name} {figure(value)}" for name, value in there)
        lines.append(Text(window.ljust(LABEL), style="dim") + Text(said or "no label yet"))
    return lines


def alerts_title(page: dict[str, Any]) -> str:
    counts = page["counts"]
    told = ", ".join(f"{counts[name]} {name}" for name in COLOURS if counts[name])
    return f"alerts: {told}" if told else "alerts"


def firing(page: dict[str, Any], lines: int) -> Text:
    """The worst, a line each."""
    shown = [alert_line(each) for each in page["alerts"][:lines]]
    if not shown:
        return Text("nothing fires", style="green")
    return lines_of(shown)


def alert_line(alert: dict[str, Any]) -> Text:
    severity, labels = alert["labels"].get("severity", ""), alert["labels"]
    summary = alert["annotations"].get("summary", "")
    muted = ", muted" if alert["muted"] else ""
    line = Text(f"{severity:<9}", style=COLOURS.get(severity, ""))
    since = alert["startsAt"][:16].replace("T", " ")
    said = f"{alert['status']}{muted}  {since}  {labels.get('alertname', '')}: {summary}"
    return line + Text(printable(f"{said}  ({alert['fingerprint']})", 300))


def board_title(found: Found) -> str:
    if found["drift"] is None:
        return "drift"
    counts = found["drift"]["counts"]
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"drift: {told}" if told else "drift"


def board(found: Found, lines: int) -> RenderableType:
    """The loudest signals: how far each is on the way to its threshold."""
    if found["problem"]:
        return Text(printable(found["problem"], 300), style="red")
    if found["drift"] is None:
        return Text("nothing is watched: the spec has no section `drift`", style="dim")
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in found["drift"]["signals"][:lines]:
        near = (
            row["statistic"] / row["threshold"] if row["statistic"] is not None and row["threshold"] else 0.0
        )
        since = "" if row["since"] is None else f"since event {row['since']['offset']:,}"
        table.add_row(
            Text(row["state"], style=STATES[row["state"]]),
            printable(row["signal"], 40),
            Text(row["detector"], style="dim"),
            Text(bar(near), style=STATES[row["state"]]),
            f"{near:.0%}" if row["ready"] else "",
            since,
        )
    return table


def bar(share: float) -> str:
    """
    >>> bar(0.5)
    '━━━━━━━━········'
    """
    filled = round(min(1.0, max(0.0, share)) * BAR)
    return "━" * filled + "·" * (BAR - filled)


def figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def ago(seconds: float | None) -> str:
    """
    >>> ago(None), ago(0.42), ago(90), ago(7200)
    ('-', '0.4 s', '90 s', '120 min')
    """
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
