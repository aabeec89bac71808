"""Orders to a running pipeline: JSON on the control topic, a record each, taken in order with all others.

    {"do": "rebaseline", "signals": ["amount"], "by": "ada", "why": "new prices since May"}

An order is a record like any other: a replay meets it at the same place, and so comes to the same state.
A kind of order is a struct here; what it does has its place in the walk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.batch import Batch
from engine.joined import Lost
from engine.nearest import nearest
from engine.reasons import Reason, Rejection, Unfit, reject
from engine.specparts import Limits

WHO_MAX, WHY_MAX = 200, 500  # characters
MATCHERS_MAX = 20
LEFT_MAX = 100  # alerts of one order
UNKNOWN_KEY = re.compile(r"^Object contains unknown field `(.*)`$")

Id = Annotated[str, Meta(min_length=1, max_length=WHO_MAX)]


class Order(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True, kw_only=True):
    """What all orders say of themselves."""

    by: Annotated[str, Meta(max_length=WHO_MAX)] = ""
    """Who wants it."""
    why: Annotated[str, Meta(max_length=WHY_MAX)] = ""


class Rebaseline(Order, frozen=True, tag="rebaseline"):
    """What came before is no longer what these signals are compared with: what comes next is."""

    signals: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    """Their names; None: all."""


class Acknowledge(Order, frozen=True, tag="acknowledge"):
    """Somebody looks after an alert."""

    alert: Id
    """Its fingerprint."""
    source: Literal["engine", "worker"] = "engine"
    """Who told of it; those of the worker are none of the walk's business."""


class Resolve(Order, frozen=True, tag="resolve"):
    """An alert is over, because a person says so."""

    alert: Id
    """Its fingerprint."""
    source: Literal["engine", "worker"] = "engine"


class Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a label has to be; as in Alertmanager a regular expression has to match the whole of it."""

    name: Id
    value: Annotated[str, Meta(max_length=WHY_MAX)]
    regex: bool = False
    equal: bool = True
    """False: what it must not be."""


class Silence(Order, frozen=True, tag="silence"):
    """Nobody is told of alerts that these match, until then."""

    id: Id
    matchers: Annotated[tuple[Matcher, ...], Meta(min_length=1, max_length=MATCHERS_MAX)]
    until_ms: int


class Unsilence(Order, frozen=True, tag="unsilence"):
    """A silence ends."""

    id: Id


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert that lies open on its topic."""

    labels: dict[str, str]
    starts_at: Annotated[str, Meta(max_length=40)] = msgspec.field(name="startsAt")


class Forget(Order, frozen=True, tag="forget"):
    """Alerts of which the state knows nothing are over: it began anew, or had other conditions.

    A worker gives this order when it opens a shard and finds some.
    """

    alerts: Annotated[tuple[Left, ...], Meta(min_length=1, max_length=LEFT_MAX)]


KINDS: dict[str, type[Order]] = {
    "rebaseline": Rebaseline,
    "acknowledge": Acknowledge,
    "resolve": Resolve,
    "silence": Silence,
    "unsilence": Unsilence,
    "forget": Forget,
}


class Kind(msgspec.Struct):
    """As much of an order as says which it is."""

    do: str


_kind = msgspec.json.Decoder(Kind)
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()
}


class Command(msgspec.Struct, frozen=True):
    """An order and where it stands."""

    index: int  # in its batch
    offset: int
    time: int  # the record's timestamp
    order: Order


def obeyed(batch: Batch, limits: Limits, obey: Callable[[Command], None]) -> list[Lost]:
    """Take the orders of a batch one by one; return what became of the records that are none.

    Parameters
    ----------
    batch
        Records of the control topic.
    limits
        The spec's.
    obey
        Does what an order says, or raises Unfit before it has changed anything.

    Examples
    --------
    >>> from connectors.log import Batch
    >>> batch = Batch("p.control", 0, 7, 8, [7], [0], [None], [b'{"do": "rebaseline", "signals": ["age"]}'])
    >>> obeyed(batch, Limits(), lambda command: print(command.order.signals))
    ('age',)
    []
    """
    lost = list[Lost]()
    for i, value in enumerate(batch.values):
        try:
            obey(Command(i, batch.offsets[i], batch.timestamps[i], _read(value, limits)))
        except (ValueError, msgspec.MsgspecError, Unfit) as exc:
            lost.append(Lost(i, batch, _rejection(i, value, exc)))
    return lost


def encode(order: Order) -> bytes:
    """An order as it lies on the topic.

    >>> encode(Rebaseline(by="ada"))
    b'{"do":"rebaseline","signals":null,"by":"ada","why":""}'
    """
    return msgspec.json.encode(order)


def _read(value: bytes | None, limits: Limits) -> Order:
    if value is None:
        raise Unfit(Reason.MALFORMED, "the record has no value")
    if len(value) > limits.record_bytes_max:
        limit = limits.record_bytes_max
        raise Unfit(Reason.TOO_LARGE, f"{len(value)} bytes, limits.record_bytes_max is {limit}")
    kind = _kind.decode(value).do
    if kind not in KINDS:
        near = nearest(kind, KINDS) or "; there is " + ", ".join(KINDS)
        raise Unfit(Reason.UNKNOWN_CONTROL, f'no order is named "{kind[:WHO_MAX]}"{near}')
    order: Order = _decoders[kind].decode(value)
    return order


def _rejection(index: int, value: bytes | None, exc: Exception) -> Rejection:
    """What msgspec says of a key that it does not know, in our words; all else as of any record."""
    if found := UNKNOWN_KEY.match(str(exc)):
        known = KINDS[_kind.decode(value or b"").do].__struct_fields__
        told = f'an order has no key "{found[1]}"{nearest(found[1], ["do", *known])}'
        return Rejection(index, Reason.UNKNOWN_CONTROL, type(exc).__name__, told)
    return reject(index, value, exc)
