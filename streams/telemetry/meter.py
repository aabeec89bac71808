"""What a keeper counts: plain integers, so that the hot path does not notice."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.log import Batch
from engine.forecast import Forecasts
from engine.histogram import Histogram
from engine.metrics.inputs import Inputs
from engine.metrics.spread import Spread
from engine.shard import Shard

FEATURES_MAX = 100  # in /metrics
WALK_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
SAMPLE = 16  # events of a batch whose latency stands for those beside them
LATENCY_MS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000, 600_000)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a shard has counted since it began.

    Told as of the last commit, and told on while the shard recovers: what is taken anew after a refusal
    must not make a counter go down, which Prometheus takes for a new process.
    """

    events: int
    predicted: int
    rejected: Mapping[str, int]
    labels: Mapping[str, int]
    delays: Histogram
    inputs: Inputs | None
    spread: Spread | None
    features: Mapping[tuple[str, str], int]  # by key and by what happened
    series: Mapping[str, int]  # of forecasts: that left, or began anew
    others: Mapping[str, int]  # categories that the model was shown as one, by feature
    drifts: Mapping[tuple[str, str], int]  # by signal and detector
    alerts: Mapping[tuple[str, str, str], int]  # records by name, severity and transition
    held_back: int  # transitions that were not told at once

    @classmethod
    def of(cls, shard: Shard) -> Totals:
        counts = shard.join.counts
        labels = {name: getattr(counts, name) for name in counts.__slots__}
        told = shard.traffic.told()
        features = shard.fold.made.counts() if shard.fold.made is not None else {}
        model = shard.model
        gone = (model.left, model.anew) if isinstance(model, Forecasts) else (0, 0)
        series = dict(zip(("left", "anew"), gone, strict=True))
        others, rejected = dict(shard.fold.categories.others), dict(shard.rejected)
        delays = shard.join.delays.copy()
        drifts = {} if shard.watch is None else shard.watch.tally.counts()
        alerts = dict(shard.judge.lives.counts), shard.judge.lives.held_total
        counted = (shard.events, shard.predicted, rejected, labels, delays)
        return cls(*counted, *told, features, series, others, drifts, *alerts)

    def values(self) -> Iterator[tuple[str, str, int]]:
        """How many values each feature had, and what was with them; as many features as a scrape can take."""
        for name, n in [*self.others.items()][:FEATURES_MAX]:
            yield name, "other", n
        if (inputs := self.inputs) is None:
            return
        found = inputs.report()
        for name in inputs.names[:FEATURES_MAX]:
            yield name, "taken", inputs.rows
        for name in [*dict.fromkeys((*inputs.names, *found))][:FEATURES_MAX]:
            for what, n in found.get(name, {}).items():
                yield name, what, n


@dataclass(slots=True)
class Meter:
    """The figures of one keeper, since this process took the shard."""

    batches: int = 0
    records: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    recoveries: int = 0
    refusals: int = 0
    retention_short: int = 0
    records_gone: int = 0
    walks: Histogram = field(default_factory=lambda: Histogram(WALK_S))
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_MS))
    newest_ms: int = 0  # timestamp of the newest record taken
    commit_at: float = 0.0
    snapshot_at: float = 0.0
    progress_at: float = field(default_factory=time.monotonic)
    totals: Totals | None = None  # None: not recovered yet
    events_before: int = 0  # of them, those that came before the shard was opened here
    watched: Sequence[tuple[str, str, str]] = ()  # what a scrape is told of: signal, its feature, detector

    def opened(self, shard: Shard) -> None:
        """It was recovered, or begun."""
        self.recoveries += 1
        self.totals = Totals.of(shard)
        self.events_before = self.totals.events

    def walked(self, batch: Batch, seconds: float) -> None:
        self.batches += 1
        self.walks.add(seconds)
        self.records += len(batch)
        if len(batch):
            self.newest_ms = max(self.newest_ms, batch.timestamps[-1])

    def committed(self) -> None:
        self.commits += 1
        self.commit_at = time.time()
        self.progressed()

    def answered(self, stamps: Iterable[Sequence[int]]) -> None:
        """Predictions are there of events with these timestamps, by batch."""
        for each in filter(len, stamps):
            some = each[:: 1 + len(each) // SAMPLE]
            every, more = divmod(len(each), len(some))
            for i, at in enumerate(some):
                self.latency.add(self.commit_at * 1000 - at, every + (i < more))

    def progressed(self) -> None:
        self.progress_at = time.monotonic()
