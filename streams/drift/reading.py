"""What a pipeline knows of drift, seen from outside: nothing is disturbed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from connectors.log import Log, Rows
from engine import control
from engine.drift.distance import Distance, distances
from engine.drift.stage import Watch
from engine.drift.standing import Standing, standings
from engine.drift.tally import Ordered
from engine.errors import SpecError
from engine.nearest import nearest
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import shelves

NAMED_MAX = 10  # signals that a message names


class Watched(NamedTuple):
    """What a shard watched when its newest snapshot was made."""

    partition: int
    made_ms: int | None  # None: there is no snapshot yet
    offset: int  # of events: where it went on
    behind: int  # how many events were taken since
    watch: Watch

    @property
    def standings(self) -> list[Standing]:
        return list(standings(self.watch))

    @property
    def distances(self) -> dict[str, Distance]:
        """Of each signal that has a reference."""
        return {each.signal: each for each in distances(self.watch, set(self.watch.names()))}

    @property
    def orders(self) -> list[Ordered]:
        return self.watch.tally.orders


def asked(spec: Spec) -> Spec:
    """The spec, if it asks for drift to be watched."""
    if spec.drift is None:
        raise SpecError(
            "nothing is watched for drift: add a section `drift: {}` to the spec, and start with --fresh"
        )
    return spec


def watched(log: Log, spec: Spec) -> Iterator[Watched]:
    """What each shard watches, as of its newest snapshot; of a shard without one, what it would watch."""
    newest = {found.partition: found for found in reversed(list(shelves.kept(log, spec)))}
    topic = spec.topic("events")
    for partition in range(len(log.bounds(spec.topic("journal")))):
        if (found := newest.get(partition)) is None:
            yield Watched(partition, None, 0, 0, _watch(Shard(spec, partition)))
            continue
        offset, now = found.pointer.next.get(topic, 0), found.entry.next.get(topic, 0)
        watch = _watch(shelves.load(log, spec, found))
        yield Watched(partition, found.pointer.made_ms, offset, now - offset, watch)


def _watch(shard: Shard) -> Watch:
    assert shard.watch is not None  # `asked` saw to that
    return shard.watch


def known(shards: Iterable[Watched]) -> list[str]:
    """The names of everything that any of these shards watches."""
    return list(dict.fromkeys(name for each in shards for name in each.watch.names()))


def picked(signals: Sequence[str] | None, known: Sequence[str]) -> set[str]:
    """The signals that a person named; all, if none is named."""
    for name in signals or ():
        if name not in known:
            near = nearest(name, known) or f"; there is {', '.join(known[:NAMED_MAX])}"
            raise SpecError(f'no signal is named "{name}"{near}')
    return set(signals or known)


def order(
    log: Log, spec: Spec, shards: Sequence[Watched], names: Sequence[str] | None, by: str, why: str
) -> list[int]:
    """Tell each shard that knows one of the signals to begin anew with it; return which shards these are."""
    sent = []
    for each in shards:
        here = None if names is None else tuple(name for name in names if name in each.watch.names())
        if here != ():
            value = control.encode(control.Rebaseline(signals=here, by=by, why=why))
            log.append(spec.topic("control"), each.partition, Rows([None], [value]))
            sent.append(each.partition)
    return sent
