"""What one serving process counts, for Prometheus: in plain integers, read when scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from engine.histogram import Histogram
from streams.telemetry.metrictable import SERVE

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ELSEWHERE = "other"  # whatever path is asked for that there is not


class Counts(Collector):
    """Counts requests by route.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    """

    def __init__(self, pipeline: str) -> None:
        self.pipeline = pipeline
        self.answered: dict[tuple[str, int], int] = {}
        self.seconds: dict[str, Histogram] = {}
        self.gauges: dict[str, Callable[[], float | None]] = {}

    def add(self, scope: Scope, status: int, seconds: float) -> None:
        """An answer; 499 where the caller had gone before there was one."""
        name = route(scope)
        known = (name, status or 499)
        self.answered[known] = self.answered.get(known, 0) + 1
        histogram = self.seconds.get(name)
        if histogram is None:
            histogram = self.seconds[name] = Histogram(BOUNDS_S)
        histogram.add(seconds)

    def collect(self) -> Iterator[Metric]:
        texts = {name: (text, labels) for name, (_, labels, text) in SERVE.items()}
        total = "driftline_serve_requests_total"
        requests = CounterMetricFamily(total, texts[total][0], labels=texts[total][1])
        for (name, status), count in [*self.answered.items()]:
            requests.add_metric([self.pipeline, name, str(status)], count)
        took = "driftline_serve_request_seconds"
        seconds = HistogramMetricFamily(took, texts[took][0], labels=texts[took][1])
        for name, histogram in [*self.seconds.items()]:
            buckets = [("+Inf" if le == inf else str(le), n) for le, n in histogram.below()]
            seconds.add_metric([self.pipeline, name], buckets, histogram.total)
        state = "driftline_serve_state"
        gauges = GaugeMetricFamily(state, texts[state][0], labels=texts[state][1])
        for what, ask in self.gauges.items():
            if (value := ask()) is not None:
                gauges.add_metric([self.pipeline, what], value)
        yield from (requests, seconds, gauges)

    def exposition(self) -> bytes:
        """All of it, as Prometheus reads it."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)


def route(scope: Scope) -> str:
    """The route's template, so that there are no more names than routes."""
    found: Any = scope.get("route")
    if found is None:
        return str(scope.get("driftline.route", ELSEWHERE))
    return str(getattr(found, "path", ELSEWHERE))
