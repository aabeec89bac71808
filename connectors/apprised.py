"""Slack, PagerDuty, e-mail and what else apprise speaks to: a title and a text.

apprise is an extra, and is imported when the first receiver needs it. Its calls block, so each runs in a
thread. It says whether a message was taken and little of why not: what it logs is never told, since it may
hold the address with its secrets.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from connectors.notifier import Later, Parcel, Rejected

KINDS = {"critical": "failure", "warning": "warning", "info": "info", "resolved": "success"}


class Apprised:
    """See `notifier.Notifier`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.scheme = url.partition("://")[0]
        self.timeout_s = timeout_s
        self.target = _target(url, self.scheme)

    async def send(self, parcel: Parcel) -> str:
        kind = KINDS.get(parcel.level, "info")
        call = asyncio.to_thread(self.target.notify, body=parcel.text, title=parcel.title, notify_type=kind)
        try:
            taken = await asyncio.wait_for(call, self.timeout_s)
        except TimeoutError as exc:
            raise Later(f"{self.scheme}:// did not answer in {self.timeout_s:g} s") from exc
        except (OSError, ValueError, TypeError) as exc:
            raise Later(f"{self.scheme}://: apprise failed with {type(exc).__name__}") from exc
        if not taken:
            raise Later(f"{self.scheme}:// did not take it; apprise does not say why")
        return "taken"

    async def close(self) -> None:
        """Nothing is kept open."""


def _target(url: str, scheme: str) -> Any:
    try:
        import apprise
    except ImportError as exc:
        raise Rejected("apprise is not installed: pip install 'driftline[notify]'") from exc
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    asset = apprise.AppriseAsset(app_id="Driftline", app_desc="Driftline", async_mode=False)
    target = apprise.Apprise(asset=asset)
    if not target.add(url):
        raise Rejected(f"apprise does not understand the address that begins with {scheme}://")
    return target
