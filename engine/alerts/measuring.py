"""How each subject of the shard is measured: which source it has, and what its sums come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np

from engine.alerts.condition import When
from engine.alerts.panes import Pane
from engine.alerts.sources import Counts, Outcomes, Seen, Source
from engine.errors import SpecError
from engine.join import DELAYS
from engine.metrics import measures
from engine.metrics.block import Floats, Kind
from engine.metrics.spread import FIXED, SIDE, edges
from engine.metrics.tally import FAMILIES
from engine.reasons import Reason

NAMES = {Kind.BINARY: "accuracy", Kind.MULTICLASS: "accuracy", Kind.REGRESSION: "mae"}
REFUSALS = {
    "missing": [Reason.MISSING_FIELD],
    "outside": [Reason.OUT_OF_RANGE, Reason.UNKNOWN_CATEGORY],
}
EXPECTED = ("estimated", "low", "high")


class Measure(NamedTuple):
    """What sums come to."""

    key: str
    """Equal for measures whose source is the same."""
    source: Callable[[], Source]
    value: Callable[[Pane], float | None]
    held: Callable[[Floats], float]
    """How many outcomes, events, labels or records they are of."""


class Instant(NamedTuple):
    """What there is a value of at any moment, without a window."""

    read: Callable[[], tuple[float | None, int]]
    """The value, and what it is made of."""


def measure(when: When, by: str | None, seen: Seen) -> Measure | Instant:
    """How a condition is measured; SpecError if a model of this kind has no such thing."""
    name = when.subject
    if name in MADE:
        return MADE[name](when, seen)
    if name.rpartition("_")[2] in EXPECTED:
        return _expected(name, seen)
    return _metric(name, by, seen)


def _metric(name: str, by: str | None, seen: Seen) -> Measure:
    """Of outcomes."""
    kind, wrong = seen.quality.kind, name == "error_rate"
    known = measures(kind)
    metric = "accuracy" if wrong else name
    if metric not in known:
        told = ", ".join([*known, *(["error_rate"] if "accuracy" in known else [])])
        raise SpecError(f"{name} is not told of a {kind.value} model; it has {told}")
    family = next(each for each in FAMILIES[kind] if metric in each.MEASURES)
    shape, found = seen.quality.layout.shape, family.MEASURES[metric]

    def value(pane: Pane) -> float | None:
        with np.errstate(over="ignore", invalid="ignore"):
            told: float | None = found(pane.sums, shape)
        return 1 - told if wrong and told is not None else told

    return Measure(
        f"{family.__name__} by {by}",
        lambda: Outcomes(seen.quality, family, by),
        value,
        lambda sums: _labelled(family, sums, seen),
    )


def _labelled(family: ModuleType, sums: Floats, seen: Seen) -> float:
    n: float = family.labelled(sums, seen.quality.layout.shape)
    return n


def _expected(name: str, seen: Seen) -> Instant:
    """Of predictions whose labels have not come yet."""
    kind = seen.quality.kind
    estimate = None if seen.watch is None else seen.watch.estimate
    metric, _, which = name.rpartition("_")
    if NAMES.get(kind) != metric:
        raise SpecError(f"{name} is not told of a {kind.value} model")
    if estimate is None:
        raise SpecError(f"{name} is estimated where drift watches `performance`; add it to `drift.watch`")

    def read() -> tuple[float | None, int]:
        told = estimate.told()
        value: float | None = getattr(told, which)
        return value, told.n

    return Instant(read)


def _counted(when: When, read: Callable[[], Sequence[float]]) -> Measure:
    """A share: the first of two counts in the second."""
    return Measure(f"{when.subject} of {when.of}", lambda: Counts(read), _share, lambda sums: float(sums[1]))


def _share(pane: Pane) -> float | None:
    part, whole = pane.sums
    return float(part / whole) if whole else None


def _field(when: When, seen: Seen) -> Measure:
    """Of events, those in which a field or feature was missing, or was refused."""
    inputs, name = seen.traffic.inputs, when.of or ""
    assert inputs is not None
    reasons, names = REFUSALS.get(when.subject, list(Reason)), list(inputs.names)
    column = names.index(name) if when.subject == "missing" and name in names else None

    def read() -> Sequence[float]:
        refused = inputs.refused.get(name, {})
        part = sum(n for reason, n in refused.items() if reason in reasons)
        there = 0 if column is None else inputs.missing[column]
        return part + there, inputs.rows + sum(refused.values())

    return _counted(when, read)


def _unseen(when: When, seen: Seen) -> Measure:
    inputs = seen.traffic.inputs
    assert inputs is not None
    column = inputs.names.index(when.of or "")
    return _counted(when, lambda: (inputs.new[column], inputs.rows))


def _predictions(when: When, seen: Seen) -> Measure:
    spread, name = seen.traffic.spread, when.of or ""
    assert spread is not None
    if not spread.unit:
        raise SpecError(f"predictions of {name}: a {spread.kind.value} model predicts no classes")
    if spread.kind is Kind.BINARY and name not in ("true", "false"):
        raise SpecError(f"predictions of {name}: the classes are true and false")
    return _counted(when, lambda: (spread.classes.get(name, 0), sum(spread.classes.values())))


def _score(when: When, seen: Seen) -> Measure:
    spread = seen.traffic.spread
    assert spread is not None
    if spread.unit:
        share = _counted(when, lambda: (spread.mass, sum(spread.bins)))
        return share._replace(value=lambda pane: None if (s := _share(pane)) is None else s / FIXED)
    bins = np.arange(2 * SIDE + 1)
    inner, outer = edges(bins), edges(np.where(bins < SIDE, bins - 1, bins + 1))
    middle = np.where(bins == SIDE, 0.0, (inner + outer) / 2)

    def mean(pane: Pane) -> float | None:
        n = pane.sums.sum()
        return float((pane.sums * middle).sum() / n) if n else None

    return Measure("score", lambda: Counts(lambda: spread.bins), mean, lambda sums: float(sums.sum()))


def _labels(when: When, seen: Seen) -> Measure:
    return _counted(when, lambda: (seen.join.counts.joined, seen.join.ledger.end))


def _delay(when: When, seen: Seen) -> Measure:
    """Of labels that a record brought, how long after their events."""
    delays, high = seen.join.delays, len(DELAYS) + 1
    part = {"label_delay_p50": 0.5, "label_delay_p90": 0.9}.get(when.subject)

    def value(pane: Pane) -> float | None:
        counts, n = pane.sums[:high], pane.sums[:high].sum()
        if n <= 0:
            return None
        return float(pane.sums[high] / n) if part is None else quantile(counts.tolist(), part)

    return Measure(
        "label_delay",
        lambda: Counts(lambda: (*delays.counts, delays.total)),
        value,
        lambda sums: float(sums[:high].sum()),
    )


def quantile(counts: Sequence[float], part: float) -> float:
    """The delay below which such a part of all lies, taken as even within the bin that it lies in.

    >>> quantile([0, 4, 4, *[0] * 9], 0.75)
    35000.0
    """
    wanted = part * sum(counts)
    ends = (0, *DELAYS, DELAYS[-1])
    above = accumulate(counts)
    for (low, high), n, up_to in zip(pairwise(ends), counts, above, strict=True):
        if up_to >= wanted and n > 0:
            return low + (high - low) * (1 - (up_to - wanted) / n)
    return float(DELAYS[-1])


def _dead_letters(when: When, seen: Seen) -> Measure:
    reason = when.of

    def read() -> Sequence[float]:
        n = sum(seen.rejected.values()) if reason is None else seen.rejected.get(reason, 0)
        return n, seen.taken

    return _counted(when, read)


def _rate(when: When, seen: Seen) -> Measure:
    return Measure(
        "events",
        lambda: Counts(lambda: (seen.join.ledger.end,)),
        lambda pane: float(pane.sums[0] * 1000 / pane.ms) if pane.ms > 0 else None,
        lambda sums: float(sums[0]),
    )


def _model(when: When, seen: Seen) -> Instant:
    return Instant(lambda: (float(seen.growth.bytes) if seen.growth.at else None, 1))


MADE: dict[str, Callable[[When, Seen], Measure | Instant]] = {
    "missing": _field,
    "outside": _field,
    "refused": _field,
    "unseen": _unseen,
    "predictions": _predictions,
    "score": _score,
    "labels": _labels,
    "label_delay": _delay,
    "label_delay_p50": _delay,
    "label_delay_p90": _delay,
    "dead_letters": _dead_letters,
    "events_per_second": _rate,
    "model_bytes": _model,
}
