"""What is shown: the same figures as the API's, by the same readers, straight from the log."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from connectors.log import Log
from engine.errors import StateError
from engine.spec import Spec
from streams.serve.snapshots import Snapshots
from streams.serve.views.alerts import Alerts
from streams.serve.views.drift import STATES, Standings, as_of, loudness
from streams.serve.views.drifts import Drifts
from streams.serve.views.quality import Samples, summaries
from streams.serve.views.series import Series
from streams.serve.views.shards import Shards
from streams.serve.views.status import Status

MINUTES = 5  # of the curves
SIGNALS, ALERTS = 40, 20  # the loudest, and the worst
POINTS = 60  # of the curve of quality
SHARDS_S = 2.0  # between two looks for newer snapshots

Found = dict[str, Any]


class Seen:
    """Reads what is new, again and again; of one thread.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.status, self.series, self.alerts = Status(spec), Series(spec), Alerts(spec)
        self.shards, self.snapshots = Shards(spec), Snapshots(spec)
        self.standings, self.drifts, self.samples = Standings(spec), Drifts(spec), Samples(spec)
        self.learned: Found = {}
        self.looked_s = 0.0

    def look(self, log: Log) -> Found:
        """How it is now."""
        status = dict(self.status.look(log, self.alerts))
        page = self.alerts.page(("firing", "acknowledged"), (), ALERTS, 0)
        series = self.series.look(log, MINUTES)
        if not self.learned or time.monotonic() - self.looked_s > SHARDS_S:
            self.learned, self.looked_s = self._learned(log), time.monotonic()
        return {
            "status": status,
            "series": series,
            "quality": self._quality(log),
            "alerts": msgspec.json.decode(msgspec.json.encode(page)),
            **self.learned,
        }

    def _quality(self, log: Log) -> Found:
        """How good predictions were over time, as their outcomes tell."""
        metric = self.samples.names[0]
        samples, _ = self.samples.look(log, POINTS)
        told = [each.summary.told()[metric] for each in samples]
        return {"metric": metric, "at_ms": [each.at_ms for each in samples], "values": told}

    def _learned(self, log: Log) -> Found:
        """What only snapshots tell: how good predictions are, and where signals stand."""
        try:
            looks = self.shards.look(log, self.snapshots)
        except StateError as error:
            return {"windows": {}, "drift": None, "problem": str(error)}
        quality = summaries(looks)["latest"]
        if self.spec.drift is None:
            return {"windows": quality, "drift": None, "problem": None}
        self.drifts.look(log)
        found = sorted(self.drifts.items, key=lambda each: each.detected.offset)
        rows = sorted(self.standings.look(looks, found), key=loudness)
        counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
        drift = {"as_of": as_of(looks), "counts": counts, "signals": rows[:SIGNALS]}
        return {"windows": quality, "drift": drift, "problem": None}
