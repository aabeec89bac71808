"""What a shard would say of events, each as if it were the next one, without taking them.

For those who ask beside the stream. Nothing that the shard remembers changes: no window, no category, no
series, no model. But the model may go over to its compiled form, so it must be a shard that nobody walks.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from engine.columns import Events
from engine.features.glance import Glance
from engine.fold import Rows
from engine.forecast import Forecasts
from engine.models.scores import Scores
from engine.shard import Shard


class Peek:
    """Asks a shard.

    Parameters
    ----------
    shard
        One that is not walked any more; it learns nothing from now on.

    Examples
    --------
    >>> from connectors.log import Batch
    >>> from engine.spec import Spec
    >>> spec = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}, "labels": {"in_event": "y"}}
    >>> shard = Shard(Spec.model_validate(spec), 0)
    >>> _ = shard.walk(Batch("p.events", 0, 0, 1, [0], [0], [None], [b'{"x": 1, "y": true}']))
    >>> peek = Peek(shard)
    >>> events, _ = shard.decoder.events(Batch("p.events", 0, 1, 2, [1], [0], [None], [b'{"x": 2}']))
    >>> [peek.ask(events).predictions for _ in range(2)]
    [(True,), (True,)]
    """

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        if not isinstance(shard.model, Forecasts):  # which learn before they speak, on copies
            shard.model.stop_learning()
        self.confidence = deepcopy(shard.confidence)  # it counts what it says
        made = shard.fold.made
        self.glance = None if made is None else Glance(shard.spec, made)

    def ask(self, events: Events) -> Scores:
        """The scores of events that fit."""
        return self.score(events, self.rows(events))

    def rows(self, events: Events) -> Rows:
        """The feature rows of events."""
        fold, rows = self.shard.fold, events.rows
        found: Sequence[tuple[Any, ...]] = (
            rows if self.glance is None else self.glance.rows(rows, events.times)
        )
        return fold.again(fold.categories.glanced(found))

    def score(self, events: Events, rows: Rows) -> Scores:
        """The scores of rows that were made already."""
        model = self.shard.model
        if isinstance(model, Forecasts):
            return model.glance(events, rows)
        scores = model.run(rows, [None] * len(rows.rows))
        if self.confidence is not None:
            self.confidence.apply(scores)
        return scores
