"""The nearest known name, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """A question to append to a message, or nothing.

    >>> nearest("tpye", ["type", "path"])
    '; did you mean "type"?'
    >>> nearest("zzz", ["type", "path"])
    ''
    """
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""
