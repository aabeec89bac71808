"""Plots of a drift: a picture, or a page that holds it and needs nothing else.

matplotlib is an extra, and imported when something is drawn.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.drift.evidence.record import Drift, Feature, Group
from streams.drift.text import described, headline
from streams.records import printable
from streams.replays.plots import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, STYLE
from streams.replays.report import check, png, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS_MAX, ROWS_MIN = 10, 5
NAME_MAX = 26  # characters
BEFORE, NOW = "#9aa5b1", BLUE
PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0; background: #f3f5f7; color: #1c2733; font: 15px/1.5 system-ui, sans-serif; }}
main {{ max-width: 1240px; margin: 0 auto; padding: 32px 20px 48px; }}
img, pre {{ background: #fff; border: 1px solid #e4e8ec; border-radius: 10px; padding: 14px; }}
img {{ width: 100%; box-sizing: border-box; display: block; }}
pre {{ font-size: 13px; overflow-x: auto; }}
</style></head><body><main>
<img alt="{title}" src="data:image/png;base64,{image}">
<pre>{text}</pre>
</main></body></html>
"""


@dataclass(frozen=True)
class Plot:
    """What is drawn, under which heading, and whether there is anything to draw."""

    title: str
    draw: Callable[[Axes, Drift], None]
    there: Callable[[Drift], bool]
    width: int = 1


def write(path: Path, drift: Drift) -> None:
    """Write what can be drawn of a drift, as `.html` or as `.png`."""
    save(path, lambda: picture(drift), lambda: page(drift))


def page(drift: Drift) -> str:
    """One HTML page: the picture, and below it the text with all figures."""
    text = html.escape("\n".join(described(drift)))
    image = base64.b64encode(picture(drift)).decode()
    return PAGE.format(title=html.escape(headline(drift)), image=image, text=text)


def picture(drift: Drift) -> bytes:
    """One PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    plots = [plot for plot in PLOTS if plot.there(drift)]
    with rc_context(STYLE):
        figure = Figure(figsize=(13, 4.9), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
        parts: Any = figure.subfigures(2, 1, height_ratios=[1.15, 3.75])
        _write_above(parts[0], drift)
        grid = parts[1].add_gridspec(1, sum(plot.width for plot in plots) or 1)
        at = 0
        for plot in plots:
            axes = parts[1].add_subplot(grid[0, at : at + plot.width])
            axes.set_title(plot.title, loc="left", weight="bold", fontsize=11, pad=10)
            plot.draw(axes, drift)
            at += plot.width
        return png(figure)


def _write_above(part: Any, drift: Drift) -> None:
    """The headline, the figures that decide, and whom it comes from."""
    part.text(0.01, 0.78, _plain(headline(drift)), fontsize=16, weight="bold", color=INK, va="center")
    part.text(0.01, 0.47, "   ".join(_figures(drift)), fontsize=10.5, color=QUIET, va="center")
    whence = [drift.suspected_cause, drift.cause and f"what drifted: {drift.cause}", *drift.warnings]
    told = _plain(".  ".join(printable(each, 160) for each in whence if each))
    part.text(0.01, 0.18, told[:1].upper() + told[1:], fontsize=10.5, color=ORANGE, va="center")


def _figures(drift: Drift) -> list[str]:
    """In a few words.

    The statistic stands beside its threshold.
    """
    told = [f"statistic {_number(drift.statistic)} (threshold {_number(drift.threshold)})"]
    told.append(f"{drift.effect.replace('_', ' ')} {_number(drift.effect_size)}")
    told += [] if drift.p_value is None else [f"p {_number(drift.p_value)}"]
    told.append(f"{drift.current.n:,} values beside {drift.reference.n:,} ({drift.reference.window})")
    return told


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def spread(axes: Axes, drift: Drift) -> None:
    """How values were spread before, and since."""
    bins = drift.histogram
    assert bins is not None
    width = [high - low for low, high in zip(bins.edges[:-1], bins.edges[1:], strict=True)]
    axes.bar(bins.edges[:-1], bins.reference, width, align="edge", color=BEFORE, alpha=0.75, label="before")
    axes.stairs(bins.current, bins.edges, color=NOW, lw=2, label="since")
    axes.stairs(bins.current, bins.edges, color=NOW, alpha=0.12, fill=True)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.margins(x=0.01)
    axes.legend(loc="upper right")
    axes.set(xlabel=_name(drift.signal), ylabel="share of values")


def categories(axes: Axes, drift: Drift) -> None:
    """The shares that moved most, a pair of bars each."""
    shown = drift.categories[:BARS_MAX][::-1]
    places = range(len(shown))
    axes.barh([i + 0.2 for i in places], [each.before for each in shown], 0.38, color=BEFORE, label="before")
    axes.barh([i - 0.2 for i in places], [each.now for each in shown], 0.38, color=NOW, label="since")
    _rows(axes, [_name(each.category) + (" (new)" if each.new else "") for each in shown])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.legend(loc="lower right")
    axes.set_xlabel(f"share of values of {_name(drift.signal)}")


def ranking(axes: Axes, drift: Drift) -> None:
    """In which signals the change is."""
    shown: Sequence[Feature] = drift.top_features[:BARS_MAX][::-1]
    colours = [NOW if each.signal == drift.signal else GREEN for each in shown]
    axes.barh(range(len(shown)), [each.share for each in shown], color=colours, height=0.65)
    _rows(axes, [_name(each.signal) for each in shown])
    _shares(axes, [each.share for each in shown])
    axes.set_xlabel("share of all change since then")


def groups(axes: Axes, drift: Drift) -> None:
    """From where it comes; a group may also act against it."""
    shown: Sequence[Group] = sorted(drift.groups, key=lambda group: -abs(group.share))[:BARS_MAX][::-1]
    colours = [ORANGE if each.new else NOW for each in shown]
    axes.barh(range(len(shown)), [each.share for each in shown], color=colours, height=0.65)
    _rows(axes, [_name(f"{each.by}={each.value}") + (" (new)" if each.new else "") for each in shown])
    _shares(axes, [each.share for each in shown])
    axes.set_xlabel("share of the change that it brings")


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """Names beside bars, the first on top; few bars don't fill the height."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(min(len(names), ROWS_MIN) - ROWS_MIN - 0.5, len(names) - 0.5)
    axes.grid(visible=False, axis="y")


def _shares(axes: Axes, shares: Sequence[float]) -> None:
    axes.axvline(0, color=FAINT, lw=1)
    axes.set_xlim(min(0.0, *shares) * 1.08, max(1.0, *shares) * 1.02)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def _name(text: str) -> str:
    """What may be anything, and of any length."""
    return _plain(printable(text, NAME_MAX))


def _plain(text: str) -> str:
    """matplotlib would take what stands between dollars for a formula."""
    return text.replace("$", r"\$")


__all__ = ["check", "page", "picture", "write"]

PLOTS = (
    Plot("Before and since", spread, lambda d: d.histogram is not None, width=2),
    Plot("Before and since", categories, lambda d: bool(d.categories), width=2),
    Plot("Which signals", ranking, lambda d: bool(d.top_features)),
    Plot("From where", groups, lambda d: bool(d.groups)),
)
