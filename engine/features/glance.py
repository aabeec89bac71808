"""Features of events that nobody is to remember: what each would have, were it the next one.

What is remembered of an event's own keys is copied into memories of that size, which take the event as any
other and are thrown away. So there is nothing to take back, and the windows' own code says what they hold.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from engine.features import Made, Row, keys_of
from engine.spec import Spec


class Glance:
    """Looks at what some features remember, and changes nothing.

    Parameters
    ----------
    spec
        The pipeline's spec.
    made
        The features, which may go on remembering.

    Examples
    --------
    >>> spec = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}}
    >>> features = [{"name": "n", "agg": "count", "of": "x", "over": "1h"}]
    >>> spec = Spec.model_validate({**spec, "features": features})
    >>> made = Made(spec)
    >>> made.rows([(1.0,)], [0], [None])
    [(1.0,)]
    >>> glance = Glance(spec, made)
    >>> [glance.rows([(2.0,)], [5]) for _ in range(2)]
    [[(2.0,)], [(2.0,)]]
    """

    def __init__(self, spec: Spec, made: Made) -> None:
        self.made, self.aside = made, Made(spec)
        self.aside.targets = made.targets  # without a label they change nothing
        self.empty = [pickle.dumps(memory.state()) for memory in self.aside.memories]

    def rows(self, rows: Sequence[Row], times: Sequence[int]) -> list[Row]:
        """The row of each event, as `Made.rows` would make it."""
        return [self._row(row, time) for row, time in zip(rows, times, strict=True)]

    def _row(self, row: Row, time: int) -> Row:
        read: dict[str, Any] = {name: [value] for name, value in zip(self.made.read, row, strict=True)}
        for memory, aside, empty in zip(self.made.memories, self.aside.memories, self.empty, strict=True):
            [key] = keys_of(memory.by, read)
            known = None if key is None else memory.one(key)
            aside.restore(pickle.loads(empty) if known is None else known)
        for name, fill in self.made.fills.items():
            self.aside.fills[name].restore(fill.state())
        return self.aside.rows([row], [time], [None])[0]
