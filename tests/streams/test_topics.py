"""The topics of a pipeline: made when missing, and refused when they don't fit."""

from __future__ import annotations

import re

import pytest

from connectors.log import Misfit, Topic
from connectors.memory import MemoryLog
from engine.spec import Spec
from streams import topics

SPEC = Spec.model_validate(
    {"pipeline": "p", "partitions": 2, "events": {"fields": {"x": {"type": "number"}}}}
)


def test_all_are_made_once() -> None:
    """Every topic, with the count that the spec says; a second time there is nothing to do."""
    log = MemoryLog()
    assert len(topics.ensure(log, SPEC)) == 10
    assert {topic.partitions for topic in log.topics().values()} == {2}
    assert topics.ensure(log, SPEC) == []


def test_the_journal_stays_and_states_are_compacted() -> None:
    """Neither may lose what recovery needs."""
    log = MemoryLog()
    topics.ensure(log, SPEC)
    assert log.topics()["p.journal"].retention_ms == topics.FOR_EVER
    compacted = [topic.name for topic in log.topics().values() if topic.compacted]
    assert compacted == ["p.alerts", "p.drifts", "p.snapshots"]


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (
            Topic("p.events", 4),
            "p.events has 4 partitions, and .* would get 2; write partitions: 4 in the spec",
        ),
        (Topic("p.snapshots", 2), "p.snapshots is not compacted; set cleanup.policy=compact"),
        (Topic("p.journal", 2, compacted=True), "p.journal is compacted, which destroys it"),
    ],
)
def test_what_does_not_fit_is_named(there: Topic, sentence: str) -> None:
    """Before anything is made."""
    log = MemoryLog()
    log.create([there])
    with pytest.raises(Misfit, match=sentence):
        topics.ensure(log, SPEC)
    assert list(log.topics()) == [there.name]


def test_uneven_topics_are_listed() -> None:
    """All of them with their counts, so that a person sees which is the odd one."""
    log = MemoryLog()
    log.create([Topic("p.events", 2), Topic("p.labels", 3)])
    listed = re.escape("these need the same number of partitions: p.events (2), p.labels (3)")
    with pytest.raises(Misfit, match=listed):
        topics.ensure(log, SPEC)


def test_nothing_is_made_unasked() -> None:
    """With create_topics off a worker only says what is missing; a person may still create."""
    log, spec = MemoryLog(), SPEC.model_copy(update={"create_topics": False})
    with pytest.raises(Misfit, match=r"missing: p\.events, .*; `driftline topics create` makes them"):
        topics.ensure(log, spec)
    assert len(topics.create(log, spec)) == 10
