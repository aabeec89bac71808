"""The report of a replay: one picture, or one page that holds its pictures and needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DriftlineError
from engine.metrics.summary import Told
from streams.replays.plots import INK, PLOTS, QUIET, STYLE, Plot, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from streams.replays.judged import Judged
    from streams.replays.replay import Report

COLUMNS = 3
DPI = 144
TILES = {
    "binary": ("accuracy", "kappa_t", "f1", "roc_auc", "log_loss", "ece"),
    "multiclass": ("accuracy", "kappa_t", "balanced_accuracy", "f1", "kappa", "ece"),
    "regression": ("mae", "rmse", "r2", "mape"),
    "anomaly": ("roc_auc",),
}
PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0; background: #f3f5f7; color: #1c2733; font: 15px/1.5 system-ui, sans-serif; }}
main {{ max-width: 1240px; margin: 0 auto; padding: 32px 20px 48px; }}
h1 {{ margin: 0; font-size: 26px; }} h2 {{ margin: 0 0 8px; font-size: 15px; }}
p {{ margin: 4px 0 20px; color: #6b7785; }}
.tiles, .cards {{ display: grid; gap: 14px; margin-bottom: 14px; }}
.tiles {{ grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }}
.cards {{ grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); }}
.tile, .card {{ background: #fff; border: 1px solid #e4e8ec; border-radius: 10px; padding: 14px 18px; }}
.tile b {{ display: block; font-size: 26px; font-weight: 650; }} .tile span {{ color: #6b7785; }}
.wide {{ grid-column: 1 / -1; }} img {{ width: 100%; display: block; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: 5px 10px; border-top: 1px solid #e4e8ec; }}
th:first-child, td:first-child {{ text-align: left; }} thead th {{ border: 0; color: #6b7785; }}
.scroll {{ overflow-x: auto; }}
</style></head><body><main>
<h1>{title}</h1><p>{subtitle}</p>
<div class="tiles">{tiles}</div>
<div class="cards">{cards}</div>
</main></body></html>
"""


def write_report(path: Path, title: str, report: Report) -> None:
    """Write what a replay came to, as `.html` or as `.png`.

    Parameters
    ----------
    path
        Where to; its ending says what.
    title
        What stands above.
    report
        Of a replay that judged.
    """
    assert report.quality is not None
    save(path, lambda: picture(title, report), lambda: page(title, report))


def save(path: Path, picture: Callable[[], bytes], page: Callable[[], str]) -> None:
    """Write the one or the other, as the file's ending says."""
    check(path)
    content = picture() if path.suffix == ".png" else page().encode()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DriftlineError(f"{path} can't be written: {error.strerror}") from None


def check(path: Path) -> None:
    """Refuse what can't be written, before there is anything to write."""
    if path.suffix not in (".html", ".png"):
        raise DriftlineError(f"{path}: a report is a page or a picture; name it .html or .png")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DriftlineError(
            "plots are drawn with matplotlib, which is not installed; "
            "install it with pip install 'driftline[report]', or in a checkout with uv sync --extra report"
        ) from None


def page(title: str, report: Report) -> str:
    """One HTML page, its pictures inside."""
    judged = report.quality
    assert judged is not None
    tiles = (f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for name, value in figures(judged))
    cards = [_card(plot, judged) for plot in PLOTS if plot.there(judged)]
    return PAGE.format(
        title=html.escape(title),
        subtitle=html.escape(subtitle(report)),
        tiles="".join(tiles),
        cards="".join([*cards, *(_table(heading, told) for heading, told in tables(report))]),
    )


def tables(report: Report) -> Iterator[tuple[str, dict[str, Told]]]:
    """What is told in figures, under each heading a row by name."""
    judged = report.quality
    assert judged is not None
    yield "Windows", judged.windows
    yield "Segments", judged.segments
    if report.confidence is not None:
        yield "Confidence", {"life": report.confidence}


def subtitle(report: Report) -> str:
    parts = [f"{report.events:,} events", f"{report.outcomes:,} outcomes"]
    parts += [f"{report.dead_letters:,} refused"] if report.dead_letters else []
    return ", ".join([*parts, f"{report.events_per_second:,.0f} events a second"])


def figures(judged: Judged) -> list[tuple[str, str]]:
    """The few that say most, over the whole life."""
    life = judged.windows["life"]
    found = [(plain(name), number(life.get(name))) for name in TILES[judged.kind]]
    return [pair for pair in found if pair[1] != "-"]


def number(value: float | int | None) -> str:
    """A figure as people read it.

    >>> number(0.84731), number(45312), number(12345.678), number(None)
    ('0.847', '45,312', '12,346', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _table(heading: str, told: dict[str, Told]) -> str:
    """All metrics, a row a window or a segment."""
    if not told:
        return ""
    names = list(next(iter(told.values())))
    head = "".join(f"<th>{html.escape(plain(name))}</th>" for name in names)
    body = "".join(
        f"<tr><td>{html.escape(row)}</td>{''.join(f'<td>{number(each[name])}</td>' for name in names)}</tr>"
        for row, each in told.items()
    )
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="card wide"><h2>{heading}</h2><div class="scroll">{table}</div></div>'


def _card(plot: Plot, judged: Judged) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(12, 3.4) if plot.wide else (4.2, 3.3), layout="constrained")
        plot.draw(figure.add_subplot(), judged)
        image = base64.b64encode(png(figure)).decode()
    kind = "card wide" if plot.wide else "card"
    alt = html.escape(plot.title)
    return f'<div class="{kind}"><h2>{alt}</h2><img alt="{alt}" src="data:image/png;base64,{image}"></div>'


def picture(title: str, report: Report) -> bytes:
    """One PNG with all plots."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    judged = report.quality
    assert judged is not None
    plots = [plot for plot in PLOTS if plot.there(judged)]
    places = list(_places(plots))
    rows = places[-1][0] + 1 if places else 1
    with rc_context(STYLE):
        figure = Figure(figsize=(13, 1.0 + 3.5 * rows), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.1))
        parts: Any = figure.subfigures(2, 1, height_ratios=[1.0, 3.5 * rows])
        above, below = parts
        above.text(0.01, 0.72, title, fontsize=19, weight="bold", color=INK, va="center")
        said = ", ".join(f"{name} {value}" for name, value in figures(judged))
        above.text(0.01, 0.32, f"{subtitle(report)}.  {said}", fontsize=10.5, color=QUIET, va="center")
        grid = below.add_gridspec(rows, COLUMNS)
        for plot, (row, start, stop) in zip(plots, places, strict=True):
            axes = below.add_subplot(grid[row, start:stop])
            axes.set_title(plot.title, loc="left", weight="bold", fontsize=11, pad=24 if plot.legend else 8)
            plot.draw(axes, judged)
        return png(figure)


def _places(plots: list[Plot]) -> Iterator[tuple[int, int, int]]:
    """Row, first and last column of each plot; the last row is filled."""
    narrow = [plot for plot in plots if not plot.wide]
    row = column = 0
    for plot in plots:
        if plot.wide:
            yield row, 0, COLUMNS
            row += 1
            continue
        last = plot is narrow[-1]
        yield row, column, COLUMNS if last else column + 1
        column += 1
        if column == COLUMNS:
            row, column = row + 1, 0


def png(figure: Figure) -> bytes:
    """A figure as a file."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()
