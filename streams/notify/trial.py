"""A test alert, sent to receivers as a real one would be: `driftline alerts test`.

It goes through the spec's routes and the receivers' own edges, once and without the topics: no other process
has to run, and nothing is remembered of it.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import NamedTuple

from connectors.notifier import NotifyError
from engine.alerts.record import Alert, fingerprint, iso
from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams.notify.edges import mirror, notifier
from streams.notify.message import parcel
from streams.notify.mirrored import Mirrored
from streams.notify.rounds import Standing
from streams.notify.routes import Way, ways

NAME = "DriftlineTest"


class Answer(NamedTuple):
    """What came of it at one receiver."""

    receiver: str
    kind: str
    """webhook, alertmanager or apprise."""
    ok: bool
    said: str
    """What it answered, or what went wrong."""
    seconds: float


def trial(spec: Spec, receiver: str | None = None, severity: str = "warning") -> list[Answer]:
    """Send the test alert to whom its routes lead, or to one receiver; return what each answered.

    Parameters
    ----------
    spec
        The pipeline's spec.
    receiver
        Only this one, whatever the routes say.
    severity
        Of the test alert: routes look at it.

    Examples
    --------
    >>> receivers = {"oncall": {"webhook": "http://127.0.0.1:9/"}}
    >>> events = {"fields": {"x": {"type": "number"}}}
    >>> spec = Spec.model_validate({"pipeline": "p", "events": events, "notify": {"receivers": receivers}})
    >>> [(answer.receiver, answer.ok) for answer in trial(spec)]
    [('oncall', False)]
    """
    notify, alert = spec.notify, _alert(spec.pipeline, severity)
    found = ways(notify, alert.labels)
    if receiver is not None:
        if receiver not in notify.receivers:
            near = nearest(receiver, notify.receivers) or "; there is " + (
                ", ".join(notify.receivers) or "none"
            )
            raise SpecError(f'notify.receivers has no "{receiver}"{near}')
        found = {receiver: found.get(receiver) or next(iter(found.values()))}
    return asyncio.run(_ask_all(spec, alert, found))


async def _ask_all(spec: Spec, alert: Alert, found: dict[str, Way]) -> list[Answer]:
    return await asyncio.gather(*(_ask(spec, name, alert, way) for name, way in found.items()))


async def _ask(spec: Spec, name: str, alert: Alert, way: Way) -> Answer:
    receiver, began = spec.notify.receivers[name], time.monotonic()
    try:
        said = await (_show if receiver.alertmanager else _send)(spec, name, alert, way)
    except (NotifyError, SpecError) as exc:
        return Answer(name, receiver.kind, False, str(exc), time.monotonic() - began)
    return Answer(name, receiver.kind, True, said, time.monotonic() - began)


async def _send(spec: Spec, name: str, alert: Alert, way: Way) -> str:
    to = notifier(name, spec.notify.receivers[name])
    try:
        return await to.send(parcel([alert], way, name, spec.notify))
    finally:
        await to.close()


async def _show(spec: Spec, name: str, alert: Alert, _: Way) -> str:
    """It fires there until it is taken for resolved."""
    to, mirrored, now = mirror(spec.notify.receivers[name]), Mirrored(spec.notify), alert.time
    mirrored.take(Standing(alert, now, False), now)
    try:
        return await to.show([mirrored.told(alert.fingerprint, now)])
    finally:
        await to.close()


def _alert(pipeline: str, severity: str) -> Alert:
    labels = {"alertname": NAME, "severity": severity, "pipeline": pipeline, "test": "true"}
    now = time.time_ns() // 1_000_000
    return Alert(
        status="firing",
        labels=labels,
        annotations={
            "summary": "this is a test: nothing is wrong",
            "description": f"Somebody ran `driftline alerts test` on {os.uname().nodename}.",
        },
        starts_at=iso(now),
        fingerprint=fingerprint(labels),
        time=now,
        source="worker",
    )
