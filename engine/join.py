"""Labels meet predictions.

A shard remembers its last `limits.remember_max` events, in the order they came, in one ledger: those that
wait for their label and those that have it. So one table serves the join, corrections and duplicate ids.
An event on which the model failed is not remembered: it may be sent again. What falls out of the ledger
unlabelled is counted, at the shard's turns only.

What may happen to a label, and what comes of it (all counted in `Counts`):

    in the event itself       the event is predicted, then learned: outcome
    later, within the wait    outcome, learned
    before its event          kept for the event, at most `limits.early_max`; then as if it came with it
    again, the same           nothing more
    again, another            outcome with `correction`; metrics are put right; learned as one more example
    outside the wait          dead letter label_late
    for no event that comes   dead letter label_unmatched, when it has waited long enough or too many wait
    none                      the event is forgotten, or taken for negative: `unlabelled.py`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple
from itertools import takewhile
from typing import Any

from engine.batch import Single
from engine.columns import Events, Labels, parts
from engine.histogram import Histogram
from engine.joined import Claimed, Counts, Early, Lost, Met, Settled, Settlements
from engine.ledger import Ledger
from engine.models.scores import Failure, Scores
from engine.reasons import Reason, Rejection
from engine.spec import Spec
from engine.unlabelled import Negatives

DIGITS_MAX = 18  # of an offset in a prediction's id
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DELAYS = (1000, 10_000, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 90 * DAY)


class Join:
    """The ledger of one shard, its early labels, and the newest event time that it has seen."""

    def __init__(self, spec: Spec, stem: str, kind: str) -> None:
        self.wait = spec.labels.wait
        self.remember_max = spec.limits.remember_max
        self.early_max = spec.limits.early_max
        self.stem = stem if spec.labels.by == "prediction_id" else None
        self.width = len(spec.feature_names)
        self.ledger = Ledger(self.width)
        self.early: dict[str, Early] = {}
        self.newest = -(2**62)
        self.counts = Counts()
        self.delays = Histogram(DELAYS)  # milliseconds from an event to its label, where a record brought it
        self.negatives = Negatives(spec, kind) if spec.labels.unlabelled == "negative" else None
        self.lost: list[Lost] = []  # taken by the shard after each step

    def state(self) -> list[Any]:
        """All but the ledger, for a snapshot."""
        early = [(name, e.label, e.time, e.weight, astuple(e.record)) for name, e in self.early.items()]
        seen = 0 if self.negatives is None else self.negatives.seen
        return [asdict(self.counts), self.newest, early, self.delays.state(), seen]

    def restore(self, state: list[Any], ledger: Iterator[Any]) -> None:
        counts, self.newest, early, delays, seen = state
        self.delays.restore(delays)
        if self.negatives is not None:
            self.negatives.seen = seen
        self.counts, self.ledger = Counts(**counts), Ledger.restored(self.width, ledger)
        self.early = {
            name: Early(label, time, weight, Single(*record)) for name, label, time, weight, record in early
        }

    # -- events: claim, then remember ----------------------------------------------------------------

    def claim(self, events: Events) -> Iterator[Claimed]:
        """New events, in parts without a repeated id, and the labels that wait for them; duplicates are lost.

        A part must be remembered before the next one is asked for.
        """
        for part in parts(events):
            names = self._label_ids(part) if self.early else ()
            if self.ledger.knows_any(part.ids) or not self.early.keys().isdisjoint(names):
                yield self._claim_one_by_one(part)
            else:
                self.newest = max(self.newest, *part.times)
                yield Claimed(part)

    def _claim_one_by_one(self, part: Events) -> Claimed:
        kept, early, names = list[int](), dict[int, Early](), self._label_ids(part)
        for row, name in enumerate(names):
            if self._is_known(part, row):
                continue
            self.newest = max(self.newest, part.times[row])
            if (waiting := self._waiting(name, part, row)) is not None:
                early[len(kept)] = waiting
                self.counts.duplicate += part.labels[row] is not None
                part.labels[row] = waiting.label
            kept.append(row)
        return Claimed(part if len(kept) == len(part) else part.pick(kept), early)

    def _is_known(self, part: Events, row: int) -> bool:
        event_id, index = part.ids[row], part.index[row]
        if self.ledger.find(event_id) is None:
            return False
        message = f"the event {event_id!r} came before"
        self.lost.append(Lost(index, part.batch, Rejection(index, Reason.DUPLICATE_ID, "Unfit", message)))
        return True

    def _label_ids(self, part: Events) -> list[str]:
        """What labels would call the events."""
        if self.stem is None:
            return part.ids
        offsets = part.batch.offsets
        return [f"{self.stem}{offsets[i]}" for i in part.index]

    def _waiting(self, name: str, part: Events, row: int) -> Early | None:
        """The label that has been waiting for an event, if it is in time."""
        early = self.early.pop(name, None)
        if early is None or abs(early.time - part.times[row]) <= self.wait:
            return early
        self.counts.late += 1
        message = f"the label's time {early.time} is too far from its event's {part.times[row]}"
        rejection = Rejection(0, Reason.LABEL_LATE, "Unfit", message)
        self.lost.append(Lost(part.index[row], early.record, rejection))
        return None

    def remember(
        self,
        claimed: Claimed,
        rows: Sequence[tuple[Any, ...]],
        scores: Scores,
        notes: Sequence[Any] | None = None,
    ) -> Settlements:
        """Write down how the events came out; return those whose label is known.

        `rows` are the feature rows on which they were predicted. A stage that wants to find something of
        its own again when the label comes gives it as `notes`, a plain value an event.
        """
        events, early = claimed.events, claimed.early
        notes = [None] * len(events) if notes is None else notes
        if scores.failures:
            kept = self._without_failed(claimed, scores.failures)
            early = {new: early[old] for new, old in enumerate(kept) if old in early}
            events, scores = events.pick(kept), scores.pick(kept)
            rows, notes = [rows[i] for i in kept], [notes[i] for i in kept]
        offsets = events.batch.offsets
        known = (
            *(events.ids, rows, events.times, [offsets[i] for i in events.index], events.entities),
            *(scores.predictions, scores.scores, notes),
        )
        self.ledger.extend(*known, events.labels)
        return self._joined(events, known, early)

    def _joined(self, events: Events, known: Sequence[Sequence[Any]], early: dict[int, Early]) -> Settlements:
        """Those of new events whose label came with them, or before them."""
        n, settled = len(events), Settlements()
        if (without := events.labels.count(None)) == n:
            return settled
        stamps, nothing = events.batch.timestamps, [None] * n
        times, weights = [stamps[i] for i in events.index], list[float | None](nothing)
        for row, waited in early.items():
            times[row], weights[row] = waited.time, waited.weight
            self._delayed(events.times[row], waited.time, 1)
        self.counts.joined += n - without
        columns = (events.index, *known, nothing, events.labels, times, weights, [False] * n)
        settled = Settlements(*map(list, columns))
        if not without:
            return settled
        return settled.pick([row for row, label in enumerate(events.labels) if label is not None])

    def _without_failed(self, claimed: Claimed, failures: list[Failure]) -> list[int]:
        """The rows of the others. A failed event's early label waits on, for the event may be sent again."""
        events, failed = claimed.events, {failure.index: failure for failure in failures}
        names = self._label_ids(events) if claimed.early else ()
        for row, failure in failed.items():
            if (early := claimed.early.get(row)) is not None:
                self.early[names[row]] = early
            index = events.index[row]
            rejection = Rejection(index, Reason.MODEL_ERROR, failure.exception, failure.message)
            self.lost.append(Lost(index, events.batch, rejection))
        return [row for row in range(len(events)) if row not in failed]

    # -- labels ----------------------------------------------------------------------------------------

    def meet(self, labels: Labels) -> Iterator[Met]:
        """Bring labels to their events, in parts without a repeated id.

        A part must be learned, and its failures handed to `unsettle`, before the next one is asked for.
        """
        for part in parts(labels):
            found = (self._settle(part, row) for row in range(len(part)))
            yield Met(part, Settlements.of([settled for settled in found if settled is not None]))

    def _settle(self, part: Labels, row: int) -> Settled | None:
        label_id, label, index = part.ids[row], part.values[row], part.index[row]
        time, weight = part.times[row], part.weights[row]
        slot = self._find(label_id)
        if slot is None:
            self._wait(label_id, Early(label, time, weight, Single.of(part.batch, index)), index)
            return None
        event_time, before = self.ledger.time(slot), self.ledger.label(slot)
        if abs(time - event_time) > self.wait:
            self.counts.late += 1
            message = f"the label's time {time} is too far from its event's {event_time}"
            self.lost.append(Lost(index, part.batch, Rejection(index, Reason.LABEL_LATE, "Unfit", message)))
            return None
        if before is not None and before == label:
            self.counts.duplicate += 1
            return None
        self._count(before, 1)
        self._delayed(event_time, time, 1)
        self.ledger.settle(slot, label)
        return Settled(index, *self.ledger.entry(slot), before, label, time, weight, False)

    def _find(self, label_id: str) -> int | None:
        """The slot of the event that a label names."""
        if self.stem is None:
            return self.ledger.find(label_id)
        offset = label_id.removeprefix(self.stem)
        if not (offset.isascii() and offset.isdecimal() and len(offset) <= DIGITS_MAX):
            return None
        return self.ledger.find_offset(int(offset)) if f"{self.stem}{int(offset)}" == label_id else None

    def _wait(self, label_id: str, early: Early, index: int) -> None:
        before = self.early.pop(label_id, None)
        if before is None:
            self.counts.early += 1
        elif before.label == early.label:
            self.counts.duplicate += 1
        else:
            self.counts.correction += 1
        self.early[label_id] = early
        if len(self.early) > self.early_max:
            self._part(next(iter(self.early)), index, "limits.early_max labels wait already")

    def unsettle(self, met: Met, failures: list[Failure]) -> Settlements:
        """Take back what the model could not learn; return what it did."""
        settled, failed = met.settled, {failure.index: failure for failure in failures}
        if not failed:
            return settled
        for row, failure in failed.items():
            slot = self.ledger.find(settled.ids[row])
            assert slot is not None
            self.ledger.settle(slot, settled.before[row])
            self._count(settled.before[row], -1)
            self._delayed(settled.times[row], settled.label_times[row], -1)
            index = settled.index[row]
            rejection = Rejection(index, Reason.MODEL_ERROR, failure.exception, failure.message)
            self.lost.append(Lost(index, met.labels.batch, rejection))
        return settled.pick([row for row in range(len(settled)) if row not in failed])

    def _count(self, before: Any, by: int) -> None:
        if before is not None:
            self.counts.correction += by
        else:
            self.counts.joined += by

    def _delayed(self, event_time: int, label_time: int, times: int) -> None:
        self.delays.add(max(0, label_time - event_time), times)

    # -- time goes by ----------------------------------------------------------------------------------

    def assume(self) -> Settlements:
        """Events that are taken for negative; what the model fails on has to go through `unassume`."""
        if self.negatives is None:
            return Settlements()
        return self.negatives.settle(self.ledger, self.newest, self.counts)

    def expire(self) -> None:
        """Forget what is too much, and what has waited longer than `labels.wait` of event time."""
        ledger, horizon = self.ledger, self.newest - self.wait
        kept = max(ledger.first, ledger.end - self.remember_max)
        self.counts.dropped += ledger.unlabelled(ledger.first, kept)
        alive = ledger.not_before(horizon, kept)
        if self.negatives is not None:
            alive = max(kept, min(alive, self.negatives.seen))
        self.counts.expired += ledger.unlabelled(kept, alive)
        ledger.forget(alive)
        ledger.pack()
        for label_id in list(takewhile(lambda name: self.early[name].time < horizon, self.early)):
            self._part(label_id, 0, "no event of this id came within labels.wait")

    def _part(self, label_id: str, index: int, message: str) -> None:
        early = self.early.pop(label_id)
        self.counts.unmatched += 1
        rejection = Rejection(0, Reason.LABEL_UNMATCHED, "Unfit", message)
        self.lost.append(Lost(index, early.record, rejection))
