"""Plots of a replay: a function each, which draws what it is about on axes of its own, or has nothing to.

matplotlib is an extra, and imported when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.metrics.summary import DAYS, Told
from streams.replays.judged import Judged, Moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, FAINT = "#1c2733", "#6b7785", "#e4e8ec"
BLUE, ORANGE, GREEN, RED, VIOLET = "#2f6fbd", "#e08a1e", "#2a9d78", "#c8453b", "#7c5cbf"
# What is shown of a kind: over time, and as the one figure by which groups are compared.
LINES = {
    "binary": (("accuracy", BLUE), ("balanced_accuracy", GREEN), ("f1", VIOLET)),
    "multiclass": (("accuracy", BLUE), ("balanced_accuracy", GREEN), ("f1", VIOLET)),
    "regression": (("mae", BLUE), ("rmse", GREEN)),
    "anomaly": (("roc_auc", BLUE),),
}
SHARES = ("binary", "multiclass", "anomaly")  # kinds whose metrics lie between 0 and 1
ROWS_MAX = 16
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#c5ccd3",
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Plot:
    """What is drawn, under which heading, and whether there is anything to draw."""

    title: str
    draw: Callable[[Axes, Judged], None]
    there: Callable[[Judged], bool]
    wide: bool = False
    legend: bool = False  # above the axes, below the heading


def plain(name: str) -> str:
    """A metric as people say it.

    >>> plain("roc_auc"), plain("balanced_accuracy"), plain("kappa_t")
    ('ROC AUC', 'balanced accuracy', 'kappa-T')
    """
    known = {"roc_auc": "ROC AUC", "f1": "F1", "mae": "MAE", "rmse": "RMSE", "r2": "R²", "mape": "MAPE"}
    known |= {"ece": "calibration error", "log_loss": "log loss", "brier": "Brier score"}
    known |= {"kappa_m": "kappa-M", "kappa_t": "kappa-T"}
    return known.get(name, name.replace("_", " "))


def over_time(axes: Axes, judged: Judged) -> None:
    """How the metrics went, beside what repeating the last label would have reached."""
    moments = judged.over_time
    x = _times(moments)
    for i, (name, colour) in enumerate(LINES[judged.kind]):
        values = [_value(m.metrics, name) for m in moments]
        axes.plot(x, values, color=colour, lw=1.9 if i == 0 else 1.3, label=plain(name), zorder=9 - i)
    if any("kappa_t" in m.metrics for m in moments):
        label = "accuracy of repeating the last label"
        axes.plot(x, [no_change(m.metrics) for m in moments], color=QUIET, lw=1, ls=":", label=label)
    if judged.kind in SHARES:
        axes.set_ylim(top=1.02)
    else:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    _legend_above(axes)
    if isinstance(x[0], int):
        axes.set_xlabel("events")
    window = next((name for name in judged.windows if name != "life"), "life")
    of = "all outcomes so far" if window == "life" else f"the last {window} outcomes"
    axes.set_ylabel(of if window.isdigit() or window == "life" else f"the last {window}")


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower left", ncols=6, bbox_to_anchor=(0, 1), borderaxespad=0.2)


def _times(moments: Sequence[Moment]) -> list[Any]:
    """Where moments lie on the axis: in time, or by events where these have none."""
    if moments[-1].time < 86_400_000:
        return [moment.events for moment in moments]
    return [datetime.fromtimestamp(moment.time / 1000, UTC) for moment in moments]


def _value(told: Told, name: str) -> float:
    value = told.get(name)
    return float(value) if value is not None and math.isfinite(value) else math.nan


def no_change(told: Told) -> float:
    """The accuracy of repeating the last label, as Kappa-T implies it.

    >>> round(no_change({"accuracy": 0.9, "kappa_t": 0.5}), 9)
    0.8
    """
    accuracy, kappa = _value(told, "accuracy"), _value(told, "kappa_t")
    return (accuracy - kappa) / (1 - kappa) if kappa < 1 else math.nan


def calibration(axes: Axes, judged: Judged) -> None:
    """Whether 0.8 comes true eight times in ten; a dot is as large as it holds outcomes."""
    x, y = [each.score for each in judged.calibration], [each.share for each in judged.calibration]
    most = max(each.outcomes for each in judged.calibration)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":")
    axes.plot(x, y, color=BLUE, lw=1.4)
    sizes = [18 + 160 * each.outcomes / most for each in judged.calibration]
    axes.scatter(x, y, s=sizes, color=BLUE, alpha=0.75, edgecolor="white", zorder=3)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="score", ylabel="came true")


def roc(axes: Axes, judged: Judged) -> None:
    """What is found, at the price of which false alarms."""
    x, y = zip(*judged.roc, strict=True)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":")
    axes.fill_between(x, y, color=BLUE, alpha=0.1)
    axes.plot(x, y, color=BLUE, lw=1.6)
    area = _value(judged.windows["life"], "roc_auc")
    axes.text(0.97, 0.05, f"area {area:.3f}", ha="right", transform=axes.transAxes, color=INK)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false alarms", ylabel="found")


def scores(axes: Axes, judged: Judged) -> None:
    """How scores, or predicted numbers, are spread; of numbers the middle 98 %."""
    unit = judged.kind in ("binary", "multiclass")
    rows: Sequence[tuple[float, float, float]] = judged.scores if unit else evened(middle(judged.scores))
    left, width = [low for low, _, _ in rows], [high - low for low, high, _ in rows]
    height = [n for _, _, n in rows]
    axes.bar(left, height, width=width, align="edge", color=BLUE, alpha=0.85, edgecolor="white", lw=0.4)
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="predicted number" if judged.kind == "regression" else "score", ylabel="predictions")


def evened(rows: Sequence[tuple[float, float, float]], bins: int = 30) -> list[tuple[float, float, float]]:
    """Bins of one width instead of many, each with its share of those that it overlaps.

    >>> evened([(0.0, 1.0, 10), (1.0, 4.0, 30)], bins=2)
    [(0.0, 2.0, 20.0), (2.0, 4.0, 20.0)]
    """
    if not rows:
        return []
    start, stop = rows[0][0], rows[-1][1]
    width = (stop - start) / bins
    made = []
    for i in range(bins):
        low, high = start + i * width, start + (i + 1) * width
        parts = (n * max(0.0, min(high, b) - max(low, a)) / (b - a) for a, b, n in rows)
        made.append((low, high, sum(parts)))
    return made


def middle(rows: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The bins between the first and the last hundredth.

    >>> middle([(0.0, 1.0, 1), (1.0, 2.0, 998), (2.0, 1e9, 1)])
    [(1.0, 2.0, 998)]
    """
    total, before, kept = sum(n for _, _, n in rows), 0, []
    for low, high, n in rows:
        if before + n > 0.01 * total and before < 0.99 * total:
            kept.append((low, high, n))
        before += n
    return kept


def confusion(axes: Axes, judged: Judged) -> None:
    """Which class was taken for which; shades are shares of a row."""
    assert judged.confusion is not None
    names, counts = judged.confusion.classes, judged.confusion.counts
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    if len(names) <= 8:
        for i, row in enumerate(counts):
            for j, n in enumerate(row):
                shade = "white" if shares[i][j] > 0.55 else INK
                text = f"{n:,}\n{shares[i][j]:.1%}" if len(names) <= 4 else f"{n:,}"
                axes.text(j, i, text, ha="center", va="center", color=shade)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=0 if len(names) <= 4 else 60)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted", ylabel="label")


def by_segment(axes: Axes, judged: Judged) -> None:
    _bars_across(axes, judged, judged.segments)


def by_hour(axes: Axes, judged: Judged) -> None:
    hours = [f"{hour:02}" for hour in range(24)]
    _bars_up(axes, judged, [judged.hours.get(hour, {}) for hour in hours], hours)
    axes.set_xlabel("hour of day, UTC")


def by_day(axes: Axes, judged: Judged) -> None:
    _bars_up(axes, judged, [judged.days.get(day, {}) for day in DAYS], [day[:3] for day in DAYS])
    axes.set_xlabel("day of week, UTC")


def _bars_up(axes: Axes, judged: Judged, told: Sequence[Told], names: Sequence[str]) -> None:
    """How far each group lies from the whole."""
    whole, gaps, colours = _beside_the_whole(judged, told)
    axes.bar(range(len(names)), gaps, bottom=whole, color=colours, width=0.75)
    axes.axhline(whole, color=INK, lw=1)
    every = 3 if len(names) > 12 else 1
    axes.set_xticks(range(0, len(names), every), names[::every])
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(plain(LINES[judged.kind][0][0]))


def _bars_across(axes: Axes, judged: Judged, told: dict[str, Told]) -> None:
    """How far each group lies from the whole, the largest groups first."""
    largest = sorted(told, key=lambda name: -_value(told[name], "labelled"))[:ROWS_MAX][::-1]
    whole, gaps, colours = _beside_the_whole(judged, [told[name] for name in largest])
    axes.barh(range(len(largest)), gaps, left=whole, color=colours, height=0.7)
    axes.axvline(whole, color=INK, lw=1)
    axes.set_yticks(range(len(largest)), [f"{name}  ({told[name]['labelled']:,})" for name in largest])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(plain(LINES[judged.kind][0][0]))


def _beside_the_whole(judged: Judged, told: Sequence[Told]) -> tuple[float, list[float], list[str]]:
    """The metric of all outcomes, how far each group's lies from it, and a colour for better or worse."""
    metric, up = LINES[judged.kind][0][0], judged.kind in SHARES
    whole = _value(judged.windows["life"], metric)
    gaps = [_value(each, metric) - whole for each in told]
    return whole, gaps, [BLUE if (gap >= 0) == up else ORANGE for gap in gaps]


def features(axes: Axes, judged: Judged) -> None:
    """Of each feature the share of values that were missing, new, or refused."""
    colours = {"missing": ORANGE, "new": VIOLET, "out_of_range": RED, "unknown_category": "#8c3a5f"}
    colours |= {"wrong_type": "#a8582c", "missing_field": "#d8b13b"}
    total = {name: sum(counts.values()) for name, counts in judged.features.items()}
    worst = sorted(total, key=lambda name: -total[name])[:ROWS_MAX][::-1]
    left = [0.0] * len(worst)
    for what, colour in colours.items():
        shares = [judged.features[name].get(what, 0) / max(1, judged.rows) for name in worst]
        if any(shares):
            label = what.replace("_", " ")
            axes.barh(range(len(worst)), shares, left=left, color=colour, height=0.7, label=label)
            left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(worst)), worst)
    axes.grid(visible=False, axis="y")
    digits = next((n for n, share in enumerate((0.1, 0.04, 0.004)) if max(left) > share), 3)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.{digits}%}")
    _legend_above(axes)
    axes.set_xlabel("share of values")


PLOTS = (
    Plot("Quality over time", over_time, lambda j: len(j.over_time) > 1, wide=True, legend=True),
    Plot("Confusion", confusion, lambda j: j.confusion is not None and bool(j.confusion.counts)),
    Plot("Calibration", calibration, lambda j: bool(j.calibration)),
    Plot("ROC curve", roc, lambda j: bool(j.roc)),
    Plot("Predictions", scores, lambda j: bool(j.scores)),
    Plot("By hour of day", by_hour, lambda j: bool(j.hours)),
    Plot("By day of week", by_day, lambda j: bool(j.days)),
    Plot("By segment", by_segment, lambda j: bool(j.segments)),
    Plot("Data quality", features, lambda j: bool(j.features), legend=True),
)
