"""Orders to a running pipeline: JSON on the control topic, a record each, taken in order with all others.

    {"do": "rebaseline", "signals": ["amount"], "by": "ada", "why": "new prices since May"}

An order is a record like any other: a replay meets it at the same place, and so comes to the same state.
A kind of order is a struct here; what it does has its place in the walk.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.batch import Batch
from engine.joined import Lost
from engine.nearest import nearest
from engine.reasons import Reason, Rejection, Unfit, reject
from engine.specparts import Limits

WHO_MAX, WHY_MAX = 200, 500  # characters
UNKNOWN_KEY = re.compile(r"^Object contains unknown field `(.*)`$")


class Order(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True, kw_only=True):
    """What all orders say of themselves."""

    by: Annotated[str, Meta(max_length=WHO_MAX)] = ""
    """Who wants it."""
    why: Annotated[str, Meta(max_length=WHY_MAX)] = ""


class Rebaseline(Order, frozen=True, tag="rebaseline"):
    """What came before is no longer what these signals are compared with: what comes next is."""

    signals: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    """Their names; None: all."""


class Kind(msgspec.Struct):
    """As much of an order as says which it is."""

    do: str


KINDS = {"rebaseline": msgspec.json.Decoder(Rebaseline)}
_kind = msgspec.json.Decoder(Kind)


class Command(msgspec.Struct, frozen=True):
    """An order and where it stands."""

    index: int  # in its batch
    offset: int
    time: int  # the record's timestamp
    order: Rebaseline


def decode(batch: Batch, signals: Collection[str], limits: Limits) -> tuple[list[Command], list[Lost]]:
    """The orders of a batch, and what became of the other records.

    Parameters
    ----------
    batch
        Records of the control topic.
    signals
        The names of all that is watched; none where the spec does not ask for drift.
    limits
        The spec's.

    Examples
    --------
    >>> from connectors.log import Batch
    >>> batch = Batch("p.control", 0, 7, 8, [7], [0], [None], [b'{"do": "rebaseline", "signals": ["age"]}'])
    >>> [command.order.signals for command in decode(batch, ["age"], Limits())[0]]
    [('age',)]
    >>> [lost.rejection.message for lost in decode(batch, ["wage"], Limits())[1]]
    ['no signal is named "age"; did you mean "wage"?']
    """
    commands, lost = list[Command](), list[Lost]()
    for i, value in enumerate(batch.values):
        try:
            order = _read(value, limits)
            _check_signals(order, signals)
        except (ValueError, msgspec.MsgspecError, Unfit) as exc:
            lost.append(Lost(i, batch, _rejection(i, value, exc)))
        else:
            commands.append(Command(i, batch.offsets[i], batch.timestamps[i], order))
    return commands, lost


def encode(order: Order) -> bytes:
    """The inverse of `decode`, for one order.

    >>> encode(Rebaseline(by="ada"))
    b'{"do":"rebaseline","signals":null,"by":"ada","why":""}'
    """
    return msgspec.json.encode(order)


def _read(value: bytes | None, limits: Limits) -> Rebaseline:
    if value is None:
        raise Unfit(Reason.MALFORMED, "the record has no value")
    if len(value) > limits.record_bytes_max:
        limit = limits.record_bytes_max
        raise Unfit(Reason.TOO_LARGE, f"{len(value)} bytes, limits.record_bytes_max is {limit}")
    kind = _kind.decode(value).do
    if kind not in KINDS:
        near = nearest(kind, KINDS) or "; there is " + ", ".join(KINDS)
        raise Unfit(Reason.UNKNOWN_CONTROL, f'no order is named "{kind[:WHO_MAX]}"{near}')
    return KINDS[kind].decode(value)


def _check_signals(order: Rebaseline, known: Collection[str]) -> None:
    if not known:
        raise Unfit(Reason.UNKNOWN_CONTROL, "nothing is watched for drift: the spec has no section `drift`")
    for name in order.signals or ():
        if name not in known:
            raise Unfit(Reason.UNKNOWN_CONTROL, f'no signal is named "{name}"{nearest(name, known)}')


def _rejection(index: int, value: bytes | None, exc: Exception) -> Rejection:
    """What msgspec says of a key that it does not know, in our words; all else as of any record."""
    if found := UNKNOWN_KEY.match(str(exc)):
        told = f'an order has no key "{found[1]}"{nearest(found[1], ["do", *Rebaseline.__struct_fields__])}'
        return Rejection(index, Reason.UNKNOWN_CONTROL, type(exc).__name__, told)
    return reject(index, value, exc)
