"""Windows as one would write them without a thought for memory or time: a list of all events."""

from __future__ import annotations

import math
from typing import Any

from engine.specfeatures import Feature


class Oracle:
    """What one feature should be, from the list of all events that were entered."""

    def __init__(self, feature: Feature, lateness_max: int) -> None:
        self.feature, self.lateness_max = feature, lateness_max
        self.entered: dict[Any, list[dict[str, Any]]] = {}

    def __call__(self, event: dict[str, Any]) -> Any:
        """Enter an event; the feature as it is then."""
        feature, at = self.feature, event["at"]
        key = tuple(event.get(name) for name in feature.keys)
        if None in key:
            return None
        seen = known = self.entered.get(key, [])
        newest = max([at, *(e["at"] for e in known)])
        if at >= newest - self.lateness_max:
            self.entered[key] = [*(e for e in known if self._still_needed(e["at"], newest)), event]
            seen = [*known, event] if feature.own else known
        if feature.agg in ("since_last", "last", "ewm"):
            return self._recent(known, seen, event)
        inside = [e for e in seen if self._inside(e["at"], at)]
        return self._value(sorted(inside, key=lambda e: e["at"]), event)

    def _recent(self, known: list[dict[str, Any]], seen: list[dict[str, Any]], event: dict[str, Any]) -> Any:
        at, of = event["at"], self.feature.source or ""
        newest = max((e["at"] for e in known), default=None)
        if self.feature.agg == "since_last":
            return None if newest is None or newest > at else (at - newest) / 1000
        there = [e for e in known if e.get(of) is not None]
        if self.feature.agg == "last":
            last = max(there, key=lambda e: (e["at"], there.index(e)), default=None)
            return last[of] if last and at - (self.feature.over or at) < last["at"] <= at else None
        there = [e for e in seen if e.get(of) is not None]
        now = max([at, *(e["at"] for e in seen)])
        weights = [0.5 ** ((now - e["at"]) / (self.feature.half_life or 1)) for e in there]
        total = math.fsum(w * e[of] for w, e in zip(weights, there, strict=True))
        return total / math.fsum(weights) if there else None

    def _inside(self, time: int, at: int) -> bool:
        over = self.feature.over
        assert over is not None
        if self.feature.window == "tumbling":
            return time // over == at // over
        if self.feature.agg == "distinct":
            return time > at - over
        return at - over < time <= at

    def _still_needed(self, time: int, newest: int) -> bool:
        """Whether an event that is late, but not too late, may ask for it."""
        if self.feature.agg in ("since_last", "last", "ewm"):
            return True
        over, oldest = self.feature.over or 0, newest - self.lateness_max
        if self.feature.window == "tumbling":
            return time // over >= oldest // over
        return time > oldest - over

    def _value(self, events: list[dict[str, Any]], event: dict[str, Any]) -> float | None:
        of = self.feature.source
        if of is None:
            return len(events)
        if self.feature.agg == "distinct":
            return len({e[of] for e in events if e.get(of) is not None})
        found = [float(e[of]) for e in events if e.get(of) is not None]
        match self.feature.agg:
            case "count":
                return len(found)
            case "sum":
                return math.fsum(found)
            case "mean":
                return math.fsum(found) / len(found) if found else None
            case "min":
                return min(found, default=None)
            case "max":
                return max(found, default=None)
            case "variance":
                return variance(found)
            case "zscore":
                spread, x = variance(found), event.get(of)
                if not spread or x is None:
                    return None
                return (float(x) - math.fsum(found) / len(found)) / math.sqrt(spread)
        raise AssertionError(self.feature.agg)


def variance(found: list[float]) -> float | None:
    if len(found) < 2:
        return None
    mean = math.fsum(found) / len(found)
    return math.fsum((x - mean) ** 2 for x in found) / (len(found) - 1)
