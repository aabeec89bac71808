"""Alerts: the newest state of each, what became of it, and the drift behind it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Response

from connectors.log import Log
from engine.alerts.record import Alert
from engine.nearest import nearest
from engine.spec import Spec
from streams.records import Placed
from streams.serve.door import need
from streams.serve.problems import Problem
from streams.serve.site import Here
from streams.serve.views import alertanswers as answers
from streams.serve.views.compacted import Compacted
from streams.serve.views.drifts import Drifts
from streams.serve.views.told import answer, kept

KNOWN_MAX = 20_000  # alerts
HISTORY_MAX = 5_000  # transitions, of all alerts together, that are remembered as they come
LIMIT_MAX = 10_000  # alerts of an answer
STATUSES = ("firing", "acknowledged", "resolved")
SEVERITIES = ("critical", "warning", "info")
ID_MAX = 200  # characters of what is taken for an id


NOTHING = msgspec.Raw(b"null")


class Item(Alert, kw_only=True):
    """An alert, and where its record lies."""

    evidence: msgspec.Raw = NOTHING  # type: ignore[assignment]  # as it is written: there may be many alerts
    partition: int = 0
    offset: int = 0
    recorded_ms: int = 0

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    @property
    def rank(self) -> tuple[int, int, int]:
        """The worst and newest first."""
        severity = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else len(SEVERITIES)
        return STATUSES.index(self.status), severity, -self.time


class Detailed(Item, kw_only=True):
    """An alert with what led to it."""

    history: list[Item] = msgspec.field(default_factory=list)
    drift: msgspec.Raw | None = None


class _Evidence(msgspec.Struct):
    drift: str | None = None


_decode = msgspec.json.Decoder(Item).decode
_evidence = msgspec.json.Decoder(_Evidence | None).decode


def item(placed: Placed) -> Item:
    """What a record says."""
    found = _decode(placed.record.value or b"")
    found.partition, found.offset = placed.partition, placed.record.offset
    found.recorded_ms = placed.record.timestamp
    return found


class Alerts:
    """What the topic of alerts holds; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.book = Compacted(spec, "alerts", item, KNOWN_MAX, lambda each: each.status == "resolved")
        self.lately: deque[Item] = deque(maxlen=HISTORY_MAX)

    def look(self, log: Log) -> list[Item]:
        """Read on; what is new."""
        found = self.book.look(log)
        self.lately.extend(found)
        return found

    @property
    def items(self) -> Iterable[Item]:
        return self.book.known.values()

    def history(self, fingerprint: str) -> list[Item]:
        """Its transitions that are still there, oldest first: a compacted topic keeps the newest for sure."""
        found = [each for each in self.lately if each.fingerprint == fingerprint]
        return found or [each for each in self.items if each.fingerprint == fingerprint]

    def newest(self, fingerprint: str) -> Item:
        """The alert of this fingerprint; 404 if there is none."""
        found = self.book.known.get(fingerprint.encode())
        if found is None:
            near = nearest(fingerprint, [each.fingerprint for each in self.items])
            raise Problem(404, f"no alert {fingerprint} is known{near}; GET /v1/alerts lists them")
        return found

    def firing(self) -> dict[str, int]:
        """How many fire of which people are to be told, by severity."""
        found = Counter(each.severity for each in self.items if each.status == "firing" and not each.muted)
        return {severity: found[severity] for severity in SEVERITIES}

    def page(
        self, statuses: Sequence[str], severities: Sequence[str], limit: int, offset: int
    ) -> dict[str, Any]:
        """Some of them, and how many there are."""
        fit = [
            each
            for each in self.items
            if (not statuses or each.status in statuses) and (not severities or each.severity in severities)
        ]
        by_status = Counter[str](each.status for each in self.items)
        shown = sorted(fit, key=lambda each: each.rank)[offset : offset + limit]
        counts = {status: by_status[status] for status in STATUSES} | self.firing()
        return {"total": len(fit), "counts": counts, "alerts": shown}


def listed(given: str | None, known: Sequence[str], what: str) -> list[str]:
    """Names with commas between them; 422 at one that there is not.

    >>> listed("firing,resolved", STATUSES, "status")
    ['firing', 'resolved']
    """
    found = [name.strip() for name in (given or "").split(",") if name.strip()]
    for name in found:
        if name not in known:
            near = nearest(name, known) or f"; there is {', '.join(known)}"
            raise Problem(422, f"{what} {name!r} is unknown{near}", field=what)
    return found


router = APIRouter(prefix="/v1", tags=["alerts"], dependencies=[need("read")])

Fingerprint = Annotated[str, Path(max_length=ID_MAX, description="Of the alert: 16 hexadecimal digits.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, description="Leave out so many first.")]


@router.get("/alerts", response_model=answers.Alerts)
async def alerts(
    here: Here,
    status: Annotated[
        str | None, Query(description="firing, acknowledged, resolved; several by commas")
    ] = None,
    severity: Annotated[str | None, Query(description="critical, warning, info; several by commas")] = None,
    limit: Limit = 200,
    offset: Offset = 0,
) -> Response:
    """The newest state of each alert, the worst and newest first."""
    statuses, severities = listed(status, STATUSES, "status"), listed(severity, SEVERITIES, "severity")
    book = kept(here, Alerts)

    def look(log: Log) -> dict[str, Any]:
        book.look(log)
        return book.page(statuses, severities, limit, offset)

    return answer(await here.reader.ask(look))


@router.get("/alerts/{fingerprint}", response_model=answers.AlertWithHistory)
async def alert(here: Here, fingerprint: Fingerprint) -> Response:
    """One alert with its transitions that are still there, and the whole record of the drift behind it."""
    book, drifts = kept(here, Alerts), kept(here, Drifts)

    def look(log: Log) -> Detailed:
        book.look(log)
        found = book.newest(fingerprint)
        evidence, drift = _evidence(found.evidence), None
        if evidence is not None and evidence.drift is not None:
            drifts.look(log)
            drift = drifts.whole(log, evidence.drift.encode())
        told = msgspec.structs.asdict(found)
        return Detailed(**told, history=book.history(fingerprint), drift=drift)

    return answer(await here.reader.ask(look))
