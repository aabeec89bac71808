"""How the false alarms that are bearable are shared out: as a table for people, and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import isfinite, nan
from typing import Any

from engine.drift.allowances import given
from engine.drift.budget import assumed, explained
from engine.drift.detector import TOGETHER
from engine.drift.detectors.charts import Charts
from engine.drift.detectors.classifier import Classifier
from engine.drift.detectors.river_detector import Own
from engine.drift.rate import RATE_UNKNOWN
from engine.drift.stage import Watch
from engine.drift.watchers import entry_of
from engine.spec import Spec
from streams.drift.reading import Watched
from streams.records import printable

COLUMNS = ["signal", "detector", "part", "one in so many events", "that is", "threshold", "guarantee"]
NAME_WIDTH = 60  # characters
ASSUMED = 10  # sentences
UNITS = ((365 * 86_400, "years"), (86_400, "days"), (3_600, "hours"), (60, "minutes"), (0, "seconds"))
GUARANTEES = {
    "proven": "holds for values in no particular order, whatever their distribution",
    "tabulated": "thresholds were simulated beforehand, for continuous values in no particular order",
    "simulated": "thresholds are simulated on each signal's own reference, so they are as good as that is",
    "none": "nobody knows: its own settings decide how often it raises a false alarm",
}


def lines(watch: Watch) -> Iterator[dict[str, Any]]:
    """A line for each part of the budget."""
    rate = RATE_UNKNOWN if watch.rate is None else watch.rate.per_second
    levels = [[watcher.detector.levels() for watcher in panel.watchers] for panel in watch.panels]
    told = [panel.prepare.told() for panel in watch.panels]
    for each in given(watch.drift, watch.partitions, watch.panels, rate):
        watcher = watch.panels[each.panel].watchers[each.watcher]
        threshold, rests = nan, list[str]()
        if each.row != TOGETHER:
            row = int(watcher.rows[each.row])
            if not watch.panels[each.panel].signals[row].is_there:
                continue
            threshold = float(levels[each.panel][each.watcher].threshold[each.row])
            rests = assumed(told[each.panel][row], watch.drift.dependence)
        elif not watcher.each:
            threshold = float(levels[each.panel][each.watcher].threshold[0])
        if isinstance(watcher.detector, Charts | Own | Classifier):
            rests += watcher.detector.rests(each.row)
        line = explained(each.share, each.allowed, threshold, entry_of(watcher.name).guarantee, rate, rests)
        yield line | {
            "run_length_seconds": None if watch.rate is None else line["run_length_seconds"],
            "threshold": threshold if isfinite(threshold) else None,
        }


def described(shard: Watched) -> dict[str, Any]:
    """One shard, for programs."""
    rate = shard.watch.rate
    return {
        "partition": shard.partition,
        "events_per_second": None if rate is None else rate.per_second,
        "parts": list(lines(shard.watch)),
    }


def asked(spec: Spec) -> str:
    """The budget in a sentence."""
    assert spec.drift is not None
    budget = spec.drift.false_alarms
    per = f"{budget.per:,} events" if budget.per > 0 else span(-budget.per / 1_000)
    where = "" if spec.partitions == 1 else f", in {spec.partitions} partitions"
    return f"at most {budget.at_most:g} false alarm{'s' * (budget.at_most != 1)} in {per}{where}"


class Page:
    """One shard, for people: at most so many lines."""

    def __init__(self, shard: Watched, limit: int | None) -> None:
        self.shard, self.found = shard, list(lines(shard.watch))
        self.shown = self.found[:limit]

    def head(self) -> str:
        rate = self.shard.watch.rate
        if rate is None:
            return f"partition {self.shard.partition}"
        known = "come at" if rate.count else "are taken to come, until more is known, at"
        return f"partition {self.shard.partition}: its events {known} {rate.per_second:,.4g} a second"

    def rows(self) -> list[list[str]]:
        return [
            [
                printable(line["signal"], NAME_WIDTH),
                line["detector"],
                f"{line['part']:.2%}",
                f"{line['run_length_events']:,}",
                "" if line["run_length_seconds"] is None else span(line["run_length_seconds"]),
                "" if line["threshold"] is None else f"{line['threshold']:.4g}",
                line["guarantee"],
            ]
            for line in self.shown
        ]

    def foot(self) -> Iterator[str]:
        if left := len(self.found) - len(self.shown):
            yield f"--all shows the other {left:,}"
        for guarantee in dict.fromkeys(line["guarantee"] for line in self.found):
            yield f"{guarantee}: {GUARANTEES.get(guarantee, 'see the detector')}"
        assumed = Counter(each for line in self.found for each in line["assumes"])
        for told, count in assumed.most_common(ASSUMED):
            yield f"assumed of {count:,} signal{'s' * (count != 1)}: {told}"


def span(seconds: float) -> str:
    """So long, in the largest unit of which there are two.

    >>> span(30 * 86_400), span(90), span(7_300), span(1e12)
    ('30 days', '90 seconds', '2.028 hours', '3.171e+04 years')
    """
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= 2 * size)
    return f"{seconds / max(size, 1):.4g} {unit}"
