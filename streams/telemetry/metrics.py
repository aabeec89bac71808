"""A worker's figures as Prometheus reads them, gathered when it asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Any

from engine.forecast import Forecasts
from engine.histogram import Histogram
from engine.metrics import merged
from engine.reasons import Reason
from streams.alerts import gauges as alertgauges
from streams.drift import gauges as driftgauges
from streams.telemetry.metrictable import WORKER

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from engine.shard import Shard
    from streams.app import Work
    from streams.keeping.keeper import Keeper

Sample = tuple[str, tuple[str, ...], float]


class Collector:
    """Reads a worker's figures when Prometheus asks."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        families: dict[str, Any] = {
            name: {
                "counter": CounterMetricFamily,
                "gauge": GaugeMetricFamily,
                "histogram": HistogramMetricFamily,
            }[kind](name, text, labels=labels)
            for name, (kind, labels, text) in WORKER.items()
        }
        sums: dict[tuple[str, tuple[str, ...]], float] = {}
        for name, labels, value in self._samples():
            sums[name, labels] = sums.get((name, labels), 0.0) + value
        for (name, labels), value in sums.items():
            families[name].add_metric(list(labels), value)
        for name, scale, histogram in self._histograms():
            buckets = [("+Inf" if le == inf else str(le / scale), n) for le, n in histogram.below()]
            families[name].add_metric([self.work.spec.pipeline], buckets, histogram.total / scale)
        if scores := self._scores():
            families["driftline_scores"].add_metric([self.work.spec.pipeline], [*scores.items()], None)
        yield from families.values()

    def _scores(self) -> dict[str, int]:
        """How many scores of all shards lie at or below each bound; what they sum up to is not counted."""
        found: dict[str, int] = {}
        for totals in [keeper.meter.totals for keeper in self.work.keepers.values()]:
            if totals is not None and totals.spread is not None:
                for le, count in totals.spread.below():
                    found[le] = found.get(le, 0) + count
        return found

    def _histograms(self) -> Iterator[tuple[str, int, Histogram]]:
        """Name, how many of its units are a second, and what was counted."""
        meters = [keeper.meter for keeper in self.work.keepers.values()]
        if meters:
            walks, waits = [meter.walks for meter in meters], [meter.latency for meter in meters]
            yield "driftline_batch_seconds", 1, sum(walks[1:], walks[0])
            yield "driftline_latency_seconds", 1000, sum(waits[1:], waits[0])
        totals = [meter.totals for meter in meters]
        if delays := [each.delays for each in totals if each is not None]:
            yield "driftline_label_delay_seconds", 1000, sum(delays[1:], delays[0])
        if self.work.entities is not None:
            yield "driftline_feature_cache_seconds", 1, self.work.entities.seconds

    def _samples(self) -> Iterator[Sample]:
        from importlib.metadata import version

        work, pipeline = self.work, self.work.spec.pipeline
        yield "driftline_build_info", (version("driftline"),), 1
        keepers = list(work.keepers.values())
        ready = work.standby or (bool(keepers) and all(k.ready for k in keepers))
        yield "driftline_ready", (pipeline,), float(ready)
        if (cache := work.entities) is not None:
            for outcome, count in cache.counts.items():
                yield "driftline_feature_cache_total", (pipeline, outcome), count
            yield "driftline_feature_cache_open", (pipeline,), float(cache.breaker.state != "closed")
            yield "driftline_feature_cache_age_seconds", (pipeline,), cache.age_s
        for keeper in keepers:
            yield from self._of_process(pipeline, keeper)
            yield from self._of_state(pipeline, keeper)
            yield from self._of_memory(pipeline, keeper)
        yield from self._quality(pipeline, keepers)
        yield from alertgauges.samples(work)

    def _of_process(self, pipeline: str, keeper: Keeper) -> Iterator[Sample]:
        meter, place, now = keeper.meter, (pipeline, str(keeper.partition)), time.time()
        yield "driftline_records_total", (pipeline,), meter.records
        yield "driftline_batches_total", (pipeline,), meter.batches
        yield "driftline_model_seconds_total", (pipeline,), keeper.timing.model_seconds
        yield "driftline_commits_total", (pipeline,), meter.commits
        yield "driftline_commit_seconds_total", (pipeline,), meter.commit_seconds
        yield "driftline_recoveries_total", (pipeline,), meter.recoveries
        yield "driftline_refusals_total", (pipeline,), meter.refusals
        yield "driftline_records_gone_total", (pipeline,), meter.records_gone
        yield "driftline_retention_short_topics", place, meter.retention_short
        for name, at in (
            ("driftline_event_lag_seconds", meter.newest_ms / 1000),
            ("driftline_commit_age_seconds", meter.commit_at),
            ("driftline_snapshot_age_seconds", meter.snapshot_at),
        ):
            if at:
                yield name, place, max(0.0, now - at)
        if keeper.timing.slowest_seconds:
            yield "driftline_slowest_record_seconds", place, keeper.timing.slowest_seconds
        for topic, lag in keeper.queues.lags().items():
            yield "driftline_consumer_lag_records", (pipeline, topic, place[1]), lag

    def _of_state(self, pipeline: str, keeper: Keeper) -> Iterator[Sample]:
        if (totals := keeper.meter.totals) is not None:
            yield "driftline_events_total", (pipeline, "taken"), totals.events
            yield "driftline_events_total", (pipeline, "predicted"), totals.predicted
            for reason in Reason:  # also where there was none: a counter that begins at 1 shows no increase
                yield "driftline_dead_letters_total", (pipeline, reason), totals.rejected.get(reason, 0)
            for outcome, count in totals.labels.items():
                yield "driftline_labels_joined_total", (pipeline, outcome), count
            for feature, what, count in totals.values():
                yield "driftline_feature_values_total", (pipeline, feature, what), count
            if (spread := totals.spread) is not None:
                for prediction, count in spread.classes.items():
                    yield "driftline_predictions_total", (pipeline, prediction), count
            if keeper.shard is not None and keeper.shard.watch is not None:
                keeper.meter.watched = driftgauges.pairs(keeper.shard.watch)
            for names, count in driftgauges.counted(totals.drifts, keeper.meter.watched).items():
                yield "driftline_drift_detected_total", (pipeline, *names), count
            for outcome, count in totals.series.items():
                yield "driftline_forecast_series_total", (pipeline, outcome), count
            for (by, outcome), count in totals.features.items():
                yield "driftline_feature_events_total", (pipeline, by, outcome), count

    def _of_memory(self, pipeline: str, keeper: Keeper) -> Iterator[Sample]:
        """Of a shard that is open here."""
        if (shard := keeper.shard) is None:
            return
        place = (pipeline, str(keeper.partition))
        yield "driftline_model_compiled", place, float(shard.model.compiled)
        yield "driftline_model_bytes", place, shard.growth.bytes
        yield "driftline_model_learning", place, float(not shard.growth.reached)
        if shard.confidence is not None:
            for name, value in shard.confidence.report().items():
                if value is not None:
                    yield "driftline_confidence_metric", (*place, name), value
        yield "driftline_labels_waiting", (*place, "remembered"), len(shard.join.ledger)
        yield "driftline_labels_waiting", (*place, "early"), len(shard.join.early)
        yield from self._of_stages(shard, place)

    def _of_stages(self, shard: Shard, place: tuple[str, str]) -> Iterator[Sample]:
        """What some specs have more of."""
        if shard.watch is not None:
            yield from driftgauges.levels(shard.watch, place)
        series = len(shard.model.series) if isinstance(shard.model, Forecasts) else 0
        yield "driftline_series_remembered", place, series
        if shard.fold.made is not None:
            for by, count in shard.fold.made.entities().items():
                yield "driftline_feature_keys", (*place, by), count

    def _quality(self, pipeline: str, keepers: list[Keeper]) -> Iterator[Sample]:
        summaries = [keeper.shard.quality.summary() for keeper in keepers if keeper.shard is not None]
        if not summaries:
            return
        summary = merged(summaries)
        for window, segment in summary.rows:
            for name, value in summary.told(window, segment).items():
                if value is not None:
                    yield "driftline_model_metric", (pipeline, name, window, segment), value
        watches = [k.shard.watch for k in keepers if k.shard is not None and k.shard.watch is not None]
        yield from driftgauges.performance(watches, pipeline)
        origin = next(keeper.shard for keeper in keepers if keeper.shard is not None).encode.origin
        yield "driftline_model_info", (pipeline, origin.model, origin.version, "live"), 1


def exposition(work: Work) -> bytes:
    """Everything in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(work))
    return generate_latest(registry)
