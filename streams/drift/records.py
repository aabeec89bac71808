"""Drift records, read from the drifts topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from connectors.log import Log
from engine.drift.evidence.record import Drift, read
from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams.records import everything, spans

ID_MIN = 4  # characters of a record's id that may stand for it


class Told(NamedTuple):
    """A drift, and where its newest record lies."""

    place: str
    """Partition and offset on the drifts topic: "0-17"."""
    drift: Drift


class Found(NamedTuple):
    drifts: list[Told]
    """Oldest first, each as its newest revision tells it."""
    others: int
    """Records on the topic that tell of no drift."""


def drifts(log: Log, spec: Spec) -> Found:
    """What the drifts topic holds. It is compacted: of older drifts of a signal the last one may be left."""
    topic, others = spec.topic("drifts"), 0
    newest: dict[tuple[str, int], Told] = {}
    for placed in everything(log, topic, spans(log, topic)):
        try:
            drift = read(placed.record.value or b"")
        except msgspec.MsgspecError:
            others += placed.record.value is not None
            continue
        newest[drift.fingerprint, drift.detected.offset] = Told(
            f"{placed.partition}-{placed.record.offset}", drift
        )
    return Found(list(newest.values()), others)


def one(found: Iterable[Told], what: str | None) -> Told | None:
    """The newest, or the newest that is called so: by signal, by id or its beginning, or by place."""
    told = list(found)
    fits = [each for each in told if what is None or _is_called(each, what)]
    if fits:
        return fits[-1]
    if told and what is not None:
        names = {each.drift.signal for each in told} | {each.drift.fingerprint for each in told}
        raise SpecError(
            f"no drift of {what} was found{nearest(what, names) or '; `driftline drift list` lists them'}"
        )
    return None


def _is_called(each: Told, what: str) -> bool:
    is_id = len(what) >= ID_MIN and each.drift.fingerprint.startswith(what)
    return is_id or what in (each.drift.signal, each.place)
