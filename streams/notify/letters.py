"""A message that its receiver did not take, as a dead letter; sent again it comes back as a delivery."""

from __future__ import annotations

from connectors.log import Rows
from connectors.notifier import NotifyError
from engine.reasons import Reason
from streams.deadletters import ERRORS, REASON
from streams.notify.told import AGAIN, Entry, encode


def letter(entry: Entry, exc: NotifyError, attempts: int, deliveries: str) -> Rows:
    """The record: what was to be told, to whom, and why it was not.

    Its offset is 0: where among the deliveries the message lies says nothing once it was written anew.
    """
    assert entry.parcel is not None
    told = f"receiver {entry.receiver}, after {attempts} attempt{'s' * (attempts != 1)}: {exc}"
    headers = [
        (ERRORS + "exception", type(exc).__name__.encode()),
        (ERRORS + "message", told.encode()),
        (ERRORS + "topic", deliveries.encode()),
        (ERRORS + "partition", b"0"),
        (ERRORS + "offset", b"0"),
        (REASON, str(Reason.DELIVERY_FAILED).encode()),
    ]
    return Rows([(AGAIN + entry.parcel.id).encode()], [encode(entry)], [headers])
