"""What a scrape is told of alerts: those of the shards as of their last commit, and the worker's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from streams.alerts.own import firing, is_own

if TYPE_CHECKING:
    from engine.alerts.judge import Judge
    from engine.alerts.sight import Rule
    from streams.app import Work
    from streams.keeping.keeper import Keeper

Sample = tuple[str, tuple[str, ...], float]
Counts = Mapping[tuple[str, str, str], int]

SEVERITIES = ("critical", "warning", "info")
ALWAYS = ("fired", "resolved")  # told also where there was none, so that the first shows as an increase


def samples(work: Work) -> Iterator[Sample]:
    """Of all shards of a worker."""
    if not work.keepers:
        return
    pipeline = work.spec.pipeline
    owns = [watched.own for watched in work.own.shards.values()]
    fires = Counter(firing(owns))
    for keeper in work.keepers.values():
        yield from _of_shard(pipeline, keeper, fires)
    for severity in SEVERITIES:
        yield "driftline_alerts_firing", (pipeline, severity), fires[severity]
    for own in owns:
        yield from _counted(pipeline, "worker", own.sighter.rules, own.lives.counts)
        yield "driftline_alerts_held_back_total", (pipeline, "worker"), own.lives.held_total
    yield "driftline_alerts_unwritten_total", (pipeline,), work.own.unwritten
    if (full := work.own.room()) is not None:
        yield "driftline_storage_used_ratio", (pipeline,), full


def _of_shard(pipeline: str, keeper: Keeper, fires: Counter[str]) -> Iterator[Sample]:
    shard = keeper.shard
    if shard is not None:
        fires.update(shard.judge.firing())
        yield "driftline_silences", (pipeline, str(keeper.partition)), shard.judge.silences()
    if (totals := keeper.meter.totals) is not None:
        rules = () if shard is None else _of_stream(shard.judge)
        yield from _counted(pipeline, "engine", rules, totals.alerts)
        yield "driftline_alerts_held_back_total", (pipeline, "engine"), totals.held_back


def _of_stream(judge: Judge) -> Iterator[Rule]:
    """The conditions that the shard judges, and not the worker."""
    for rule, (_, when) in zip(judge.rules, judge.conditions, strict=True):
        if not is_own(when):
            yield rule


def _counted(pipeline: str, source: str, rules: Iterable[Rule], counts: Counts) -> Iterator[Sample]:
    none = {(rule.name, rule.severity, transition): 0 for rule in rules for transition in ALWAYS}
    for names, count in (none | dict(counts)).items():
        yield "driftline_alert_transitions_total", (pipeline, source, *names), count
