"""Labels meet predictions.

A shard remembers its last `limits.remember_max` events, in the order they came, in one ledger: those that
wait for their label, those that have it, and those that failed. So one table serves the join, corrections
and duplicate ids. What falls out of it unlabelled is counted. It is brought back to its bound at the
shard's turns only: the front of a dict is found by passing over all that was taken from it before.

What may happen to a label, and what comes of it (all counted in `Counts`):

    in the event itself       the event is predicted, then learned: outcome
    later, within the wait    outcome, learned
    before its event          kept for the event, at most `limits.early_max`; then as if it came with it
    again, the same           nothing more
    again, another            outcome with `correction`; metrics are put right; learned as one more example
    outside the wait          dead letter label_late
    for no event that comes   dead letter label_unmatched, when it has waited long enough or too many wait
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple
from itertools import takewhile
from typing import Any

from engine.batch import Single
from engine.columns import Events, Labels, parts
from engine.joined import Claimed, Counts, Early, Entry, Lost, Met, Settled
from engine.models.scores import Failure, Scores
from engine.reasons import Reason, Rejection
from engine.spec import Spec


class Join:
    """The ledger of one shard, its early labels, and the newest event time that it has seen."""

    def __init__(self, spec: Spec, stem: str) -> None:
        self.wait = spec.labels.wait
        self.remember_max = spec.limits.remember_max
        self.early_max = spec.limits.early_max
        self.stem = stem if spec.labels.by == "prediction_id" else None
        # Event id -> its entry and its label, None while it waits. No entry: the walk of it failed.
        self.ledger: dict[str, tuple[Entry, Any] | None] = {}
        self.alias: dict[str, str] = {}  # prediction id -> event id, where labels come by prediction id
        self.early: dict[str, Early] = {}
        self.newest = -(2**62)
        self.counts = Counts()
        self.lost: list[Lost] = []  # taken by the shard after each step

    def state(self) -> list[Any]:
        """All but the ledger, for a snapshot."""
        early = [(name, e.label, e.time, e.weight, astuple(e.record)) for name, e in self.early.items()]
        return [asdict(self.counts), self.newest, self.alias, early]

    def restore(self, state: list[Any], ledger: dict[str, tuple[Entry, Any] | None]) -> None:
        counts, self.newest, self.alias, early = state
        self.counts, self.ledger = Counts(**counts), ledger
        self.early = {
            name: Early(label, time, weight, Single(*record)) for name, label, time, weight, record in early
        }

    # -- events: claim, then remember ----------------------------------------------------------------

    def claim(self, events: Events) -> Iterator[Claimed]:
        """Enter new events in the ledger, in parts without a repeated id; duplicates are lost.

        A part must be remembered before the next one is asked for.
        """
        for part in parts(events):
            if self.ledger.keys().isdisjoint(part.ids) and not self.early and self.stem is None:
                self.ledger.update(dict.fromkeys(part.ids))
                self.newest = max(self.newest, *part.times)
                yield Claimed(part)
            else:
                yield self._claim_one_by_one(part)

    def _claim_one_by_one(self, part: Events) -> Claimed:
        kept, early = list[int](), dict[int, Early]()
        for row in range(len(part)):
            if self._is_known(part, row):
                continue
            self._enter(part, row)
            if (waiting := self._waiting(part, row)) is not None:
                early[len(kept)] = waiting
                self.counts.duplicate += part.labels[row] is not None
                part.labels[row] = waiting.label
            kept.append(row)
        return Claimed(part if len(kept) == len(part) else part.pick(kept), early)

    def _is_known(self, part: Events, row: int) -> bool:
        event_id, index = part.ids[row], part.index[row]
        if self.ledger.get(event_id) is None:
            self.ledger.pop(event_id, None)  # failed before: it enters anew, at the end
            return False
        message = f"the event {event_id!r} came before"
        self.lost.append(Lost(index, part.batch, Rejection(index, Reason.DUPLICATE_ID, "Unfit", message)))
        return True

    def _enter(self, part: Events, row: int) -> None:
        self.ledger[part.ids[row]] = None
        self.newest = max(self.newest, part.times[row])
        if self.stem is not None:
            self.alias[self._label_id(part, row)] = part.ids[row]

    def _label_id(self, part: Events, row: int) -> str:
        """What a label would call the event."""
        if self.stem is None:
            return part.ids[row]
        return f"{self.stem}{part.batch.offsets[part.index[row]]}"

    def _waiting(self, part: Events, row: int) -> Early | None:
        """The label that has been waiting for the event, if it is in time."""
        early = self.early.pop(self._label_id(part, row), None)
        if early is None or abs(early.time - part.times[row]) <= self.wait:
            return early
        self.counts.late += 1
        message = f"the label's time {early.time} is too far from its event's {part.times[row]}"
        rejection = Rejection(0, Reason.LABEL_LATE, "Unfit", message)
        self.lost.append(Lost(part.index[row], early.record, rejection))
        return None

    def remember(self, claimed: Claimed, scores: Scores, notes: Any = None) -> list[Settled]:
        """Write down how the events came out; return those whose label is known."""
        events, settled, ledger = claimed.events, [], self.ledger
        failed = {failure.index for failure in scores.failures}
        offsets, stamps = events.batch.offsets, events.batch.timestamps
        columns = (
            events.index,
            events.ids,
            events.rows,
            events.times,
            events.entities,
            scores.predictions,
            scores.scores,
            notes or [None] * len(events),
            events.labels,
        )
        for row, (index, event_id, x, time, entity, prediction, score, note, label) in enumerate(
            zip(*columns, strict=True)
        ):
            if row in failed:
                self._put_back(claimed, row)
                continue
            entry = (x, time, offsets[index], entity, prediction, score, note)
            ledger[event_id] = (entry, label)
            if label is None:
                continue
            self.counts.joined += 1
            early = claimed.early.get(row)
            label_time, weight = (early.time, early.weight) if early else (stamps[index], None)
            settled.append(Settled(index, event_id, entry, None, label, label_time, weight))
        self._report(events, scores.failures)
        return settled

    def _put_back(self, claimed: Claimed, row: int) -> None:
        """A failed event leaves its early label waiting: it may be sent again, mended."""
        if (early := claimed.early.get(row)) is not None:
            self.early[self._label_id(claimed.events, row)] = early

    # -- labels ----------------------------------------------------------------------------------------

    def meet(self, labels: Labels) -> Iterator[Met]:
        """Bring labels to their events, in parts without a repeated id.

        A part must be learned, and its failures handed to `unsettle`, before the next one is asked for.
        """
        for part in parts(labels):
            settled = [s for row in range(len(part)) if (s := self._settle(part, row)) is not None]
            yield Met(part, settled)

    def _settle(self, part: Labels, row: int) -> Settled | None:
        label_id, label, index = part.ids[row], part.values[row], part.index[row]
        time, weight = part.times[row], part.weights[row]
        event_id = label_id if self.stem is None else self.alias.get(label_id, "")
        known = self.ledger.get(event_id)
        if known is None:
            self._wait(label_id, Early(label, time, weight, Single.of(part.batch, index)), index)
            return None
        entry, before = known
        if abs(time - entry[1]) > self.wait:
            self.counts.late += 1
            message = f"the label's time {time} is too far from its event's {entry[1]}"
            self.lost.append(Lost(index, part.batch, Rejection(index, Reason.LABEL_LATE, "Unfit", message)))
            return None
        if before is not None and before == label:
            self.counts.duplicate += 1
            return None
        settled = Settled(index, event_id, entry, before, label, time, weight)
        self._count(settled, 1)
        self.ledger[event_id] = (entry, label)
        return settled

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

    def unsettle(self, met: Met, failures: list[Failure]) -> list[Settled]:
        """Take back what the model could not learn; return what it did."""
        for failure in failures:
            settled = met.settled[failure.index]
            self.ledger[settled.event_id] = (settled.entry, settled.before)
            self._count(settled, -1)
            rejection = Rejection(settled.index, Reason.MODEL_ERROR, failure.exception, failure.message)
            self.lost.append(Lost(settled.index, met.labels.batch, rejection))
        failed = {failure.index for failure in failures}
        return [s for i, s in enumerate(met.settled) if i not in failed]

    def _count(self, settled: Settled, by: int) -> None:
        if settled.before is not None:
            self.counts.correction += by
        else:
            self.counts.joined += by

    # -- time goes by ----------------------------------------------------------------------------------

    def expire(self) -> None:
        """Forget what is too much, and what has waited longer than `labels.wait` of event time."""
        horizon, excess = self.newest - self.wait, len(self.ledger) - self.remember_max
        gone: list[tuple[str, str]] = []
        for event_id, known in self.ledger.items():
            too_many = len(gone) < excess
            if not too_many and known is not None and known[0][1] >= horizon:
                break
            gone.append((event_id, "dropped" if too_many else "expired"))
        for event_id, how in gone:
            self._forget(event_id, how)
        for label_id in list(takewhile(lambda name: self.early[name].time < horizon, self.early)):
            self._part(label_id, 0, "no event of this id came within labels.wait")

    def _forget(self, event_id: str, how: str) -> None:
        known = self.ledger.pop(event_id)
        if known is None:
            return
        entry, label = known
        if self.stem is not None:
            self.alias.pop(f"{self.stem}{entry[2]}", None)
        if label is None:
            setattr(self.counts, how, getattr(self.counts, how) + 1)

    def _part(self, label_id: str, index: int, message: str) -> None:
        early = self.early.pop(label_id)
        self.counts.unmatched += 1
        rejection = Rejection(0, Reason.LABEL_UNMATCHED, "Unfit", message)
        self.lost.append(Lost(index, early.record, rejection))

    def _report(self, events: Events, failures: list[Failure]) -> None:
        for failure in failures:
            index = events.index[failure.index]
            rejection = Rejection(index, Reason.MODEL_ERROR, failure.exception, failure.message)
            self.lost.append(Lost(index, events.batch, rejection))
