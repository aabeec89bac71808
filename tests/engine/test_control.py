"""Orders on the control topic: what is taken, and what becomes of the rest."""

from __future__ import annotations

import pytest

from connectors.log import Batch
from engine.control import Command, Matcher, Order, Rebaseline, Silence, encode, obeyed
from engine.joined import Lost
from engine.reasons import Reason, Unfit
from engine.specparts import Limits

SIGNALS = ("amount", "amount.missing", "score")


def decoded(*values: bytes | None) -> tuple[list[Command], list[Lost]]:
    n = len(values)
    batch = Batch("p.control", 0, 10, 10 + n, range(10, 10 + n), [5] * n, [None] * n, values)
    commands: list[Command] = []

    def obey(command: Command) -> None:
        if isinstance(command.order, Rebaseline) and not set(command.order.signals or ()) <= set(SIGNALS):
            raise Unfit(Reason.UNKNOWN_CONTROL, "no such signal")
        commands.append(command)

    lost = obeyed(batch, Limits(), obey)
    return commands, lost


def test_what_is_taken() -> None:
    """An order comes out as it was, with its place; without signals it is about all."""
    order = Rebaseline(signals=("amount", "score"), by="ada", why="new prices")
    commands, lost = decoded(encode(order), b'{"do": "rebaseline"}')
    assert commands == [Command(0, 10, 5, order), Command(1, 11, 5, Rebaseline())]
    assert lost == []


WRONG = {
    b"{": (Reason.MALFORMED, "truncated"),
    b"\xff": (Reason.MALFORMED, "malformed"),
    None: (Reason.MALFORMED, "no value"),
    b"[" * 100_000: (Reason.WRONG_TYPE, "object"),
    b'{"why": "x"}': (Reason.MISSING_FIELD, "do"),
    b'{"do": 3}': (Reason.WRONG_TYPE, "$.do"),
    b'{"do": NaN}': (Reason.NOT_FINITE, "malformed"),
    b'{"do": "promote"}': (Reason.UNKNOWN_CONTROL, '"promote"; there is rebaseline'),
    b'{"do": "rebase"}': (Reason.UNKNOWN_CONTROL, 'did you mean "rebaseline"'),
    b'{"do": "rebaseline", "signals": 3}': (Reason.WRONG_TYPE, "$.signals"),
    b'{"do": "rebaseline", "signals": []}': (Reason.MISSING_FIELD, ">= 1"),
    b'{"do": "rebaseline", "signal": ["amount"]}': (Reason.UNKNOWN_CONTROL, 'did you mean "signals"'),
    b'{"do": "rebaseline", "signals": ["amuont"]}': (Reason.UNKNOWN_CONTROL, "no such signal"),
    b'{"do": "acknowledge"}': (Reason.MISSING_FIELD, "alert"),
    b'{"do": "acknowledge", "alrt": "x"}': (Reason.UNKNOWN_CONTROL, 'did you mean "alert"'),
    b'{"do": "silence", "id": "s", "matchers": [], "until_ms": 5}': (Reason.MISSING_FIELD, ">= 1"),
    b'{"do": "rebaseline", "why": "' + b"x" * 501 + b'"}': (Reason.OUT_OF_RANGE, "<= 500"),
    b'{"do": "rebaseline", "why": "' + b"x" * 1_000_000 + b'"}': (Reason.TOO_LARGE, "record_bytes_max"),
}


@pytest.mark.parametrize("value", WRONG, ids=lambda value: str(value)[:45])
def test_what_is_refused(value: bytes | None) -> None:
    """With its reason and a sentence; what stands beside it is taken."""
    commands, lost = decoded(b'{"do": "rebaseline"}', value)
    reason, said = WRONG[value]
    assert [command.index for command in commands] == [0]
    assert [(each.index, each.rejection.reason) for each in lost] == [(1, reason)]
    assert said in lost[0].rejection.message


ORDERS: list[Order] = [
    Rebaseline(signals=("amount",), by="ada"),
    Silence(id="s1", matchers=(Matcher("feature", "am.*", regex=True),), until_ms=9, why="we know"),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_an_order_comes_back(order: Order) -> None:
    """What is written is what is read."""
    assert [command.order for command in decoded(encode(order))[0]] == [order]
