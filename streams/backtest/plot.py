"""The report of a backtest: when what was changed, and who said so when; one picture, or one page."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.backtest.run import Result
from streams.replays.plots import BLUE, GREEN, INK, ORANGE, QUIET, RED, STYLE
from streams.replays.report import PAGE, number, png, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNALS_MAX = 24
"""Signals that are drawn: those with most to tell."""
LEVELS = 3  # of names above the timeline
DOTS_MAX = 5_000
"""Alarms that are drawn, of each kind."""
COLOURS = {"found": GREEN, "again": BLUE, "ended": ORANGE, "false": RED}
MEANING = {
    "found": "found a change",
    "again": "said so again",
    "ended": "a change had ended",
    "false": "false alarm",
}


def write_report(path: Path, title: str, result: Result) -> None:
    """Write what a backtest came to, as `.html` or as `.png`."""
    save(path, lambda: picture(title, result), lambda: page(title, result))


def picture(title: str, result: Result) -> bytes:
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = _figure(result, above=0.75)
        height = figure.get_figheight()
        figure.text(0.01, 1 - 0.3 / height, title, fontsize=15, weight="bold", color=INK, va="center")
        figure.text(0.01, 1 - 0.57 / height, subtitle(result), color=QUIET, va="center")
        return png(figure)


def page(title: str, result: Result) -> str:
    """One HTML page, its picture inside."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        image = base64.b64encode(png(_figure(result))).decode()
    alt = "Planted changes and alarms"
    cards = [
        f'<div class="card wide"><h2>{alt}</h2><img alt="{alt}" src="data:image/png;base64,{image}"></div>'
    ]
    cards += [_table(heading, rows) for heading, rows in tables(result) if rows]
    tiles = (f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for name, value in figures(result))
    return PAGE.format(
        title=html.escape(title),
        subtitle=html.escape(subtitle(result)),
        tiles="".join(tiles),
        cards="".join(cards),
    )


def figures(result: Result) -> list[tuple[str, str]]:
    score = result.overall
    found = [("changes found", f"{score.found} of {score.planted}")] if score.planted else []
    delay = [("mean delay in events", number(score.delay_mean))] if score.found else []
    return [*found, *delay, ("alarms", number(score.alarms)), ("false alarms", number(score.false_alarms))]


def subtitle(result: Result) -> str:
    parts = [f"{result.events:,} events"]
    parts += [f"{name} {value}" for name, value in figures(result)]
    parts += [f"{result.dead_letters:,} refused"] if result.dead_letters else []
    return ", ".join(parts)


# -- the picture -------------------------------------------------------------------------------------------


def _figure(result: Result, above: float = 0.0) -> Figure:
    """The timeline, with so many inches of room above it."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    names = drawn(result)
    height = 1.7 + above + 0.27 * max(3, len(names))
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - above / height))
    figure = Figure(figsize=(12, height), layout=layout)
    timeline(figure.add_subplot(), result, names)
    return figure


def drawn(result: Result) -> list[str]:
    """The signals that have a row: those that should have found something first, then by alarms."""
    told = result.signals
    ranked = sorted(told, key=lambda name: (-told[name].planted, -told[name].alarms, name))
    return ranked[:SIGNALS_MAX]


def timeline(axes: Axes, result: Result, names: Sequence[str]) -> None:
    """A row a signal; shaded where something was changed, a mark for each alarm."""
    rows = {name: len(names) - 1 - i for i, name in enumerate(names)}
    for piece, told in zip(result.pieces, result.changes, strict=True):
        axes.axvspan(piece.start, piece.stop, color="#dfe7f1", alpha=0.55, lw=0, zorder=1)
        axes.axvline(piece.start, color=GREEN if told["found"] else RED, lw=1.4, zorder=2)
    _headings(axes, result)
    for what, colour in COLOURS.items():
        alarms = [each.raised for each in result.judged if each.what == what and each.raised.signal in rows]
        if alarms:
            some = alarms[:: -(-len(alarms) // DOTS_MAX)]
            x, y = [each.row for each in some], [rows[each.signal] for each in some]
            label = f"{MEANING[what]} ({sum(each.what == what for each in result.judged):,})"
            size = 62 if what == "found" else 34
            axes.scatter(x, y, s=size, color=colour, edgecolor="white", lw=0.7, label=label, zorder=4)
    axes.set_yticks(list(rows.values()), list(rows))
    axes.set_ylim(-0.7, max(1, len(names)) - 0.3)
    axes.set_xlim(0, max(1, result.events))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(_span(result))
    if result.judged:
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.legend(loc="outside lower center", ncols=4)
    else:
        axes.text(0.01, 0.9, "no alarms", transform=axes.transAxes, va="top", color=QUIET)


def _headings(axes: Axes, result: Result) -> None:
    """What was changed, above where it first began; those that begin together, together."""
    at: dict[int, list[str]] = {}
    times = Counter(id(piece.change) for piece in result.pieces)
    for piece in result.pieces:
        often = times.pop(id(piece.change), 0)
        if often:
            again = f", {often} times" if often > 1 else ""
            at.setdefault(piece.start, []).append(_short(piece.change.told) + again)
    ends = [-1.0] * LEVELS  # where the last one of each level ends
    for start, names in sorted(at.items()):
        level = next((i for i, end in enumerate(ends) if start >= end), None)
        if level is not None:  # else it would be written over another
            ends[level] = start + 0.17 * result.events
            told = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            axes.annotate(
                told,
                (start, 1),
                xytext=(2, 4 + 13 * level),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=INK,
            )


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _span(result: Result) -> str:
    times = [each.raised.time for each in result.judged if each.raised.time >= 86_400_000]
    if not times:
        return "events"
    first, last = (datetime.fromtimestamp(time / 1000, UTC) for time in (min(times), max(times)))
    return f"events (the alarms are of {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC)"


# -- the tables --------------------------------------------------------------------------------------------


def tables(result: Result) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]]]]:
    """What is told in figures, under each heading a row by name."""
    changes = {
        f"{each['told']} at row {each['start']:,}": {
            "found after events": each["delay_events"] if each["found"] else "missed",
            "of event time": waited(each["delay_ms"]),
            "says it began at row": each["said_start"],
            "by": f"{each['signal']} ({each['detector']})" if each["found"] else None,
        }
        for each in result.changes
    }
    scores: dict[str, Mapping[str, Any]] = {
        name: score._asdict() for name, score in {"the detectors": result.overall, **result.dummies}.items()
    }
    signals = {name: result.signals[name]._asdict() for name in drawn(result)}
    yield "Changes", changes
    yield "Beside those who look at nothing", scores
    yield "Signals", signals


def waited(milliseconds: int | None) -> str | None:
    """
    >>> waited(90_000), waited(7_200_000), waited(None)
    ('1.5 m', '2 h', None)
    """
    if milliseconds is None:
        return None
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds} ms"


def _table(heading: str, told: Mapping[str, Mapping[str, Any]]) -> str:
    names = list(next(iter(told.values())))
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        f"<tr><td>{html.escape(row)}</td>{''.join(f'<td>{_cell(each[name])}</td>' for name in names)}</tr>"
        for row, each in told.items()
    )
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="card wide"><h2>{heading}</h2><div class="scroll">{table}</div></div>'


def _cell(value: Any) -> str:
    return html.escape(value) if isinstance(value, str) else number(value)
