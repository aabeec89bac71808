"""What is told of two signals that go together otherwise than before."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from connectors.log import Batch
from engine.drift.evidence.pair import correlation, p_value
from engine.shard import Shard
from engine.spec import Spec

SIZE, CHANGE, CUT = 3_000, 2_400, 200


def test_the_pair_is_named() -> None:
    """Each feature stays as it was; the record says which two don't go together any more, and since when."""
    fields = {name: {"type": "number"} for name in ("a", "b", "c")}
    drift = {"detectors": ["classifier"], "false_alarms": {"per": 100_000}, "warm_up": 256}
    labels = {"in_event": "y"}
    spec = Spec.model_validate(
        {"pipeline": "p", "events": {"fields": fields}, "labels": labels, "drift": drift}
    )
    a, b, c = np.random.default_rng(1).normal(size=(3, SIZE))
    b = 0.8 * np.where(np.arange(SIZE) < CHANGE, a, c) + 0.6 * b
    shard, told = Shard(spec, 0), list[dict[str, object]]()
    for at in range(0, SIZE, CUT):
        rows = np.stack([a, b, c])[:, at : at + CUT].T.tolist()
        values = [msgspec.json.encode({"a": x, "b": y, "c": z, "y": x > 0}) for x, y, z in rows]
        offsets = list(range(at, at + CUT))
        out = shard.walk(Batch("p.events", 0, at, at + CUT, offsets, offsets, [None] * CUT, values))
        told += [msgspec.json.decode(value) for value in out.drifts.values if value]
    first = next(each for each in told if each["panel"] == "events")
    assert (first["signal"], first["detector"], first["change"]) == ("together", "classifier", "correlation")
    start, changes = first["start"], first["changes"]
    assert isinstance(start, dict)
    assert isinstance(changes, list)
    assert abs(start["offset"] - CHANGE) < 60
    assert changes[0]["kind"] == "correlation"
    assert abs(changes[0]["effect"]) > 0.5
    assert "go together otherwise: their correlation was" in str(first["warnings"])


def test_correlation() -> None:
    """Of constants there is none, and one outlier makes none."""
    x = np.random.default_rng(2).normal(size=(2, 500))
    assert correlation(np.stack([x[0], np.ones(500)])) == 0
    x[:, 0] = 1e9
    assert abs(correlation(x)) < 0.2
    assert correlation(np.stack([x[0], x[0]])) == pytest.approx(1)


def test_chance() -> None:
    """A large difference is less probable, the more so the more records there are."""
    assert p_value(0.5, 0.4, 100, 100) > p_value(0.5, -0.4, 100, 100) > p_value(0.5, -0.4, 1000, 1000)
    assert 0 <= p_value(1.0, -1.0, 1000, 1000) < 1e-9
