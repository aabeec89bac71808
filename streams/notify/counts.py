"""What delivery counts, and how Prometheus reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Literal, Protocol

from engine.histogram import Histogram
from streams.telemetry.metrictable import NOTIFY

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Outcome = Literal["sent", "failed", "dead", "muted"]
BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


class UnderWay(Protocol):
    """What has something to send."""

    @property
    def waiting(self) -> int: ...


class Counts:
    """Of one process.

    Parameters
    ----------
    pipeline, receivers
        Their names.
    """

    def __init__(self, pipeline: str, receivers: Mapping[str, object]) -> None:
        self.pipeline = pipeline
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.seconds = {name: Histogram(BOUNDS_S) for name in receivers}
        self.under_way: Mapping[str, UnderWay] = {}
        self.active = False
        """Whether this process is the one that delivers."""
        self.problem = ""
        """What keeps it from delivering, and from standing by."""
        for name in receivers:
            for outcome in ("sent", "failed", "dead", "muted"):
                self.outcomes[name, outcome] = 0

    def sent(self, receiver: str, seconds: float) -> None:
        """A receiver took a message, so long after the oldest record that it tells of."""
        self.outcomes[receiver, "sent"] += 1
        self.seconds[receiver].add(max(0.0, seconds))

    def collect(self) -> Iterator[Metric]:
        """For a registry of prometheus_client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        (total, (_, labels, text)), (took, (_, who, told)), (waiting, (_, _, idle)) = NOTIFY.items()
        counter = CounterMetricFamily(total, text, labels=labels)
        for (receiver, outcome), count in self.outcomes.items():
            counter.add_metric([self.pipeline, receiver, outcome], count)
        yield counter
        histogram = HistogramMetricFamily(took, told, labels=who)
        for receiver, seconds in self.seconds.items():
            buckets = [("+Inf" if le == inf else str(le), n) for le, n in seconds.below()]
            histogram.add_metric([self.pipeline, receiver], buckets, seconds.total)
        yield histogram
        gauge = GaugeMetricFamily(waiting, idle, labels=who)
        for receiver, rest in self.under_way.items():
            gauge.add_metric([self.pipeline, receiver], rest.waiting)
        yield gauge


def exposition(counts: Counts) -> bytes:
    """Everything in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(counts)
    return generate_latest(registry)
