"""No secret is ever shown: what a spec keeps secret is taken out of every line of a log and of every error.

Nobody here writes a secret into a message on purpose. But a library may quote an address with a password in
it, and a traceback quotes whatever was at hand; so all text passes `hide` on its way to stderr.
"""

from __future__ import annotations

import base64
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from engine.spec import Spec

SHOWN = "***"
LENGTH_MIN = 4  # shorter ones would be found everywhere
FILES = ("serve.tokens",)  # keys that sound secret, and name a file
HOST = re.compile(r"https?://[^/\s:@?#]+(:\d+)?/?")
FORMS = (
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{SHOWN}@"),  # the password of an address
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {SHOWN}"),  # of a header
)


class Known:
    """The secrets that this process has read, and a pattern of all of them."""

    secrets: set[str]
    pattern: re.Pattern[str] | None

    def __init__(self) -> None:
        self.secrets, self.pattern = set(), None

    def add(self, secrets: Iterator[str]) -> None:
        self.secrets |= {each for each in secrets if len(each) >= LENGTH_MIN}
        longest = sorted(self.secrets, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest))) if longest else None


_known = Known()


def learn(spec: Spec) -> None:
    """Remember what is secret in a spec, for as long as the process lasts."""
    _known.add(form for secret in secrets_of(spec) for form in forms(secret))


def hide(text: str) -> str:
    """The text without secrets.

    >>> hide("can't reach redis://:s3cret@cache:6379/0")
    "can't reach redis://:***@cache:6379/0"
    """
    if _known.pattern is not None:
        text = _known.pattern.sub(SHOWN, text)
    for form, shown in FORMS:
        text = form.sub(shown, text)
    return text


def secrets_of(spec: Spec) -> Iterator[str]:
    """Everything in a spec that must not be shown."""
    from streams.specs.speckeys import is_secret

    for key, value in _texts("", spec.model_dump(mode="json", by_alias=True)):
        secret = is_secret(key) and key not in FILES
        if secret and not is_host(value):
            yield value
        if "://" in value:
            yield from _parts(value, secret)


def forms(secret: str) -> set[str]:
    """How a secret may be written."""
    return {secret, quote(secret, safe=""), quote(secret), unquote(secret), repr(secret)[1:-1]}


def is_host(text: str) -> bool:
    """Whether a text is an address that says where and nothing else, which people have to be told.

    >>> [is_host(text) for text in ("http://am:9093/", "https://hooks/T0", "http://me:pw@am", "s3cret")]
    [True, False, False, False]
    """
    return HOST.fullmatch(text) is not None


def _texts(above: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts, each under its dotted key."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(f"{above}.{name}" if above else str(name), each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(above, each)
    elif isinstance(value, str) and value:
        yield above, value


def _parts(address: str, secret: bool) -> Iterator[str]:
    """The password of an address; of one that is secret as a whole also its path and its query."""
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.password:
            yield parts.password
            yield base64.b64encode(unquote(f"{parts.username}:{parts.password}").encode()).decode()
        if secret:
            yield from (each for each in (parts.path, parts.query) if len(each) > LENGTH_MIN)


def print_hidden(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """What Python says of an error that nobody caught, without secrets: a `sys.excepthook`."""
    sys.stderr.write(hide("".join(traceback.format_exception(kind, error, at))))
