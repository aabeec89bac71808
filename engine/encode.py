"""Outputs to bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import outputs
from engine.batch import Batch, Headers, Lines, Output
from engine.columns import Events
from engine.joined import Settlements
from engine.models.scores import Scores
from engine.outputs import Metrics, Origin
from engine.reasons import Rejection
from engine.trace import passed

if TYPE_CHECKING:
    from engine.templates import Templates

MESSAGE_MAX = 500
FEW = 32  # outputs that are written sooner without the kernel
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class Encoder:
    """Encodes the outputs of one shard: those of a step at once, a line of JSON each."""

    def __init__(self, origin: Origin) -> None:
        self.origin, self.stem = origin, origin.stem
        self.templates: Templates | None = None

    def switch(self) -> None:
        """Go over to the kernel, which makes the same bytes."""
        from engine.lines_kernel import fill
        from engine.templates import Templates

        self.templates = Templates(self.origin, fill)

    def predictions(self, events: Events, scores: Scores, out: Lines) -> None:
        """One prediction for each event on which the model did not fail."""
        if scores.failures:
            failed = {failure.index for failure in scores.failures}
            rows = [row for row in range(len(events)) if row not in failed]
            events, scores = events.pick(rows), scores.pick(rows)
        offsets, headers = events.batch.offsets, events.batch.headers
        places = [offsets[i] for i in events.index]
        if self.templates is None or len(places) < FEW or scores.forecasts is not None:
            lines = outputs.predictions(self.origin, events, places, scores)
        else:
            lines = self.templates.predictions(events, places, scores)
        traces = None if headers is None else [passed(headers[i]) for i in events.index]
        out.add([entity.encode() for entity in events.entities], lines, traces)

    def outcomes(
        self,
        settled: Settlements,
        out: Lines,
        covered: Sequence[bool | None] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """One outcome for each label that met its event."""
        if not settled:
            return
        if self.templates is None or len(settled) < FEW:
            lines = outputs.outcomes(self.origin, settled, covered, metrics)
        else:
            lines = self.templates.outcomes(settled, covered, metrics)
        out.add([entity.encode() for entity in settled.entities], lines, None)


def dead_letter(batch: Batch, rejection: Rejection, out: Output) -> None:
    """The original record, with headers that say what was wrong (Kafka Streams' names)."""
    i = rejection.index
    original = batch.headers[i] if batch.headers is not None else ()
    out.add(batch.keys[i], batch.values[i], [*original, *reasons(batch, rejection)])


def reasons(batch: Batch, rejection: Rejection) -> Headers:
    said = {
        "exception": rejection.exception,
        "message": plain(rejection.message),
        "topic": batch.topic,
        "partition": str(batch.partition),
        "offset": str(batch.offsets[rejection.index]),
    }
    named = [(f"__streams.errors.{name}", text.encode()) for name, text in said.items()]
    return [*named, ("driftline.reason", rejection.reason.value.encode())]


def plain(message: str) -> str:
    """A message that a replay will give again: no addresses of objects, and not too long.

    >>> plain("bad <Thing object at 0x7f3a>")
    'bad <Thing object at 0x>'
    """
    return ADDRESS.sub("0x", message)[:MESSAGE_MAX]
