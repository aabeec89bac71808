"""A shard's state as bytes, and back: which stage keeps what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from engine import state
from engine.errors import StateError
from engine.state import cut, joined, own_modules

if TYPE_CHECKING:
    from engine.shard import Shard

STATE_VERSION = 4


def freeze(shard: Shard) -> Iterator[bytes]:
    """The state at this moment, as pieces of bytes that may be asked for later."""
    head = _head(shard)
    head["fold"], pieces = cut(head["fold"])  # a million keys are too much to be pickled at once
    parts = chain([len(pieces)], pieces, shard.join.ledger.parts())
    return state.freeze([STATE_VERSION, shard.spec.fingerprint, head], parts)


def digest(shard: Shard) -> str:
    """A hash of the state, equal for equal states."""
    return state.digest([_head(shard), list(shard.join.ledger.items())])


def _head(shard: Shard) -> dict[str, Any]:
    """The state but for the ledger, by stage."""
    return {
        "counts": [shard.taken, shard.now, shard.events, shard.newest, shard.predicted, shard.rejected],
        "fold": shard.fold.state(),
        "model": shard.model.state(),
        "join": shard.join.state(),
        "quality": shard.quality.state(),
        "traffic": shard.traffic.state(),
        "growth": shard.growth.state(),
        "classes": shard.classes.known,
        "confidence": None if shard.confidence is None else shard.confidence.state(),
        "watch": None if shard.watch is None else shard.watch.state(),
        "judge": shard.judge.state(),
    }


def thaw(shard: Shard, data: bytes) -> Shard:
    """Give a new shard the state of these bytes, whose signature was checked."""
    spec = shard.spec
    own = [spec.model.use, *(() if spec.drift is None else (each.use for each in spec.drift.detectors))]
    head, parts = state.thaw(data, (*spec.snapshots.allow, *chain.from_iterable(map(own_modules, own))))
    version, fingerprint, kept = head
    if version != STATE_VERSION:
        raise StateError(f"the snapshot has version {version}, this program reads {STATE_VERSION}")
    if fingerprint != spec.fingerprint:
        raise StateError("the snapshot was made under another spec")
    shard.taken, shard.now, shard.events, shard.newest, shard.predicted, shard.rejected = kept["counts"]
    shard.fold.restore(joined(kept["fold"], list(islice(parts, next(parts)))))
    shard.model.restore(kept["model"])
    shard.join.restore(kept["join"], parts)
    shard.quality.restore(kept["quality"])
    shard.traffic.restore(kept["traffic"])
    for stage, its in ((shard.confidence, "confidence"), (shard.watch, "watch")):
        if stage is not None and kept[its] is not None:
            stage.restore(kept[its])
    shard.judge.restore(kept["judge"])
    shard.growth.restore(kept["growth"])
    shard.classes.known = kept["classes"]
    if shard.growth.reached:
        shard.model.stop_learning()
    return shard
