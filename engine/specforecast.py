"""The part of the spec that says which series are forecast."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.specparts import Count, Part


class Forecast(Part):
    """Each event is the next value of its entity's series; without `events.key` all are of one."""

    of: str
    """The number that is forecast. Each event brings its series' next value."""
    horizon: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How many values to come a prediction tells, in its field `forecast`."""
    series_max: Count = 10_000
    """Series that a shard remembers; when there are more, the least recently seen begins anew."""
