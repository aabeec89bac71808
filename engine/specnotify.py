"""The part of the spec about delivery: who is told of alerts, of which, and how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from engine.duration import Duration
from engine.nearest import nearest
from engine.specparts import Count, Part, Port

WEB = re.compile(r"https?://[^/\s?#]+\S*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
KINDS = ("webhook", "alertmanager", "apprise")


class Receiver(Part):
    webhook: str | None = None
    """An address that takes Alertmanager's webhook, version 4: `https://...`."""
    alertmanager: str | None = None
    """An Alertmanager: `http://host:9093`."""
    apprise: str | None = None
    """An address as apprise writes it: `slack://...`, `pagerduty://...`, `mailtos://...`. Needs the extra
    `notify`."""
    secret: str | None = None
    """Signs what goes to a webhook; `whsec_` and base64, or any text."""
    headers: dict[str, str] = Field(default_factory=dict)
    """More headers for a webhook or an Alertmanager: `Authorization`, say."""
    resolved: bool = True
    """Tell it also of an alert that is over. An Alertmanager always is."""
    timeout: Annotated[Duration, Field(ge=1)] = 10_000
    """How long an answer may take."""

    @model_validator(mode="after")
    def is_one_kind(self) -> Receiver:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("a receiver is one of webhook, alertmanager and apprise")
        address, wanted = getattr(self, given[0]), SCHEME if given == ["apprise"] else WEB
        if not wanted.fullmatch(address):
            raise ValueError(f"{given[0]} is no address; it begins with {_beginning(given[0])}")
        if self.secret is not None and self.webhook is None:
            raise ValueError("secret goes with webhook")
        if self.headers and self.apprise is not None:
            raise ValueError("headers go with webhook and alertmanager")
        return self

    @property
    def kind(self) -> str:
        """webhook, alertmanager or apprise."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def address(self) -> str:
        """Where it is; may hold secrets."""
        return str(getattr(self, self.kind))


def _beginning(kind: str) -> str:
    return "a service's name and ://" if kind == "apprise" else "http:// or https:// and a host"


class Route(Part):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    match: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Labels and their values, or lists of them: `{severity: [warning, critical]}`."""
    to: tuple[str, ...] = Field(min_length=1)
    """The receivers of what matches."""
    group_by: tuple[str, ...] | None = None
    """As `notify.group_by`, for this route."""
    group_wait: Duration | None = None
    """As `notify.group_wait`."""
    group_interval: Duration | None = None
    """As `notify.group_interval`."""
    repeat: Duration | None = None
    """As `notify.repeat`."""
    continue_: bool = Field(default=False, alias="continue")
    """Look at the routes below, too."""


class Notify(Part):
    receivers: dict[str, Receiver] = Field(default_factory=dict, max_length=100)
    """Who can be told, by name."""
    to: tuple[str, ...] = ()
    """Who is told of what no route matches. Default: all receivers."""
    routes: tuple[Route, ...] = Field(default=(), max_length=1000)
    """Who is told of what: the first that matches an alert's labels."""
    group_by: tuple[str, ...] = ("alertname",)
    """Alerts with the same values of these labels go in one message."""
    group_wait: Duration = 250
    """How long a message waits for others of its group."""
    group_interval: Duration = 250
    """A group's next message comes no sooner after the last one."""
    repeat: Duration | None = None
    """Tell again what still fires and nobody has acknowledged. Default: never."""
    link: str | None = None
    """The address of the live page, for messages: `https://driftline.example.org`."""
    give_up_after: Duration = 3_600_000
    """A message that nobody took for so long becomes a dead letter; what still fires is then told anew."""
    resend: Annotated[Duration, Field(ge=1)] = 60_000
    """How often an Alertmanager is told that an alert still fires; after four times as long without it
    takes it for resolved."""
    messages_per_minute_max: Count = 10
    """Messages to one receiver; more wait, and what has become of their alerts meanwhile is told at once."""
    alerts_per_message_max: Count = 100
    """Alerts of one message; of more it tells how many."""
    message_bytes_max: Annotated[int, Field(ge=10_000, le=500_000)] = 500_000
    """A longer message is sent without evidence, and then with fewer alerts."""
    port: Port | None = None
    """Where `driftline notify` answers /healthz, /readyz and /metrics, on `http.host` with `http.token`.
    Default: nowhere."""


def wrong_notify(notify: Notify) -> Iterator[str]:
    """Receivers that are named and not there, and names that can't be."""
    for name in notify.receivers:
        if not NAME.fullmatch(name):
            yield f"notify.receivers: {name!r} is no name; take at most 100 letters, digits, '.', '_' and '-'"
    named = [("to", notify.to), *((f"routes[{n}].to", route.to) for n, route in enumerate(notify.routes))]
    for key, names in named:
        for name in names:
            if name not in notify.receivers:
                near = nearest(name, notify.receivers)
                yield f"notify.{key} names {name!r}, which is not in notify.receivers{near}"
