"""What tells people, or programs that tell people: the contract of every receiver's edge.

NotifyError
├── Later      nobody took it now: send the same again, after so many seconds if it says so
└── Rejected   it will never be taken as it is: a dead letter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

Level = str
"""info, warning, critical, or resolved."""


class NotifyError(Exception):
    """Its text says what happened, and where; never a secret."""


class Later(NotifyError):
    def __init__(self, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after


class Rejected(NotifyError):
    pass


class Parcel(msgspec.Struct, frozen=True):
    """A message, the same at each attempt."""

    id: str
    """Names it: a receiver that has taken it already can tell by it."""
    title: str
    text: str
    level: Level
    body: msgspec.Raw
    """The same for programs: JSON."""


class Notifier(Protocol):
    """One receiver that takes messages."""

    async def send(self, parcel: Parcel) -> str:
        """Return what it answered once it has taken the message. Raise Later or Rejected."""

    async def close(self) -> None: ...


class Mirror(Protocol):
    """One receiver that is shown which alerts there are."""

    async def show(self, alerts: Sequence[Mapping[str, Any]]) -> str:
        """Return what it answered once it has taken these. Raise Later or Rejected."""

    async def hush(self, silence: Mapping[str, Any]) -> str:
        """Make a silence, or keep the one whose `id` is given; return its id. Raise Later or Rejected."""

    async def unhush(self, id_: str) -> None:
        """End a silence. Raise Later or Rejected."""

    async def close(self) -> None: ...
