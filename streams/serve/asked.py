"""What the shards' models say of events or entities, and how it is written down.

Predictions come from snapshots, so `as_of` says with each how old its model is. Whatever the stream's own
prediction of the same event is, it comes on its topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.columns import Events
from engine.fold import Rows
from engine.models.scores import Scores
from engine.outputs import Source
from engine.reasons import Reason, Rejection
from streams.partition import partition_of
from streams.serve import bodies
from streams.serve.fits import batched, told
from streams.serve.models import AsOf, Standing
from streams.serve.site import Site

STRETCH = 256  # events that are predicted without letting anybody else in


class Said(msgspec.Struct, gc=False, omit_defaults=True):
    """A prediction as the API gives it: what the stream's own holds, and how old the model is."""

    prediction_id: str | None  # of an event that was recorded
    event_id: str | None
    entity: str | None
    pipeline: str
    model: str
    version: str
    variant: str
    shadow: bool
    prediction: Any
    probabilities: dict[str, float] | None
    score: float | None
    interval: Sequence[float] | None
    prediction_set: Sequence[Any] | None
    confidence: float | None
    event_time: int
    source: Source | None
    as_of: AsOf
    forecast: Sequence[float] | None = None


Spots = Sequence[tuple[int, int]]


async def of_events(here: Site, values: Sequence[bytes]) -> list[Said]:
    """The prediction of each event, or a Problem that says which do not fit.

    Parameters
    ----------
    here
        Where we are.
    values
        The events.
    """
    batch = batched(here.models.topic, values)
    events, rejected = here.decoder.events(batch)
    if rejected:
        raise bodies.refused(told(rejected), len(values))
    if len(values) == 1:
        standing = await here.models.of(await _home(here, events, 0))
        return say(standing, events)
    said: list[Said | None] = [None] * len(values)
    for partition, rows in (await _homes(here, events)).items():
        standing = await here.models.of(partition)
        for start in range(0, len(rows), STRETCH):
            part = rows[start : start + STRETCH]
            some = events if len(part) == len(values) else events.pick(part)
            for row, one in zip(part, say(standing, some), strict=True):
                said[row] = one
            if start + STRETCH < len(rows):
                await asyncio.sleep(0)
    return [one for one in said if one is not None]


async def _home(here: Site, events: Events, row: int) -> int:
    """The partition whose shard knows an event's entity."""
    count = await here.models.count()
    if count == 1 or not _named(here):
        return 0
    return partition_of(events.entities[row].encode(), count)


async def _homes(here: Site, events: Events) -> dict[int, list[int]]:
    if await here.models.count() == 1:
        return {0: list(range(len(events)))}
    homes: dict[int, list[int]] = {}
    for row in range(len(events)):
        homes.setdefault(await _home(here, events, row), []).append(row)
    return homes


def _named(here: Site) -> bool:
    """Whether events name themselves, or their entity."""
    events = here.spec.events
    return events.id is not None or events.key is not None


def say(standing: Standing, events: Events) -> list[Said]:
    """What a model says of events, each as if it were the next one."""
    scores = standing.peek.ask(events)
    _check(scores, events)
    return written(standing, events, scores)


def of_row(standing: Standing, entity: str, time_ms: int, row: tuple[Any, ...]) -> Said:
    """What a model says of an entity whose features are known."""
    peek = standing.peek
    events = Events(batched("", [b""]), [0], [""], [entity], [time_ms], [row], [None])
    fold = peek.shard.fold
    scores = peek.score(events, Rows(fold.names, [row], fold.complete and None not in row, fold.floats))
    _check(scores, events)
    [said] = written(standing, events, scores)
    said.event_id = None
    return said


def _check(scores: Scores, events: Events) -> None:
    if scores.failures:
        wrong = [
            Rejection(events.index[failure.index], Reason.MODEL_ERROR, failure.exception, failure.message)
            for failure in scores.failures
        ]
        raise bodies.refused(told(wrong), len(events))


def written(standing: Standing, events: Events, scores: Scores) -> list[Said]:
    """Predictions as the API gives them."""
    shard = standing.peek.shard
    as_of = standing.as_of()
    pipeline, model, version, _, _ = shard.encode.origin
    events_of = shard.spec.events
    made = list[Said]()
    for row, odds in enumerate(scores.probabilities):
        event_id = events.ids[row] if events_of.id is not None else None
        entity = events.entities[row] if events_of.key or events_of.id else None
        said = Said(
            None,
            event_id,
            entity,
            pipeline,
            model,
            version,
            "main",
            False,
            scores.predictions[row],
            odds,
            scores.scores[row],
            None if scores.intervals is None else scores.intervals[row],
            None if scores.sets is None else scores.sets[row],
            max(odds.values()) if odds else None,
            events.times[row],
            None,
            as_of,
        )
        if scores.forecasts is not None:
            said.forecast = scores.forecasts[row]
        made.append(said)
    return made


def placed(here: Site, said: list[Said], spots: Spots) -> list[Said]:
    """The same of events that lie somewhere by now; the stream's own predictions have these ids."""
    for one, (partition, offset) in zip(said, spots, strict=True):
        one.source = Source(here.models.topic, partition, offset)
        one.prediction_id = f"{here.models.topic}-{partition}-{offset}"
        one.event_id = one.event_id or one.prediction_id
        one.entity = one.entity or one.event_id
    return said
