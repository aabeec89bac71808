"""A shard: partition p of the events, labels and control topics, and the walk of each record through it.

State is a fold over the order in which the shard took its records: no clock, no unseeded randomness. The
same records in the same order give the same bytes, however they were cut into batches. Three rules keep
that true inside a batch:

- Every 1,024th record (with `confidence` every 256th) ends a step; what time brings about happens there.
- Within a step each stage takes all records at once, because no stage looks at what a later stage does
  to an earlier record of the same step. The one exception, an id that comes twice, ends a part
  (`join.parts`).
- Dead letters are put in the order of the records that caused them, whatever stage found them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine import confidence, control, frozen
from engine.alerts.judge import Judge
from engine.batch import Batch, Outputs
from engine.categories import Classes
from engine.choice import build_model, label_kind, model_version
from engine.columns import Events, Labels
from engine.decode import Decoder
from engine.encode import Encoder, dead_letter
from engine.fold import Fold, Rows
from engine.forecast import Forecasts, settle
from engine.growth import Growth
from engine.join import Join
from engine.joined import Lost, Next, Settlements
from engine.metrics import Kind, Quality, Traffic, kind_of
from engine.models.hybrid import Hybrid
from engine.models.scores import Scores
from engine.outputs import Origin
from engine.reasons import Reason, Rejection, Unfit
from engine.spec import Spec
from engine.unlabelled import unassume

if TYPE_CHECKING:
    from engine.drift.evidence.record import Drift
    from engine.drift.stage import Watch

TURN = 1024  # records between two places where time-driven reactions happen
SURE_TURN = 256  # where confidence is wanted, which follows the labels from turn to turn


class Shard:
    """The state of one shard.

    Parameters
    ----------
    spec
        The pipeline's spec.
    partition
        Which partition of the input topics this is.

    Examples
    --------
    >>> from engine.spec import Spec
    >>> spec = Spec.model_validate(
    ...     {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}, "labels": {"in_event": "y"}}
    ... )
    >>> from connectors.log import Batch
    >>> shard = Shard(spec, 0)
    >>> out = shard.walk(Batch("p.events", 0, 0, 1, [0], [0], [None], [b'{"x": 1, "y": true}']))
    >>> len(out.predictions), len(out.outcomes), len(out.dead_letters)
    (1, 1, 0)
    """

    def __init__(self, spec: Spec, partition: int) -> None:
        self.spec = spec
        self.partition = partition
        events, labels, orders = spec.inputs
        self.topics = {events: self._decode_events, labels: self._decode_labels, orders: self._obey}
        model = build_model(spec)
        self.model = Hybrid(model) if spec.forecast is None else Forecasts(model, spec)
        version = model_version(spec)
        self.encode = Encoder(Origin(spec.pipeline, spec.model.use, version, events, partition))
        label = label_kind(spec) or self.model.task.label_kind
        self.decoder = Decoder(spec, label)
        self.classes = Classes(spec.limits.classes_max)
        self.bounded = spec.labels.kind(label) == "category"  # of the others there are two, or none
        self.confidence = confidence.build(spec, self.model.task)
        self.every = TURN if self.confidence is None else min(TURN, SURE_TURN)
        self.growth = Growth(spec.limits.model_bytes_max)
        self.fold = Fold(spec, spec.labels.kind(label))
        self.join = Join(spec, self.encode.stem, spec.labels.kind(label))
        kind = kind_of(self.model.task, spec.labels.kind(label))
        self.watch = _watch(spec, kind, self.encode.origin)
        self.quality = Quality(kind, spec.feature_names, spec.metrics)
        self.traffic = Traffic(spec, kind, self.fold.complete)
        self.taken = 0  # records, of all topics
        self.now = 0  # the newest record's timestamp
        self.events = 0
        self.newest = -1  # the offset of the newest event, also of one that was refused
        self.predicted = 0
        self.rejected: dict[str, int] = {}
        self.judge = Judge(spec, self.encode.origin, self)

    def switch(self) -> bool:
        """Go over to kernels, which are compiled by now; False if the model has no compiled form."""
        if self.model.switch():
            self.encode.switch()
        return self.model.compiled

    # -- the walk --------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Records until the next turn."""
        return self.every - self.taken % self.every

    def walk(self, batch: Batch) -> Outputs:
        """Take the records of a batch, a step at a time."""
        out, start = Outputs(), 0
        self.events += len(batch) if batch.topic == self.spec.inputs[0] else 0
        while start < len(batch):
            stop = min(len(batch), start + self.room)
            stop = self.judge.place(batch.timestamps, start, stop, self.taken)
            whole = start == 0 and stop == len(batch)
            self.step(batch if whole else batch.cut(start, stop), out)
            self._passed(batch, start, stop, out)
            start = stop
        self.predicted += len(out.predictions)
        return out

    def step(self, batch: Batch, out: Outputs) -> None:
        """What happens to a record, from top to bottom. All records are of one topic."""
        events, labels, lost = self.topics[batch.topic](batch)  # decode: bytes -> columns, or a reason
        settled = Settlements()

        for claimed in self.join.claim(events):  # those that are new, with labels that came before them
            rows = self.fold.rows(claimed.events)
            scores, told = self._score(claimed.events, rows)  # predict, then learn
            sure = None if self.confidence is None else self.confidence.apply(scores)
            self.traffic.add(rows, scores)
            if self.watch is not None:
                self.watch.events(claimed.events, rows, scores)
            notes = self.quality.noted(scores, sure)
            settled.extend(self.join.remember(claimed, claimed.events.rows, scores, notes))
            settled.extend(settle(self.join, claimed.events, told))  # a series' next values
            self.encode.predictions(claimed.events, scores, out.predictions)
            if self.spec.cache is not None:
                failed = {failure.index for failure in scores.failures}
                out.newest.update(claimed.events.newest(rows.rows, failed))

        for met in self.join.meet(labels):  # those whose event is here
            rows, late = self.fold.again(met.settled.rows), met.settled
            learned = self.join.unsettle(met, self.model.learn(rows, late.labels, late.weights))
            self.fold.learn(learned)
            settled.extend(learned)

        self._tell(settled, out)
        if self.watch is not None:
            for index, drift in self.watch.told():
                self._alarm(drift, batch, index, out)
        self.judge.tell(out.alerts)
        self._bury(lost, out)

    def _passed(self, batch: Batch, start: int, stop: int, out: Outputs) -> None:
        """These records were taken: what is done at fixed places."""
        self.taken += stop - start
        self.now = now = batch.timestamps[stop - 1]
        if batch.topic == self.spec.inputs[0]:
            self.newest = batch.offsets[stop - 1]
        if self.taken % self.every == 0:
            self.turn(out)
        if self.judge.is_due(self.taken, now):
            self.judge.look(now)
        self.judge.tell(out.alerts)  # of the turn, too

    def turn(self, out: Outputs) -> None:
        """What happens because time went by: after so many records."""
        if assumed := self.join.assume():  # those whose label did not come
            rows = self.fold.again(assumed.rows)
            failures = self.model.learn(rows, assumed.labels, assumed.weights)
            learned = unassume(self.join.ledger, assumed, failures, self.join.counts)
            self.fold.learn(learned)
            self._tell(learned, out)
        self.join.expire()
        self.quality.turn()
        if self.confidence is not None:
            self.confidence.turn()
        if self.watch is not None:
            for drift in [*(drift for _, drift in self.watch.told()), *self.watch.turn()]:
                self._alarm(drift, None, 0, out)
        if self.growth.is_due(self.taken) and self.growth.look(self.model.state(), self.taken):
            self.model.stop_learning()
        self._bury([], out)

    def _tell(self, settled: Settlements, out: Outputs) -> None:
        """Outcomes, to all who learn from them."""
        self.quality.update(settled)
        if self.watch is not None:
            self.watch.settled(settled)
        covered = None if self.confidence is None else self.confidence.learn(settled)
        if self.spec.labels.outcomes:
            self.encode.outcomes(settled, out.outcomes, covered, self.quality.now)

    def _alarm(self, drift: Drift, batch: Batch | None, index: int, out: Outputs) -> None:
        """A drift, or what more is known of one: its record, and the alerts that come of it."""
        out.drifts.add(drift.key, drift.json())
        self.judge.drifted(drift, self.now if batch is None else batch.timestamps[index], batch, index)

    def _score(self, events: Events, rows: Rows) -> tuple[Scores, list[Next]]:
        """What the model says; of a series, also whose next values these are."""
        if isinstance(self.model, Forecasts):
            return self.model.advance(events, rows)
        return self.model.run(rows, events.labels), []

    # -- its stages that have no file of their own -----------------------------------------------------

    def _decode_events(self, batch: Batch) -> tuple[Events, Labels, list[Lost]]:
        events, rejected = self.decoder.events(batch)
        if self.bounded:
            events, others = self.classes.bounded(events, events.labels)
            rejected += others
        self.traffic.refuse(rejected)
        return events, Labels(batch), [Lost(r.index, batch, r) for r in rejected]

    def _decode_labels(self, batch: Batch) -> tuple[Events, Labels, list[Lost]]:
        labels, rejected = self.decoder.labels(batch)
        if self.bounded:
            labels, others = self.classes.bounded(labels, labels.values)
            rejected += others
        return Events(batch), labels, [Lost(r.index, batch, r) for r in rejected]

    def _obey(self, batch: Batch) -> tuple[Events, Labels, list[Lost]]:
        """Orders, each at its place."""
        return Events(batch), Labels(batch), control.obeyed(batch, self.spec.limits, self._do)

    def _do(self, command: control.Command) -> None:
        if isinstance(command.order, control.Rebaseline):
            if self.watch is None:
                raise Unfit(Reason.UNKNOWN_CONTROL, "nothing is watched for drift: the spec has no `drift`")
            self.watch.obey(command, command.order)
        self.judge.obey(command)

    def _bury(self, lost: list[Lost], out: Outputs) -> None:
        """Dead letters, in the order of the records at which they came up."""
        found, self.join.lost = lost + self.join.lost, []
        for each in sorted(found, key=lambda x: x.index):
            reason = each.rejection.reason.value
            self.rejected[reason] = self.rejected.get(reason, 0) + 1
            dead_letter(each.record, each.rejection, out.dead_letters)

    def refuse(self, batch: Batch, exception: str, message: str) -> Outputs:
        """Take a batch of one record without walking it, because the walk once failed on it."""
        out = Outputs()
        self._bury([Lost(0, batch, Rejection(0, Reason.ENGINE_ERROR, exception, message))], out)
        self.events += batch.topic == self.spec.inputs[0]
        self._passed(batch, 0, 1, out)
        return out

    # -- its state -------------------------------------------------------------------------------------

    def freeze(self) -> Iterator[bytes]:
        """The state at this moment, as pieces of bytes that may be asked for later."""
        return frozen.freeze(self)

    @classmethod
    def thaw(cls, spec: Spec, partition: int, data: bytes) -> Shard:
        """The inverse of `freeze`, for bytes whose signature was checked."""
        return frozen.thaw(cls(spec, partition), data)

    def digest(self) -> str:
        """A hash of the state, equal for equal states."""
        return frozen.digest(self)


def _watch(spec: Spec, kind: Kind, origin: Origin) -> Watch | None:
    """What watches the shard; what nobody asks for is not even imported."""
    if spec.drift is None:
        return None
    from engine.drift.stage import Watch

    return Watch(spec, kind, origin)
