"""The topics of a pipeline: which there should be, and whether those that are there fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.log import Log, Misfit, Topic
from engine.spec import DELIVERIES, TOPICS, Spec

SHARDED = ("events", "labels", "control", "journal", "snapshots")
"""A shard is one partition of each of these, so they have the same number."""

COMPACTED = ("drifts", "alerts", "snapshots")
FOR_EVER = -1


def wanted(spec: Spec) -> list[Topic]:
    """The topics of a pipeline, as they would be created.

    >>> spec = Spec.model_validate({"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}})
    >>> [topic.name for topic in wanted(spec)][:3]
    ['p.events', 'p.labels', 'p.control']
    """
    return [
        Topic(
            spec.topic(what),
            spec.partitions,
            compacted=what in COMPACTED,
            retention_ms=FOR_EVER if what == "journal" else None,
        )
        for what in TOPICS
    ] + ([Topic(spec.topic(DELIVERIES), 1, compacted=True)] if spec.notify.receivers else [])


def ensure(log: Log, spec: Spec) -> list[str]:
    """Create what is missing and return it; raise Misfit at what a person has to change."""
    there = log.topics()
    missing = [topic for topic in wanted(spec) if topic.name not in there]
    if missing and not spec.create_topics:
        names = ", ".join(topic.name for topic in missing)
        raise Misfit(
            f"missing: {names}; `driftline topics create` makes them, and so does create_topics: true"
        )
    if found := [*_uneven(there, missing, spec), *misfits(there, spec)]:
        raise Misfit("; ".join(found))
    return log.create(missing)


def create(log: Log, spec: Spec) -> list[str]:
    """Create what is missing because a person asked for it."""
    return ensure(log, spec.model_copy(update={"create_topics": True}))


def misfits(there: Mapping[str, Topic], spec: Spec) -> Iterator[str]:
    """A sentence for everything that keeps a worker from using the topics that are there."""
    counts = {name: there[name].partitions for name in _sharded(spec) if name in there}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        yield (
            f"these need the same number of partitions: {listed}; make those that differ anew, "
            f"or name others in the spec"
        )
    journal = there.get(spec.topic("journal"))
    for name in map(spec.topic, ("snapshots", DELIVERIES)):
        if name in there and not there[name].compacted:
            yield f"{name} is not compacted; set cleanup.policy=compact on it, or name another topic"
    if journal is not None and journal.compacted:
        yield f"{journal.name} is compacted, which destroys it; name another in topics.journal"


def _uneven(there: Mapping[str, Topic], missing: Sequence[Topic], spec: Spec) -> Iterator[str]:
    """Whether new topics would not fit those that are there."""
    sharded = _sharded(spec)
    new = [topic.name for topic in missing if topic.name in sharded]
    counts = {name: there[name].partitions for name in sharded if name in there}
    if new and len(set(counts.values())) == 1 and set(counts.values()) != {spec.partitions}:
        name, count = next(iter(counts.items()))
        yield (
            f"{name} has {count} partitions, and {', '.join(new)} would get {spec.partitions}; "
            f"write partitions: {count} in the spec"
        )


def _sharded(spec: Spec) -> list[str]:
    return [spec.topic(what) for what in SHARDED]
