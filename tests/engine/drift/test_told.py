"""Drift records as the walk writes them: with where records come from, and later with the cause."""

from __future__ import annotations

import msgspec
import numpy as np

from connectors.log import Batch
from engine.batch import Headers
from engine.drift.evidence.record import Drift, read
from engine.shard import Shard
from engine.spec import Spec

N, AT = 4_200, 3_000
SPEC = {
    "pipeline": "p",
    "events": {"fields": {"x": {"type": "number"}, "z": {"type": "number"}, "c": {"type": "category"}}},
    "labels": {"in_event": "y"},
    "drift": {
        "false_alarms": {"per": 100_000},
        "dependence": "none",
        "segments": ["c"],
        "provenance": {"producer": "header:x-producer"},
        "watch": ["features", "predictions", "labels", "errors"],
    },
}


def records(what: str) -> tuple[list[bytes], list[Headers]]:
    """Events; from AT on x is larger where they come from a new producer, or y means the contrary."""
    rng, values, headers = np.random.default_rng(4), list[bytes](), list[Headers]()
    for t in range(N):
        x, z = rng.normal(size=2).tolist()
        new = t >= AT and t % 2 == 0
        x += 2 * new if what == "data" else 0
        sign = -1 if what == "relation" and t >= AT else 1
        y = bool(rng.random() < 1 / (1 + np.exp(-2 * sign * x)))
        event = {"x": x, "z": z, "c": str(rng.choice(["a", "b"])), "y": y}
        values.append(msgspec.json.encode(event))
        headers.append((("x-producer", b"new" if new else b"old"),))
    return values, headers


def walked(what: str, cut: int, thaw: bool = False) -> tuple[list[Drift], str]:
    spec, (values, headers), told = Spec.model_validate(SPEC), records(what), []
    shard = Shard(spec, 0)
    for start in range(0, N, cut):
        stop = min(N, start + cut)
        times = [1_000 * t for t in range(start, stop)]
        keys = [None] * (stop - start)
        part = Batch("p.events", 0, start, stop, [*range(start, stop)], times, keys, values[start:stop])
        part.headers = headers[start:stop]
        told += [read(value or b"") for value in shard.walk(part).drifts.values]
        if thaw:
            shard = Shard.thaw(spec, 0, b"".join(shard.freeze()))
    return told, shard.digest()


def test_a_new_producer() -> None:
    """The feature is named, and the producer that its change comes from."""
    told, _ = walked("data", 1_500)
    first = next(drift for drift in told if drift.signal == "x")
    assert abs(first.start.offset - AT) < 30
    assert 0 < first.detected.offset - AT < 150
    assert first.suspected_cause == f"all of it comes from producer=new, first seen at offset {AT:,}"
    assert (first.change, first.direction, first.detector) == ("mean", "up", "rank_sr")
    again = next(drift for drift in told if drift.key == first.key and drift.revision)
    assert (again.cause, again.start) == ("data", first.start)
    assert not [drift.signal for drift in told if drift.signal.startswith("z")]


def test_another_relation() -> None:
    """Errors drift and no feature does: the relation is another, and no input is blamed."""
    told, _ = walked("relation", 1_500)
    first = next(drift for drift in told if drift.signal == "error" and drift.detected.offset >= AT)
    assert abs(first.start.offset - AT) < 20
    again = next(drift for drift in told if drift.key == first.key and drift.revision)
    assert again.cause == "relation"
    assert not {"x", "z", "c"} & {drift.signal for drift in told}
    assert not {"x", "z", "c"} & {feature.signal for feature in again.top_elsewhere}


def test_cuts_and_crashes_change_nothing() -> None:
    """The same records to the byte, the same state."""
    told, state = walked("relation", N)
    same, other = walked("relation", 701, thaw=True)
    assert [drift.json() for drift in told] == [drift.json() for drift in same]
    assert state == other
