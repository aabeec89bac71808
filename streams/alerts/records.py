"""Alerts, read from their topic: of each its newest state, and the transitions that are still there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from connectors.log import Log
from engine.alerts.record import Alert, read
from engine.errors import SpecError
from engine.nearest import nearest
from engine.spec import Spec
from streams.records import everything, spans

ID_MIN = 4  # characters of a fingerprint that may stand for it
NAMES = ("signal", "feature", "alertname")  # labels by which people may call an alert
SHOWN = 10  # fingerprints that a message names
RANK = {"critical": 0, "warning": 1, "info": 2}


class Told(NamedTuple):
    """A record of an alert, and where it lies."""

    place: str
    """Partition and offset on the alerts topic: "0-17"."""
    recorded_ms: int
    """When it was written."""
    alert: Alert


class Found(NamedTuple):
    newest: dict[str, Told]
    """By fingerprint."""
    history: dict[str, list[Told]]
    """What led there, oldest first. The topic is compacted, so that old transitions may be gone."""
    others: int
    """Records on the topic that tell of no alert."""


def alerts(log: Log, spec: Spec) -> Found:
    """What the alerts topic holds."""
    topic, found = spec.topic("alerts"), Found({}, {}, 0)
    others = 0
    for placed in everything(log, topic, spans(log, topic)):
        record = placed.record
        if record.value is None:  # its end
            found.newest.pop((record.key or b"").decode(errors="replace"), None)
            continue
        try:
            alert = read(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            others += 1
            continue
        told = Told(f"{placed.partition}-{record.offset}", record.timestamp, alert)
        found.newest[alert.fingerprint] = told
        found.history.setdefault(alert.fingerprint, []).append(told)
    return found._replace(others=others)


def picked(found: Found, statuses: Sequence[str] = (), severities: Sequence[str] = ()) -> list[Told]:
    """Alerts of these kinds, or of any; the worst first, and of those the newest."""
    fits = [
        told
        for told in found.newest.values()
        if (not statuses or told.alert.status in statuses)
        and (not severities or told.alert.labels.get("severity") in severities)
    ]
    fits.sort(key=lambda told: told.alert.starts_at, reverse=True)
    return sorted(fits, key=lambda told: RANK.get(told.alert.labels.get("severity", ""), len(RANK)))


def one(found: Found, what: str) -> Told:
    """The alert that is called so: by its fingerprint or the beginning of it; or by its signal, feature or
    name, if that is the only one of those that are not resolved. SpecError says what there is instead.
    """
    fits = [told for key, told in found.newest.items() if len(what) >= ID_MIN and key.startswith(what)]
    is_open = [told for told in found.newest.values() if told.alert.status != "resolved"]
    for name in NAMES:
        fits = fits or [told for told in is_open if told.alert.labels.get(name) == what]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise SpecError(f"{what} is not one alert but {len(fits)}; say which: {_ids(fits)}")
    over = [told for told in found.newest.values() if what in map(told.alert.labels.get, NAMES)]
    if over:
        raise SpecError(f"no alert {what} fires; those that are over are called by their ids: {_ids(over)}")
    labels = [told.alert.labels for told in is_open]
    known = {*found.newest, *(each[name] for each in labels for name in NAMES if name in each)}
    raise SpecError(
        f"there is no alert {what}{nearest(what, known) or '; `driftline alerts list --all` lists them'}"
    )


def _ids(alerts: Sequence[Told]) -> str:
    return ", ".join(sorted(told.alert.fingerprint for told in alerts)[:SHOWN])
