"""What a scrape is told of drift. Signals are many, and a scrape can take as many as `FEATURES_MAX`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from engine.drift.distance import distances
from engine.drift.estimate import WINDOW, Performance
from engine.drift.signals import CLOCKS, together
from engine.drift.stage import Watch
from engine.drift.standing import standings
from streams.telemetry.meter import FEATURES_MAX

Sample = tuple[str, tuple[str, ...], float]
Pairs = Sequence[tuple[str, str, str]]  # a signal, the feature that it is of, and a detector that watches it

OTHERS = "(other)"
ALL = tuple(map(together, CLOCKS))


def levels(watch: Watch, place: tuple[str, ...]) -> Iterator[Sample]:
    """Where the first signals stand."""
    told = {signal: feature for signal, feature, _ in pairs(watch)}
    for one in standings(watch):
        if one.signal not in told:
            continue
        labels = (*place, one.signal, told[one.signal], one.detector)
        yield "driftline_drift_ready", labels, float(isfinite(one.threshold))
        if isfinite(one.threshold):
            yield "driftline_drift_threshold", labels, one.threshold
        if isfinite(one.statistic):
            yield "driftline_drift_statistic", labels, one.statistic
    for each in distances(watch, told):
        yield "driftline_drift_distance", (*place, each.signal, each.measure), each.value


def pairs(watch: Watch) -> Pairs:
    """The first signals that are watched, each with its detectors."""
    first = set(watch.names()[:FEATURES_MAX])
    return [
        (name, panel.signals[row].feature, watcher.name)
        for panel in watch.panels
        for watcher in panel.watchers
        for row in watcher.rows.tolist()
        if (name := panel.signals[row].name) in first
    ]


def counted(drifts: Mapping[tuple[str, str], int], first: Pairs) -> Mapping[tuple[str, str, str], int]:
    """How many drifts were found, also where there was none; those of further signals together.

    >>> counted({("age", "ks"): 2, ("x99", "ks"): 1}, [("age", "age", "ks"), ("label", "", "ks")])
    {('age', 'age', 'ks'): 2, ('label', '', 'ks'): 0, ('(other)', '', 'ks'): 1}
    """
    found = dict.fromkeys(first, 0)
    features = {(signal, detector): feature for signal, feature, detector in first}
    for (signal, detector), count in drifts.items():
        told = signal in ALL or (signal, detector) in features
        place = (signal if told else OTHERS, features.get((signal, detector), ""), detector)
        found[place] = found.get(place, 0) + count
    return found


def performance(watches: Sequence[Watch], pipeline: str) -> Iterator[Sample]:
    """How good predictions are expected to be, and turned out to be; the shards here pooled."""
    found = [watch.estimate for watch in watches if watch.estimate is not None]
    if found:
        told = pooled([estimate.told() for estimate in found])
        for name, value in told.gauges(found[0].kind).items():
            yield "driftline_model_metric", (pipeline, name, str(WINDOW), ""), value


def pooled(found: Sequence[Performance]) -> Performance:
    """Of several shards, each by how many predictions, or labels, it is about.

    >>> pooled([Performance(estimated=0.5, n=100), Performance(estimated=0.9, n=300)]).estimated
    0.8
    """
    return Performance(
        estimated=_mean([(each.estimated, each.n) for each in found]),
        low=_mean([(each.low, each.n) for each in found]),
        high=_mean([(each.high, each.n) for each in found]),
        realised=_mean([(each.realised, each.labels) for each in found]),
    )


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, n) for value, n in values if value is not None]
    total = sum(n for _, n in known)
    return sum(value * n for value, n in known) / total if total else None
