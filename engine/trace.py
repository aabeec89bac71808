"""The trace that an event belongs to: W3C Trace Context, in the headers `traceparent` and `tracestate`.

It is passed on as it came, to the event's prediction and to the alert that fires at it, so that whoever
follows a request through other systems finds what became of it here. What is no trace context is dropped.
"""

from __future__ import annotations

import re

from engine.batch import Headers

NAME, STATE = "traceparent", "tracestate"
STATE_BYTES_MAX = 512  # what the standard asks to be passed on at least

# Version, trace, parent, flags; all zeros are no id, and what a later version adds follows a dash.
_FORM = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.{0,200})?")


def is_valid(traceparent: bytes) -> bool:
    """Whether this is a `traceparent`.

    >>> is_valid(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), is_valid(b"00-1")
    (True, False)
    """
    found = _FORM.fullmatch(traceparent)
    return found is not None and not (traceparent.startswith(b"00") and found[1])


def passed(headers: Headers) -> Headers:
    """What is passed on from an event to its prediction.

    >>> parent = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    >>> [name for name, _ in passed([parent, ("tracestate", b"a=1"), ("other", b"x")])]
    ['traceparent', 'tracestate']
    >>> passed([("traceparent", b"00-1"), ("tracestate", b"a=1")])
    []
    """
    parent = parent_of(headers)
    if parent is None:
        return []
    states = [(name, text) for name, text in headers if name == STATE]
    kept = states if sum(len(text) for _, text in states) <= STATE_BYTES_MAX else []
    return [(NAME, parent), *kept]


def parent_of(headers: Headers) -> bytes | None:
    """The one valid `traceparent` among a record's headers."""
    found = [text for name, text in headers if name == NAME]
    return found[0] if len(found) == 1 and is_valid(found[0]) else None
