"""A webhook: a POST that is signed as the Standard Webhooks specification has it.

`webhook-id` is the same at each attempt, so that a repeat is recognised. `webhook-signature` is
`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from connectors.http_post import Posts
from connectors.notifier import Parcel

PREFIX = "whsec_"


class Webhook:
    """See `notifier.Notifier`."""

    def __init__(self, url: str, secret: str | None, headers: Mapping[str, str], timeout_s: float) -> None:
        self.url = url
        self.key = key_of(secret) if secret else None
        self.posts = Posts(timeout_s, headers)

    async def send(self, parcel: Parcel) -> str:
        body, now = bytes(parcel.body), str(int(time.time()))
        headers = {"webhook-id": parcel.id, "webhook-timestamp": now}
        if self.key is not None:
            headers["webhook-signature"] = signature(self.key, parcel.id, now, body)
        return await self.posts.post(self.url, body, headers)

    async def close(self) -> None:
        await self.posts.close()


def key_of(secret: str) -> bytes:
    """The bytes that sign: of `whsec_` and base64 what is encoded, of any other text its UTF-8.

    >>> key_of("whsec_c2VjcmV0"), key_of("plain")
    (b'secret', b'plain')
    """
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass  # a text that only looks like one
    return secret.encode()


def signature(key: bytes, id_: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes, too, and compares.

    >>> signature(b"secret", "msg_1", "1769590800", b"{}")
    'v1,c0mhj1eWxQM7WNi8sjCCI/k74gOR33b8q4VdjzPHIYw='
    """
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
