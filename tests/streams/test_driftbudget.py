"""What the budget is said to rest on."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from connectors.log import Batch
from engine.shard import Shard
from engine.spec import Spec
from streams.drift import budget as driftbudget


@pytest.mark.parametrize(
    ("use", "arguments", "guarantee", "told"),
    [
        ("cusum", {}, "simulated", "run lengths beyond 1[5-9],[0-9]{3} values are extrapolated"),
        ("river.drift:PageHinkley", {"threshold": 500}, "none", "no alarm on 2,000 values drawn from"),
        (
            "river.drift:PageHinkley",
            {"threshold": 30},
            "none",
            "a false alarm every [0-9]+ on 2,000",
        ),
    ],
)
def test_what_is_not_proven_is_told(use: str, arguments: dict[str, int], guarantee: str, told: str) -> None:
    """How far a simulation saw; and of others' detectors what they did on noise."""
    drift = {"detectors": [{"use": use, "with": arguments}], "watch": ["features"], "dependence": "none"}
    events = {"fields": {"x": {"type": "number"}}}
    shard = Shard(Spec.model_validate({"pipeline": "p", "events": events, "drift": drift}), 0)
    values = [msgspec.json.encode({"x": x}) for x in np.random.default_rng(1).normal(size=1100).tolist()]
    places, nothing = list(range(len(values))), [None] * len(values)
    shard.walk(Batch("p.events", 0, 0, len(values), places, places, nothing, values))
    assert shard.watch is not None
    (line,) = driftbudget.lines(shard.watch)
    assert line["guarantee"] == guarantee
    assert re.search(told, line["assumes"][-1])
