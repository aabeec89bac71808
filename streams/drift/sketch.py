"""References for a file of their own: how signals are spread, and no record of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from engine.drift.columns import NAMED, can_miss, numbers, places
from engine.drift.detector import Floats
from engine.drift.evidence.names import Names
from engine.drift.evidence.recorded import written
from engine.drift.evidence.reference import Reference
from engine.drift.evidence.witness import named
from engine.drift.signals import Kind, Signal
from engine.drift.stage import Watch
from engine.fold import Rows
from engine.shard import Shard
from engine.spec import Spec
from engine.specparts import Kind as FieldKind
from streams.replays.replay import batches, recorded


class Sketched(NamedTuple):
    """What came of a file."""

    text: bytes
    signals: int
    empty: list[str]  # features without a value: they have no reference
    events: int
    refused: int  # events that don't fit the spec


class Sketches:
    """A reference for each feature of a spec, and for the share in which it is missing."""

    def __init__(self, spec: Spec) -> None:
        kinds: list[FieldKind] = list(spec.feature_kinds)
        self.features = list(zip(spec.feature_names, kinds, strict=True))
        self.names = Names(name for name, kind in self.features if kind in NAMED)
        self.found = {name: Reference(kind in NAMED) for name, kind in self.features}
        self.gaps = [name for name, _ in self.features if can_miss(spec, name)]
        self.found |= {missing(name): Reference(categories=False) for name in self.gaps}

    def add(self, rows: Rows) -> None:
        """Take some events."""
        columns = zip(*rows.rows, strict=True)
        for (name, kind), column in zip(self.features, columns, strict=True):
            if kind in NAMED:
                self.names.learn(name, column)
            values = places(column) if kind in NAMED else numbers(column)
            self._put(name, values)
            if name in self.gaps:
                self._put(missing(name), np.isnan(values).astype(np.float64))

    def _put(self, name: str, values: Floats) -> None:
        reference = self.found[name]
        reference.values.add(values)
        reference.asked += len(values)

    def text(self) -> bytes:
        """As a spec's `drift.reference.sketch` takes it."""
        known = {name: each for name, each in self.found.items() if each.n}
        return written(known, lambda name, number: self.names.of(name).get(number))


def missing(name: str) -> str:
    return Signal(Kind.MISSING, name).name


def sketched(spec: Spec, file: str) -> Sketched:
    """What a file of events says is normal."""
    shard, sketches = Shard(spec, 0), Sketches(spec)
    events = refused = 0
    for batch in batches(recorded(spec, "events", file)):
        found, rejected = shard.decoder.events(batch)
        events, refused = events + len(found), refused + len(rejected)
        if len(found):
            sketches.add(shard.fold.rows(found))
    empty = [name for name, each in sketches.found.items() if not each.n]
    return Sketched(sketches.text(), len(sketches.found) - len(empty), empty, events, refused)


class Exported(NamedTuple):
    """What running shards took for normal."""

    text: bytes
    signals: int
    empty: list[str]  # signals that have no reference yet


def exported(watches: Iterable[Watch]) -> Exported:
    """The references of all shards, those of one signal put together."""
    found, called = dict[str, Reference](), dict[str, dict[float, str]]()
    empty: dict[str, None] = {}
    for watch in watches:
        for witness in watch.witnesses:
            for row, signal in enumerate(witness.signals):
                reference = witness.references.at(row)
                if reference is None or not reference.n:
                    empty |= {signal.name: None} if signal.is_there else {}
                    continue
                if signal.categories:
                    called.setdefault(signal.name, {}).update(witness.names.of(named(signal)))
                if (known := found.get(signal.name)) is None:
                    found[signal.name] = Reference.restored(reference.state())
                else:
                    known.merge(reference)
    text = written(found, lambda signal, number: called.get(signal, {}).get(number))
    return Exported(text, len(found), [name for name in empty if name not in found])
