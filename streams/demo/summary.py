"""The result of a demo, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any

from engine.alerts.record import Alert
from streams.demo.figures import BARS, Figures, quantile
from streams.demo.seen import Seen
from streams.drift.text import brief

BLOCKS = " ▁▂▃▄▅▆▇█"
FLOOR = 0.6  # accuracy at the foot of a chart
INDENT, WIDTH = 11, 88


@dataclass(frozen=True, slots=True)
class Summary:
    """What `--json` prints."""

    events: int
    predictions: int
    dead_letters: int
    lost: int
    duplicates: int
    events_per_second: float
    latency_ms_p50: int | None
    latency_ms_p99: int | None
    accuracy: float | None
    drift_found: bool = False
    drift_delay_events: int | None = None  # from the first event after the change
    drift_false_alarms: int = 0  # before it
    alerts: int = 0  # transitions, seen on their topic

    @classmethod
    def of(cls, seen: Seen) -> Summary:
        figures = seen.figures
        ratio = figures.accuracy.ratio
        return cls(
            events=figures.events,
            predictions=figures.predictions,
            dead_letters=figures.dead_letters,
            lost=seen.lost(),
            duplicates=figures.duplicates,
            events_per_second=round(figures.events / figures.seconds, 1),
            latency_ms_p50=quantile(figures.latency_ms, 0.5),
            latency_ms_p99=quantile(figures.latency_ms, 0.99),
            accuracy=None if ratio is None else round(ratio, 4),
            drift_found=figures.found is not None,
            drift_delay_events=None
            if figures.found is None
            else figures.found.detected.offset - seen.plan.change,
            drift_false_alarms=figures.false_alarms,
            alerts=figures.transitions,
        )

    @property
    def sound(self) -> bool:
        """Whether every event that fits was predicted, once."""
        return self.lost == 0 and self.duplicates == 0

    def json(self) -> dict[str, Any]:
        return asdict(self)


def told(summary: Summary, figures: Figures) -> list[str]:
    """The result in a few lines."""
    s, reasons = summary, figures.reasons.most_common()
    p50, p99 = milliseconds(s.latency_ms_p50), milliseconds(s.latency_ms_p99)
    said = {
        "events": f"{s.events:,} in {figures.seconds:.1f} s, {s.events_per_second:,.0f}/s: {s.predictions:,} "
        f"predicted, {s.dead_letters} refused, {s.lost} lost, {s.duplicates} twice",
        "latency": f"p50 {p50}, p99 {p99}, from the producer to the commit",
        "labels": f"{figures.outcomes:,} met their prediction, {figures.early} were there before it, "
        f"{figures.corrections} were corrected later",
        "accuracy": f"{percent(s.accuracy)}{_story(figures)}",
        "": spark(figures.bars.newest(BARS)[0]),
        "drift": _drift(s, figures),
        "alerts": _alerts(figures),
        "refused": ", ".join(f"{reason} {count}" for reason, count in reasons) or "none",
    }
    lines = [line for name, text in said.items() for line in _wrapped(name, text)]
    if figures.found is not None:
        at = next(i for i, line in enumerate(lines) if line.startswith("alerts"))
        lines[at:at] = [" " * INDENT + line for line in list(brief(figures.found))]
    return lines


def _drift(summary: Summary, figures: Figures) -> str:
    """How soon the change was found, and what else was said."""
    before = (
        f"{summary.drift_false_alarms or 'no'} false alarm{'s' * (summary.drift_false_alarms != 1)} before"
    )
    if summary.drift_delay_events is None:
        return f"none found; {before}"
    return f"found {summary.drift_delay_events:,} events after payments changed; {before}"


def _alerts(figures: Figures) -> str:
    """The one that tells of the change, and how many transitions there were of all."""
    count = f"{figures.transitions:,} transition{'s' * (figures.transitions != 1)} on the topic"
    alert = None if figures.found is None else figures.alert_of(figures.found)
    return count if alert is None else f"{standing(alert)}; {count}"


def standing(alert: Alert) -> str:
    """An alert in short: how urgent, what it is called, where it stands, and what it says."""
    labels = alert.labels
    name, summary = labels.get("alertname", ""), alert.annotations.get("summary", "")
    return f"{labels.get('severity', '')} {name}, {alert.status}: {summary}"


def _wrapped(name: str, text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT)


def _story(figures: Figures) -> str:
    """Before the change, at it, and what was learned since."""
    heights, marks = figures.bars.newest(len(figures.bars.heights))
    if not marks or not heights[marks[-1] :]:
        return ""
    low, before = percent(min(heights[marks[-1] :])), percent(figures.before.ratio)
    return f": {before} until payments changed, {low} right after, {percent(figures.recent_accuracy)} now"


def spark(heights: list[float]) -> str:
    """One character a bar.

    >>> spark([0.5, 0.8, 1.0])
    '▁▄█'
    """
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[max(1, round(steps * (height - FLOOR) / (1 - FLOOR)))] for height in heights)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
