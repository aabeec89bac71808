"""A POST, and what its answer means for whoever sent it.

Redirects are not followed: what is said to one address is not said to another. Of an address only scheme,
host and port are ever told, since the rest may be a secret.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from connectors.notifier import Later, Rejected

ANSWER_BYTES_MAX = 2_000
TOLD_MAX = 200  # characters of an answer
AGAIN = (408, 425, 429)  # besides all from 500 on
RETRY_AFTER_MAX_S = 600.0


def told(url: str) -> str:
    """An address without what may be secret.

    >>> told("https://ada:secret@hooks.example.org:8443/T0/B0/XYZ?key=1")
    'https://hooks.example.org:8443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Posts:
    """The connections of one receiver; they are opened when needed."""

    def __init__(self, timeout_s: float, headers: Mapping[str, str]) -> None:
        self.timeout = aiohttp.ClientTimeout(total=timeout_s)
        self.headers = dict(headers)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Send JSON and return the answer's status; Later or Rejected if it was not taken."""
        return (await self.ask("POST", url, body, headers))[0]

    async def ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[str, bytes]:
        """The same, with the beginning of what was answered."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self.timeout)
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json", **self.headers, **headers},
                allow_redirects=False,
            ) as answer:
                content = await answer.content.read(ANSWER_BYTES_MAX)
        except TimeoutError as exc:
            raise Later(f"{told(url)} did not answer in {self.timeout.total:g} s") from exc
        except aiohttp.InvalidURL as exc:
            raise Rejected(f"{told(url)} is no address") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise Later(f"{told(url)} can't be reached: {_why(exc)}") from exc
        return _judged(url, answer, content), content

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _judged(url: str, answer: aiohttp.ClientResponse, content: bytes) -> str:
    if 200 <= answer.status < 300:
        return str(answer.status)
    text = _text(content)
    said = f"{told(url)} answered {answer.status}{': ' if text else ''}{text}"
    if answer.status >= 500 or answer.status in AGAIN:
        raise Later(said, _retry_after(answer.headers.get("Retry-After", "")))
    raise Rejected(said if answer.status >= 400 else f"{said}; redirects are not followed")


def _text(content: bytes) -> str:
    """What was answered, on one line."""
    found = content.decode(errors="replace")
    return "".join(each if each.isprintable() else " " for each in found)[:TOLD_MAX].strip()


def _why(exc: Exception) -> str:
    """What went wrong, without the address that some of the errors' texts hold."""
    inner = getattr(exc, "os_error", exc)
    return getattr(inner, "strerror", None) or type(exc).__name__


def _retry_after(text: str) -> float | None:
    """Seconds, from a number of them or from a date.

    >>> _retry_after("7"), _retry_after("soon"), _retry_after("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, None, 0.0)
    """
    if text.strip().isdecimal():
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, at - time.time()), RETRY_AFTER_MAX_S)
