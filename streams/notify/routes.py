"""Which receivers are told of an alert, and together with which others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from engine.specnotify import Notify, Route

Labels = Mapping[str, str]


class Way(NamedTuple):
    """How an alert comes to one receiver."""

    matcher: str
    """The route's matchers, as Alertmanager writes them."""
    labels: tuple[tuple[str, str], ...]
    """What its group has in common."""
    wait_ms: int
    interval_ms: int
    repeat_ms: int | None

    @property
    def key(self) -> str:
        """Names the group as Alertmanager does.

        >>> Way('severity="critical"', (("alertname", "Drift"),), 0, 0, None).key
        '{}/{severity="critical"}:{alertname="Drift"}'
        """
        return f"{{}}{'/{' + self.matcher + '}' if self.matcher else ''}:{{{_written(self.labels)}}}"

    @property
    def digest(self) -> str:
        """The group in few letters."""
        return hashlib.blake2b(msgspec.json.encode(self.labels), digest_size=8).hexdigest()


def ways(notify: Notify, labels: Labels) -> dict[str, Way]:
    """Each receiver that is told of an alert with these labels, by the first route that names it.

    >>> notify = Notify.model_validate({
    ...     "receivers": {"oncall": {"webhook": "http://a"}, "team": {"webhook": "http://b"}},
    ...     "routes": [{"match": {"severity": "critical"}, "to": ["oncall"]}],
    ...     "to": ["team"],
    ... })
    >>> [list(ways(notify, {"severity": severity})) for severity in ("critical", "info")]
    [['oncall'], ['team']]
    """
    found: dict[str, Way] = {}
    for route in notify.routes:
        if _matches(route, labels):
            for name in route.to:
                found.setdefault(name, _way(notify, route, labels))
            if not route.continue_:
                return found
    if not found:
        for name in notify.to or notify.receivers:
            found[name] = _way(notify, None, labels)
    return found


def plain_way(notify: Notify, labels: tuple[tuple[str, str], ...]) -> Way:
    """A group of which nothing is known but its labels."""
    return Way("", labels, notify.group_wait, notify.group_interval, notify.repeat)


def _matches(route: Route, labels: Labels) -> bool:
    return all(
        labels.get(name, "") in ((wanted,) if isinstance(wanted, str) else wanted)
        for name, wanted in route.match.items()
    )


def _way(notify: Notify, route: Route | None, labels: Labels) -> Way:
    def setting(name: str) -> int | None:
        given: int | None = getattr(route, name) if route is not None else None
        default: int | None = getattr(notify, name)
        return given if given is not None else default

    by = route.group_by if route is not None and route.group_by is not None else notify.group_by
    return Way(
        _matcher(route.match) if route is not None else "",
        tuple((name, labels.get(name, "")) for name in sorted(by)),
        setting("group_wait") or 0,
        setting("group_interval") or 0,
        setting("repeat"),
    )


def _matcher(match: Mapping[str, str | tuple[str, ...]]) -> str:
    return ",".join(
        f'{name}="{wanted}"' if isinstance(wanted, str) else f'{name}=~"{"|".join(wanted)}"'
        for name, wanted in sorted(match.items())
    )


def _written(labels: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in labels)
