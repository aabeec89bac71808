"""`GET /v1/drift`: where each signal stands, and how it is spread beside what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Response

from connectors.log import Log
from engine.drift.distance import distances
from engine.drift.evidence import change
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.record import told_figures
from engine.drift.evidence.reference import made
from engine.drift.evidence.witness import Witness, named
from engine.drift.signals import Signal
from engine.drift.stage import Watch
from engine.drift.standing import Standing, standings
from engine.nearest import nearest
from engine.spec import Spec
from streams.serve.door import need
from streams.serve.problems import Problem
from streams.serve.site import Here, Site
from streams.serve.views import answers
from streams.serve.views.drifts import Drifts, Seen
from streams.serve.views.shards import Look, Shards
from streams.serve.views.told import answer, from_snapshots, kept, snapshots

ROWS_MAX = 10_000  # of an answer
DRIFTS_SHOWN = 10  # of one signal, the newest
STATES = ("drifting", "quiet", "warming")
TOGETHER = "together"
Row = dict[str, Any]

router = APIRouter(prefix="/v1", tags=["drift"], dependencies=[need("read")])


class Standings:
    """Where the signals of all shards stand; of the loading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.rows: dict[int, tuple[Watch, list[Row]]] = {}  # by partition, of this watch

    def names(self, looks: Iterable[Look]) -> dict[int, set[str]]:
        """By partition, what is watched there."""
        return {each.partition: set(each.watch.names()) for each in looks if each.watch is not None}

    def look(self, looks: Sequence[Look], found: Sequence[Seen]) -> list[Row]:
        """A row for each signal, shard and detector, with the drifts that were found since the snapshots."""
        newest = {(each.partition, each.signal, each.detector): each for each in found}
        since = Counter(
            (each.partition, each.signal, each.detector)
            for each in found
            if each.detected.offset >= _offset(looks, each.partition)
        )
        rows = []
        for each in looks:
            for row in self._rows(each):
                place = each.partition, row["signal"], row["detector"]
                rows.append(_as_of_now(row, newest.get(place), since[place]))
        return rows

    def _rows(self, look: Look) -> list[Row]:
        if look.watch is None:
            return []
        known = self.rows.get(look.partition)
        if known is None or known[0] is not look.watch:
            known = self.rows[look.partition] = look.watch, list(_standing(look.partition, look.watch))
        return known[1]


def _offset(looks: Sequence[Look], partition: int) -> int:
    return looks[partition].offset if partition < len(looks) else 0


def _standing(partition: int, watch: Watch) -> Iterable[Row]:
    """The rows of a shard as of its snapshot."""
    signals = {each.name: each for panel in watch.panels for each in panel.signals}
    far = {each.signal: each for each in distances(watch, set(watch.names()))}
    for one in standings(watch):
        distance = far.get(one.signal)
        yield {
            "signal": one.signal,
            **_parts(signals.get(one.signal)),
            "partition": partition,
            "detector": one.detector,
            "clock": one.clock,
            "state": str(one.state),
            "ready": isfinite(one.threshold),
            "statistic": _finite(one.statistic),
            "threshold": _finite(one.threshold),
            "distance": None if distance is None else _finite(distance.value),
            "measure": None if distance is None else distance.measure,
            "taken": one.taken,
            "wanted": one.told.wanted,
            "since": None,
            "last": _last(one),
            "drifts": 0 if one.counted is None else one.counted.drifts,
        }


def _parts(signal: Signal | None) -> Row:
    if signal is None:  # all signals of a panel
        return {"kind": TOGETHER, "feature": "", "segment": ""}
    return {"kind": str(signal.kind), "feature": signal.feature, "segment": signal.segment}


def _last(one: Standing) -> Row | None:
    return None if one.counted is None else {"offset": one.counted.offset, "time": one.counted.time}


def _as_of_now(row: Row, newest: Seen | None, more: int) -> Row:
    """A row with what is known of drifts since the snapshot."""
    if newest is None:
        return row
    start = newest.start
    changes: Row = {"since": {"offset": start.offset, "time": start.time, "bounded": start.bounded}}
    if more:
        at = {"offset": newest.detected.offset, "time": newest.detected.time}
        changes |= {"state": "drifting", "drifts": row["drifts"] + more, "last": at}
    return {**row, **changes}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def loudness(row: Row) -> tuple[int, float, str]:
    """What drifts first, then what is nearest to its threshold."""
    near = row["statistic"] / row["threshold"] if row["threshold"] and row["statistic"] is not None else 0.0
    return STATES.index(row["state"]), -near, row["signal"]


def as_of(looks: Sequence[Look]) -> Row:
    """How old the snapshots are that all this comes from."""
    made = [each.made_ms for each in looks]
    known = [ms for ms in made if ms is not None]
    return {"made_ms": min(known) if known else None, "behind_events": sum(each.behind for each in looks)}


# -- one signal ----------------------------------------------------------------------------------------


def spread_of(watch: Watch, name: str) -> Row:
    """How a signal is spread of late, beside what it was."""
    nothing: Row = {"reference": None, "current": None, "histogram": None, "categories": []}
    for witness in watch.witnesses:
        for row, signal in enumerate(witness.signals):
            if signal.name == name and signal.is_there:
                return nothing | _spread(witness, row, signal)
    return nothing


@np.errstate(all="ignore")
def _spread(witness: Witness, row: int, signal: Signal) -> Row:
    view = witness.recent.view()
    there = ~np.isnan(view.values[row])
    now = np.sort(view.values[row][there])
    offsets = view.offsets[there]
    reference = witness.references.at(row)
    of_late = made(view.values[row], signal.categories)
    found: Row = {
        "current": {
            "n": len(now),
            "first_offset": int(offsets[0]) if len(now) else None,
            "last_offset": int(offsets[-1]) if len(now) else None,
            "figures": told_figures(of_late.told()) if len(now) else {},
        }
    }
    if reference is None or not reference.n:
        return found
    window = witness.references.name(row)
    found["reference"] = {"window": window, "n": reference.n, "figures": told_figures(reference.told())}
    if isinstance(reference.values, Counts):
        names = witness.names.of(named(signal))
        found["categories"] = msgspec.to_builtins(change.categories(reference.values, now, names))
    elif (histogram := change.histogram(reference.values, now)) is not None:
        found["histogram"] = msgspec.to_builtins(histogram)
    return found


# -- the routes ----------------------------------------------------------------------------------------


async def _found(here: Site) -> list[Seen]:
    book = kept(here, Drifts)

    def look(log: Log) -> list[Seen]:
        book.look(log)
        return sorted(book.items, key=lambda each: each.detected.offset)

    return await here.reader.ask(look)


async def names(here: Site) -> dict[int, set[str]]:
    """By partition, what is watched there."""
    shards, book, shelf = kept(here, Shards), kept(here, Standings), snapshots(here)
    return await from_snapshots(here, lambda log: book.names(shards.look(log, shelf)))


async def _standings(here: Site) -> tuple[list[Look], list[Row]]:
    shards, book, shelf, found = (
        kept(here, Shards),
        kept(here, Standings),
        snapshots(here),
        await _found(here),
    )

    def look(log: Log) -> tuple[list[Look], list[Row]]:
        looks = shards.look(log, shelf)
        return looks, book.look(looks, found)

    return await from_snapshots(here, look)


@router.get("/drift", response_model=answers.Drift)
async def drift(
    here: Here,
    state: Annotated[str | None, Query(description="drifting, quiet or warming")] = None,
    search: Annotated[str, Query(max_length=200, description="Part of a signal's name.")] = "",
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
    sort: Annotated[str, Query(pattern="^(loudest|name)$")] = "loudest",
) -> Response:
    """Where each signal stands, as of the newest snapshots and the drifts that were found since."""
    if state is not None and state not in STATES:
        raise Problem(422, f"state {state!r} is unknown; there is {', '.join(STATES)}", field="state")
    looks, rows = await _standings(here)
    wanted = search.lower()
    fit = [
        row for row in rows if (state is None or row["state"] == state) and wanted in row["signal"].lower()
    ]
    fit.sort(key=loudness if sort == "loudest" else lambda row: (row["signal"], row["partition"]))
    counts = Counter(row["state"] for row in rows)
    found = {
        "as_of": as_of(looks),
        "watching": here.spec.drift is not None,
        "counts": {name: counts[name] for name in STATES},
        "total": len(fit),
        "signals": fit[offset : offset + limit],
    }
    return answer(found)


@router.get("/drift/{signal:path}", response_model=answers.SignalOfDrift)
async def signal(
    here: Here,
    signal: str,
    partition: Annotated[int | None, Query(ge=0, description="Default: where it is loudest.")] = None,
) -> Response:
    """One signal: how it is spread of late beside its reference, and its newest drifts."""
    looks, rows = await _standings(here)
    mine = [row for row in rows if row["signal"] == signal and partition in (None, row["partition"])]
    if not mine:
        near = nearest(signal, {row["signal"] for row in rows}) or "; GET /v1/drift lists them"
        raise Problem(404, f"no signal is named {signal[:200]!r}{near}")
    mine.sort(key=loudness)
    first, drifts = mine[0], kept(here, Drifts)
    watch = looks[first["partition"]].watch
    assert watch is not None
    spread = await here.loader.ask(lambda log: spread_of(watch, signal))

    def told(log: Log) -> list[msgspec.Raw]:
        drifts.look(log)
        whole = (drifts.whole(log, each.key.encode()) for each in drifts.of(signal, DRIFTS_SHOWN))
        return [each for each in whole if each is not None]

    found = await here.reader.ask(told)
    return answer({**first, "detectors": mine, **spread, "as_of": as_of(looks), "drifts": found})
