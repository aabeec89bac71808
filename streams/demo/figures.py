"""The figures of a demo: what was counted so far. The view and the summary draw them; `seen.py` fills them.

Memory does not grow with time: what is kept of single records is the newest few.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

import msgspec

from engine.alerts.record import Alert
from engine.drift.evidence.record import Drift
from streams.deadletters import DeadLetter

RECENT = 1_000  # latencies, and outcomes, that count as recent
BARS = 68  # of a chart over the whole plan; more are kept when the demo is kept running
BARS_MAX = 480
LATEST = 12


class Source(msgspec.Struct):
    offset: int


class Prediction(msgspec.Struct):
    """What is shown of a prediction."""

    event_id: str
    entity: str
    prediction: bool
    score: float
    source: Source


class Outcome(msgspec.Struct):
    """What counts for the accuracy."""

    event_id: str
    correct: bool
    correction: bool
    event_time: int
    label_time: int


@dataclass(slots=True)
class Share:
    """How many predictions were right, of how many."""

    right: int = 0
    of: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count an outcome; the correction of a label that is true or false turns its verdict around."""
        if outcome.correction:
            self.right += 1 if outcome.correct else -1
        else:
            self.right, self.of = self.right + outcome.correct, self.of + 1

    @property
    def ratio(self) -> float | None:
        return self.right / self.of if self.of else None


@dataclass(slots=True)
class Bars:
    """Accuracy over time: one bar for so many outcomes, and the bars at which the world changed.

    >>> bars = Bars(size=2)
    >>> for right in (True, False, True, True):
    ...     bars.add(right)
    >>> list(bars.heights)
    [0.5, 1.0]
    """

    size: int
    heights: deque[float] = field(default_factory=lambda: deque(maxlen=BARS_MAX))
    changes: deque[int] = field(default_factory=lambda: deque(maxlen=BARS_MAX))
    gone: int = 0  # bars that fell out at the old end; `changes` counts them too
    filling: list[bool] = field(default_factory=list)

    def add(self, right: bool) -> None:
        self.filling.append(right)
        if len(self.filling) == self.size:
            self.gone += len(self.heights) == BARS_MAX
            self.heights.append(sum(self.filling) / self.size)
            self.filling.clear()

    def mark(self) -> None:
        """The world has changed here."""
        self.changes.append(self.gone + len(self.heights))

    def newest(self, count: int) -> tuple[list[float], list[int]]:
        """The last so many heights, and which of them are marked."""
        heights = list(self.heights)[-count:]
        first = self.gone + len(self.heights) - len(heights)
        return heights, [at - first for at in self.changes if first <= at < first + len(heights)]


@dataclass(slots=True)
class Figures:
    """All that was seen, up to now."""

    bars: Bars
    events: int = 0  # published, whether they fit or not
    predictions: int = 0
    duplicates: int = 0  # events predicted twice
    outcomes: int = 0
    early: int = 0  # labels that were known before their event
    corrections: int = 0
    lag: int = 0  # records of events and labels that are not taken yet
    rate: float = 0.0  # predictions a second, lately
    first_ms: int = 0  # the first event,
    last_ms: int = 0  # and the last prediction
    reasons: Counter[str] = field(default_factory=Counter)
    latency_ms: Counter[int] = field(default_factory=Counter)
    accuracy: Share = field(default_factory=Share)
    before: Share = field(default_factory=Share)  # of the events before the first change
    recent_ms: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT))
    latest: deque[Prediction] = field(default_factory=lambda: deque(maxlen=LATEST))
    drifts: deque[Drift] = field(default_factory=lambda: deque(maxlen=LATEST))
    alerts: dict[str, Alert] = field(default_factory=dict)  # the newest few, as they are now
    transitions: int = 0  # of alerts, seen on their topic
    found: Drift | None = None  # the first one of events behind the change
    false_alarms: int = 0  # those before it
    letters: deque[DeadLetter] = field(default_factory=lambda: deque(maxlen=LATEST))

    def drifted(self, drift: Drift, change: int) -> None:
        """A drift was found, or more is known of one; event `change` was the first of its kind."""
        known = [i for i, each in enumerate(self.drifts) if _same(each, drift)]
        if known:
            self.drifts[known[0]] = drift
        else:
            self.drifts.append(drift)
            self.false_alarms += drift.detected.offset < change
        # Outcomes have a clock of their own, and are as late as their labels.
        is_first = self.found is None and drift.panel == "events" and drift.detected.offset >= change
        if is_first or (self.found is not None and _same(self.found, drift)):
            self.found = drift

    def alerted(self, alert: Alert) -> None:
        """An alert fired, or something became of it."""
        self.transitions += 1
        self.alerts.pop(alert.fingerprint, None)
        self.alerts[alert.fingerprint] = alert
        if len(self.alerts) > LATEST:
            del self.alerts[next(iter(self.alerts))]

    def alert_of(self, drift: Drift) -> Alert | None:
        """The alert that a drift brought about."""
        key = drift.key.decode()
        return next((a for a in self.alerts.values() if (a.evidence or {}).get("drift") == key), None)

    @property
    def dead_letters(self) -> int:
        return self.reasons.total()

    @property
    def seconds(self) -> float:
        """From the first event to the last prediction."""
        return max(0.001, (self.last_ms - self.first_ms) / 1000)

    @property
    def recent_accuracy(self) -> float | None:
        return sum(self.recent) / len(self.recent) if self.recent else None


def _same(one: Drift, other: Drift) -> bool:
    return (one.fingerprint, one.detected) == (other.fingerprint, other.detected)


def quantile(counts: Mapping[int, int], share: float) -> int | None:
    """The smallest value that so large a share of the values does not exceed.

    >>> quantile({5: 98, 80: 2}, 0.5), quantile({5: 98, 80: 2}, 0.99), quantile({}, 0.5)
    (5, 80, None)
    """
    left = ceil(share * sum(counts.values()))
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return None


def latencies(values: Iterable[int]) -> tuple[int | None, int | None]:
    """The median, and what 1 % exceed.

    >>> latencies([3, 1, 2])
    (2, 3)
    """
    counts = Counter(values)
    return quantile(counts, 0.5), quantile(counts, 0.99)
