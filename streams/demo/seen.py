"""What a consumer of the demo's topics sees. It reads the log from outside, as any program may.

It knows the plan besides, so that it notices what is missing and what came twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

import msgspec

from connectors.log import Log, Record
from engine.alerts import record as alert
from engine.drift.evidence.record import read
from engine.spec import Spec
from streams.deadletters import letter
from streams.demo.figures import BARS, Bars, Figures, Outcome, Prediction
from streams.demo.payments import Plan, number
from streams.keeping import journal
from streams.records import Placed

READ_MAX = 1_000
RATE_SECONDS = 2.0
BAR_MIN = 20  # outcomes
WATCHED = (
    "journal",
    "predictions",
    "dead_letters",
    "outcomes",
    "drifts",
    "alerts",
    "events",
)  # in the order of reading


class Tail:
    """A place in a topic, from which it is read on."""

    def __init__(self, log: Log, topic: str) -> None:
        self.log, self.topic, self.at = log, topic, 0

    def new(self) -> Iterator[Record]:
        while True:
            batch = self.log.read(self.topic, 0, self.at, READ_MAX)
            self.at = batch.end
            yield from batch.records()
            if len(batch) < READ_MAX:
                return


class Seen:
    """Reads what is new in the topics, and counts it."""

    def __init__(self, log: Log, spec: Spec, plan: Plan) -> None:
        self.log, self.spec, self.plan = log, spec, plan
        self.figures = Figures(Bars(max(BAR_MIN, plan.events // BARS)))
        self.tails = [Tail(log, spec.topic(what)) for what in WATCHED]
        outputs = [self._prediction, self._letter, self._outcome, self._drift, self._alert]
        self.take = [self._entry, *outputs, self._event]
        self.taken: dict[str, int] = {}  # by topic: where the worker goes on, as the journal says
        self.sent: dict[int, int] = {}  # offset -> timestamp, of the events that are not done yet
        self.predicted = bytearray()  # how often, by the event's number
        self.phase = 0
        self.pace: deque[tuple[float, int]] = deque()
        self.as_prediction = msgspec.json.Decoder(Prediction).decode
        self.as_outcome = msgspec.json.Decoder(Outcome).decode

    def look(self) -> Figures:
        """Read what is new. Events are read last and counted first: each output finds its event."""
        new = [list(tail.new()) for tail in self.tails]
        for take, records in reversed(list(zip(self.take, new, strict=True))):
            for record in records:
                take(record)
        self._measure()
        return self.figures

    def lost(self) -> int:
        """How many published events that fit have no prediction."""
        fit = (n for n in range(self.figures.events) if not self.plan.faulty(n))
        return sum(1 for n in fit if n >= len(self.predicted) or not self.predicted[n])

    def _event(self, record: Record) -> None:
        self.figures.first_ms = self.figures.first_ms or record.timestamp
        self.figures.events += 1
        self.sent[record.offset] = record.timestamp

    def _prediction(self, record: Record) -> None:
        figures, prediction = self.figures, self.as_prediction(record.value or b"")
        n = number(prediction.event_id)
        self.predicted.extend(bytes(max(0, n + 1 - len(self.predicted))))
        figures.duplicates += self.predicted[n] == 1
        self.predicted[n] = min(2, self.predicted[n] + 1)
        figures.predictions += 1
        figures.last_ms = max(figures.last_ms, record.timestamp)
        figures.latest.append(prediction)
        sent = self.sent.pop(prediction.source.offset, None)
        if sent is not None:
            figures.latency_ms[record.timestamp - sent] += 1
            figures.recent_ms.append(record.timestamp - sent)

    def _letter(self, record: Record) -> None:
        found = letter(Placed(self.spec.topic("dead_letters"), 0, record))
        self.figures.reasons[found.reason] += 1
        self.figures.letters.append(found)
        if found.source == (self.spec.topic("events"), 0):
            self.sent.pop(found.offset, None)

    def _outcome(self, record: Record) -> None:
        figures, outcome = self.figures, self.as_outcome(record.value or b"")
        phase = self.plan.phase(number(outcome.event_id))
        figures.accuracy.add(outcome)
        if phase == 0:
            figures.before.add(outcome)
        if outcome.correction:
            figures.corrections += 1
            return
        figures.outcomes += 1
        figures.early += outcome.label_time < outcome.event_time
        figures.recent.append(outcome.correct)
        if phase > self.phase:
            self.phase = phase
            figures.bars.mark()
        figures.bars.add(outcome.correct)

    def _alert(self, record: Record) -> None:
        if record.value is not None:
            self.figures.alerted(alert.read(record.value))

    def _drift(self, record: Record) -> None:
        self.figures.drifted(read(record.value or b""), self.plan.change)

    def _entry(self, record: Record) -> None:
        self.taken = journal.decode(record.value or b"").next

    def _measure(self) -> None:
        """The lag behind the ends of events and labels, and the rate over the last seconds."""
        ends = {topic: self.log.bounds(topic)[0][1] for topic in self.spec.inputs}
        self.figures.lag = sum(end - self.taken.get(topic, 0) for topic, end in ends.items())
        now = time.monotonic()
        self.pace.append((now, self.figures.predictions))
        while now - self.pace[0][0] > RATE_SECONDS:
            self.pace.popleft()
        then, count = self.pace[0]
        self.figures.rate = (self.figures.predictions - count) / (now - then) if now > then else 0.0
