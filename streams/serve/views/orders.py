"""Orders by API: acknowledge, resolve, silence, rebaseline. Each is a record on the control topic."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.log import Log
from engine.alerts.pattern import compiled
from engine.control import (
    MATCHERS_MAX,
    WHO_MAX,
    WHY_MAX,
    Acknowledge,
    Matcher,
    Order,
    Rebaseline,
    Resolve,
    Silence,
)
from engine.control import Unsilence as EndOfSilence
from engine.duration import Duration
from engine.nearest import nearest
from engine.spec import Spec
from streams.alerts.orders import Known, new_id, partitions_of, send
from streams.records import Placed
from streams.serve.door import Admin, need
from streams.serve.problems import Problem
from streams.serve.site import Here, Site
from streams.serve.tokens import Token
from streams.serve.views import alertanswers as answers
from streams.serve.views import drift
from streams.serve.views.alerts import Alerts, Fingerprint, Item
from streams.serve.views.given import Given, given
from streams.serve.views.given import silences as silences_of
from streams.serve.views.tails import Tail
from streams.serve.views.told import answer, as_json, kept, now_ms

KNOWN_MAX = 5_000  # records of the control topic, the newest of all partitions together
EACH_MIN = 100  # of a partition, however many there are

router = APIRouter(prefix="/v1", tags=["orders"], dependencies=[Depends(as_json)])


class Orders:
    """What the control topic holds, the newest of it; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        each = max(EACH_MIN, KNOWN_MAX // spec.partitions)
        self.tail = Tail(spec.topic("control"), each, each)
        self.records: deque[Placed] = deque(maxlen=each * spec.partitions)

    def look(self, log: Log) -> list[Given]:
        """The newest orders, oldest first."""
        self.records.extend(self.tail.new(log))
        return given(self.records)


class Asked(BaseModel):
    """Who wants it, and why."""

    model_config = ConfigDict(extra="forbid")
    by: Annotated[str, Field(max_length=WHO_MAX // 2)] = ""
    """Who; where tokens are asked for, the token's name is told besides."""
    why: Annotated[str, Field(max_length=WHY_MAX)] = ""


class AskedMatcher(BaseModel):
    """What a label has to be, as in Alertmanager."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=WHO_MAX)]
    value: Annotated[str, Field(max_length=WHY_MAX)]
    regex: bool = False
    equal: bool = True

    @model_validator(mode="after")
    def can_be_read(self) -> AskedMatcher:
        if self.regex:
            compiled(self.value)
        return self


class AskedSilence(BaseModel):
    """Nobody is told of alerts that all matchers match."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    matchers: Annotated[list[AskedMatcher], Field(min_length=1, max_length=MATCHERS_MAX)]
    until: datetime | None = None
    """When it ends; a time without a zone is UTC. Or `for`."""
    for_: Annotated[Duration | None, Field(alias="for")] = None
    """How long it lasts from now on: `2h`."""
    by: Annotated[str, Field(max_length=WHO_MAX // 2)] = ""
    why: Annotated[str, Field(min_length=1, max_length=WHY_MAX)]

    @model_validator(mode="after")
    def it_ends(self) -> AskedSilence:
        if (self.until is None) == (self.for_ is None):
            raise ValueError("say until when, or for how long: one of `until` and `for`")
        return self

    def until_ms(self, now: int) -> int:
        """When it ends; a Problem if that is over already."""
        if self.for_ is not None:
            return now + self.for_
        assert self.until is not None
        until = self.until if self.until.tzinfo is not None else self.until.replace(tzinfo=UTC)
        ends = int(until.timestamp() * 1000)
        if ends <= now:
            raise Problem(422, f"until: {until.isoformat()} is over already", field="until")
        return ends


class AskedRebaseline(BaseModel):
    """What comes from now on is normal."""

    model_config = ConfigDict(extra="forbid")
    signals: Annotated[list[str], Field(min_length=1, max_length=10_000)] | None = None
    """Their names; null: all."""
    by: Annotated[str, Field(max_length=WHO_MAX // 2)] = ""
    why: Annotated[str, Field(min_length=1, max_length=WHY_MAX)]


def who(caller: Token, by: str) -> str:
    """Who gives an order: nobody can hide the token that was used.

    >>> from streams.serve.tokens import ANYBODY
    >>> who(ANYBODY, "ada"), who(Token("ops", (), "", 0), "ada")
    ('ada', 'ada (ops)')
    """
    if not caller.name:
        return by
    return f"{by} ({caller.name})"[:WHO_MAX] if by else caller.name[:WHO_MAX]


async def _send(here: Site, order: Order, partitions: list[int] | None) -> Response:
    sent = await here.writer.ask(lambda log: send(log, here.spec, order, partitions))
    return answer({"sent": [{"partition": partition} for partition in sent]}, 202)


async def _open(here: Site, fingerprint: str) -> Item:
    """The alert, which is not over."""
    book = kept(here, Alerts)

    def look(log: Log) -> Item:
        book.look(log)
        found = book.newest(fingerprint)
        if found.status == "resolved":
            raise Problem(409, f"the alert {fingerprint} is over since {found.ends_at}")
        return found

    return await here.reader.ask(look)


async def _tell(
    here: Site, caller: Token, fingerprint: str, asked: Asked, kind: type[Acknowledge | Resolve]
) -> Response:
    """Send an order of a kind to the shard of an alert that is open."""
    found = await _open(here, fingerprint)
    by = who(caller, asked.by)
    order = kind(alert=fingerprint, by=by, why=asked.why, source=found.source)
    return await _send(here, order, partitions_of(found))


@router.post("/alerts/{fingerprint}/acknowledge", status_code=202, response_model=answers.Sent)
async def acknowledge(
    here: Here, caller: Admin, fingerprint: Fingerprint, asked: Asked | None = None
) -> Response:
    """Say that somebody looks after an alert."""
    return await _tell(here, caller, fingerprint, asked or Asked(), Acknowledge)


@router.post("/alerts/{fingerprint}/resolve", status_code=202, response_model=answers.Sent)
async def resolve(
    here: Here, caller: Admin, fingerprint: Fingerprint, asked: Asked | None = None
) -> Response:
    """Say that an alert is over."""
    return await _tell(here, caller, fingerprint, asked or Asked(), Resolve)


@router.get("/silences", response_model=answers.Silences, dependencies=[need("read")])
async def silences(here: Here) -> Response:
    """The silences of late, the newest first; `active` are those that hold."""
    return answer({"silences": [_told(each) for each in await _silences(here)]})


@router.post("/silences", status_code=202, response_model=answers.SilenceSent)
async def silence(here: Here, caller: Admin, asked: AskedSilence) -> Response:
    """Let nobody be told of alerts that these match, for a while."""
    matchers = [Matcher(each.name, each.value, each.regex, each.equal) for each in asked.matchers]
    until = asked.until_ms(now_ms())
    order = Silence(
        id=new_id(), matchers=tuple(matchers), until_ms=until, by=who(caller, asked.by), why=asked.why
    )
    sent = await here.writer.ask(lambda log: send(log, here.spec, order))
    return answer({"id": order.id, "until_ms": until, "sent": [{"partition": each} for each in sent]}, 202)


@router.delete("/silences/{id}", status_code=202, response_model=answers.Sent)
async def unsilence(here: Here, caller: Admin, id: str) -> Response:  # noqa: A002 - its name in the address
    """End a silence."""
    found = {each.silence.id: each for each in await _silences(here)}
    if id not in found:
        raise Problem(
            404, f"no silence {id[:WHO_MAX]} is known{nearest(id, found)}; GET /v1/silences lists them"
        )
    if not found[id].active(now_ms()):
        raise Problem(409, f"the silence {id} is over")
    return await _send(here, EndOfSilence(id=id, by=who(caller, "")), None)


@router.post("/rebaseline", status_code=202, response_model=answers.Sent)
async def rebaseline(here: Here, caller: Admin, asked: AskedRebaseline) -> Response:
    """Let what comes from now on be what signals are compared with."""
    shards = await drift.names(here)
    known = {name for names in shards.values() for name in names}
    for name in asked.signals or ():
        if name not in known:
            near = nearest(name, known) or "; GET /v1/drift lists them"
            raise Problem(404, f"no signal is named {name[:WHO_MAX]!r}{near}", field="signals")

    def told(log: Log) -> list[int]:
        sent: list[int] = []
        for partition, names in shards.items():
            here_ = None if asked.signals is None else tuple(name for name in asked.signals if name in names)
            if here_ != ():
                order = Rebaseline(signals=here_, by=who(caller, asked.by), why=asked.why)
                sent += send(log, here.spec, order, [partition])
        return sent

    sent = await here.writer.ask(told)
    return answer({"sent": [{"partition": partition} for partition in sent]}, 202)


async def _silences(here: Site) -> list[Known]:
    book = kept(here, Orders)
    return await here.reader.ask(lambda log: silences_of(book.look(log)))


def _told(each: Known) -> dict[str, Any]:
    order = each.silence
    return {
        "id": order.id,
        "matchers": msgspec.to_builtins(order.matchers),
        "until_ms": order.until_ms,
        "by": order.by,
        "why": order.why,
        "at_ms": each.at_ms,
        "active": each.active(now_ms()),
    }
