"""Shards as their newest snapshots have them, loaded once for all who look.

A snapshot is loaded in the thread of whoever asks first. It is not held here: while somebody holds what was
loaded the next one gets the same, and when nobody does its memory is free.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakValueDictionary

from connectors.log import Log
from engine.errors import StateError
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import shelves
from streams.keeping.shelves import Kept


class Shown:
    """A shard, as it begins or out of a snapshot. Many look at it, so nobody may change it."""

    __slots__ = ("__weakref__", "shard")

    def __init__(self, shard: Shard) -> None:
        self.shard = shard


class Loaded(Shown):
    """One out of a snapshot."""

    __slots__ = ("kept",)

    def __init__(self, kept: Kept, shard: Shard) -> None:
        super().__init__(shard)
        self.kept = kept


class Snapshots:
    """The newest snapshots of a pipeline.

    Parameters
    ----------
    spec
        The pipeline's spec.
    prepare
        Called with each shard that was loaded, before anybody sees it.
    """

    def __init__(self, spec: Spec, prepare: Callable[[Shard], object] = lambda shard: None) -> None:
        self.spec, self.prepare = spec, prepare
        self.held: WeakValueDictionary[str, Loaded] = WeakValueDictionary()
        self.turn = threading.Lock()

    def newest(self, log: Log, partition: int) -> Loaded | None:
        """The newest snapshot of a shard that can be loaded; None if there is none yet.

        StateError says what keeps all that there are from being loaded. Blocks while it reads.
        """
        wrong: StateError | None = None
        for _ in range(2):  # what an entry names may be gone by the time it is read
            for kept in shelves.of(log, self.spec, partition):
                try:
                    return self._load(log, kept)
                except StateError as error:
                    wrong = wrong or error
            if wrong is None:
                return None
        assert wrong is not None
        raise wrong

    def _load(self, log: Log, kept: Kept) -> Loaded:
        with self.turn:
            if (found := self.held.get(kept.pointer.name)) is not None:
                return found
            shard = shelves.load(log, self.spec, kept)
            self.prepare(shard)
            self.held[kept.pointer.name] = loaded = Loaded(kept, shard)
            return loaded
