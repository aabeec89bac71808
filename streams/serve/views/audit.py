"""`GET /v1/audit`: who ordered what, what became of it and of alerts, and when the spec changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from connectors.log import Log
from streams.serve.door import need
from streams.serve.site import Here
from streams.serve.views import alertanswers as answers
from streams.serve.views.alerts import Alerts, Item
from streams.serve.views.changes import Change, Changes
from streams.serve.views.given import Given
from streams.serve.views.letters import Letters
from streams.serve.views.orders import Orders
from streams.serve.views.status import Status
from streams.serve.views.told import answer, kept

LIMIT_MAX = 5_000
Entry = dict[str, Any]

router = APIRouter(prefix="/v1", tags=["audit"], dependencies=[need("read")])


def ordered(given: Given, taken: dict[int, int], refused: dict[tuple[int, int], str]) -> Entry:
    """An order, and what became of it."""
    wrong = [refused[place] for place in given.places if place in refused]
    waiting = [partition for partition, offset in given.places if taken.get(partition, 0) <= offset]
    state = "refused" if len(wrong) == len(given.places) else "waiting" if waiting else "taken"
    order = given.order
    detail: Entry = {"state": state, "partitions": given.partitions}
    if wrong:
        detail["message"] = wrong[0]
    if order is None:
        return _entry(given.time, "order", "", "", detail | {"message": "this is no order"}, _place(given))
    told = msgspec.to_builtins(order)
    detail |= {name: value for name, value in told.items() if name not in ("do", "by", "why")}
    return _entry(given.time, told["do"], order.by, order.why, detail, _place(given))


def _place(given: Given) -> str:
    return "control/" + "-".join(map(str, given.places[0]))


def alerted(item: Item) -> Entry:
    """A transition of an alert."""
    detail = {
        "alert": item.fingerprint,
        "alertname": item.labels.get("alertname", ""),
        "severity": item.severity,
        "summary": item.annotations.get("summary", ""),
        "revision": item.revision,
        "muted": item.muted,
    }
    place = f"alerts/{item.partition}-{item.offset}"
    return _entry(item.recorded_ms, f"alert {item.transition}", item.by, item.why, detail, place)


def changed(change: Change) -> Entry:
    """Another spec, or other conditions of alerts."""
    what = "spec" if change.what == "spec" else "conditions"
    detail = {"fingerprint": change.fingerprint, "fresh": change.fresh, "partition": change.partition}
    return _entry(change.time, f"{what} changed", "", "", detail, f"journal/{change.place}")


def _entry(at_ms: int, what: str, who: str, why: str, detail: Entry, place: str) -> Entry:
    return {"at_ms": at_ms, "what": what, "who": who, "why": why, "detail": detail, "place": place}


@router.get("/audit", response_model=answers.Audit)
async def audit(
    here: Here, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="The newest so many.")] = 200
) -> Response:
    """What was done, the newest first."""
    orders, alerts, changes = kept(here, Orders), kept(here, Alerts), kept(here, Changes)
    status, letters = kept(here, Status), kept(here, Letters)
    control = here.spec.topic("control")

    def entries(log: Log) -> Iterator[Entry]:
        given = orders.look(log)
        status.journals.look(log)
        letters.look(log)
        alerts.look(log)
        taken = status.journals.taken(control)
        yield from (ordered(each, taken, letters.orders) for each in given[-limit:])
        told = {(each.partition, each.offset): each for each in (*alerts.items, *alerts.lately)}
        yield from map(alerted, sorted(told.values(), key=lambda each: each.recorded_ms)[-limit:])
        yield from map(changed, changes.look(log)[-limit:])

    found = await here.reader.ask(lambda log: sorted(entries(log), key=lambda each: -each["at_ms"])[:limit])
    return answer({"entries": found})
