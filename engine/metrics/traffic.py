"""What comes in and goes out, event by event, whether or not a label ever comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.fold import Rows
from engine.metrics.block import Kind
from engine.metrics.inputs import Inputs
from engine.metrics.spread import Spread
from engine.models.scores import Scores
from engine.reasons import Rejection
from engine.spec import Spec
from engine.specparts import Kind as FieldKind


class Traffic:
    """The counts of one shard: integers only, so that it does not matter how a stream is cut.

    Parameters
    ----------
    spec
        The pipeline's spec.
    kind
        What is predicted.
    complete
        Whether no feature of a row can be missing.
    """

    def __init__(self, spec: Spec, kind: Kind, complete: bool) -> None:
        wanted, fields = spec.metrics, spec.events.fields
        kinds = zip(spec.feature_names, spec.feature_kinds, strict=True)
        categories = [name for name, each in kinds if each is FieldKind.CATEGORY]
        paths = {field.path or name: name for name, field in fields.items()}
        names = spec.feature_names
        self.inputs = Inputs(names, categories, paths, complete, wanted.values_max) if wanted.inputs else None
        self.spread = Spread(kind, wanted.classes_max) if wanted.predictions else None

    def refuse(self, rejected: Sequence[Rejection]) -> None:
        """Take events that did not fit the spec."""
        if rejected and self.inputs is not None:
            self.inputs.refuse(rejected)

    def add(self, rows: Rows, scores: Scores) -> None:
        """Take events that were predicted."""
        if self.inputs is not None:
            self.inputs.add(rows.rows)
        if self.spread is not None:
            self.spread.add(scores.predictions, scores.scores)

    def told(self) -> tuple[Inputs | None, Spread | None]:
        """The counts at this moment, to be read later."""
        inputs, spread = self.inputs, self.spread
        return inputs and inputs.told(), spread and spread.told()

    def state(self) -> list[Any]:
        return [None if part is None else part.state() for part in (self.inputs, self.spread)]

    def restore(self, state: list[Any]) -> None:
        """The inverse; what is asked for since then begins at 0."""
        for part, kept in zip((self.inputs, self.spread), state, strict=True):
            if part is not None and kept is not None:
                part.restore(kept)
