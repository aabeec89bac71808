"""Confidence in the walk: what a spec asks for is said, learned from labels whenever they come, and kept."""

from __future__ import annotations

import random
from typing import Any

import pytest

from connectors.log import Batch
from engine.batch import Outputs
from engine.errors import SpecError
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.cases import NOW, batch, rows

FIELDS = {"id": {"type": "text"}, "x": {"type": "number"}, "z": {"type": "number"}}
EVENTS = {"id": "id", "fields": FIELDS}
BOTH = {"calibrate": True, "coverage": 0.9}
MODELS: dict[str, dict[str, Any]] = {
    "boolean": {"use": "naive_bayes"},
    "names": {"use": "softmax_regression"},
    "number": {"use": "linear_regression"},
}
ASKED = {"boolean": BOTH, "names": BOTH, "number": {"coverage": 0.9}}
KINDS = {"boolean": "boolean", "names": "category", "number": "number"}


def spec(kind: str, late: bool = False, **more: Any) -> Spec:
    labels: dict[str, Any] = {"type": KINDS[kind], "wait": "30d"}
    labels |= {} if late else {"in_event": "y"}
    given = {"pipeline": "p", "events": EVENTS, "labels": labels, "model": MODELS[kind]}
    return Spec.model_validate(given | {"confidence": ASKED[kind]} | more)


def value(kind: str, rng: random.Random, x: float, z: float, shift: float) -> Any:
    """A label that follows from the features, with noise that may grow."""
    noisy = 2 * x - z + rng.gauss(0, 1 + shift)
    if kind == "number":
        return noisy
    return noisy > 0 if kind == "boolean" else "low" if noisy < -1 else "high" if noisy > 1 else "middle"


def stream(kind: str, n: int, seed: int = 1, drift: bool = False) -> list[dict[str, Any]]:
    rng, records = random.Random(seed), []
    for i in range(n):
        x, z = rng.gauss(0, 1), rng.gauss(0, 1)
        y = value(kind, rng, x, z, 3.0 if drift and i > n / 2 else 0.0)
        records.append({"id": str(i), "x": x, "z": z, "y": y})
    return records


def runs(kind: str, n: int, delay: int) -> list[Batch]:
    """Events, and labels that come so many events later, a hundred at a time."""
    records, out = stream(kind, n), []
    for start in range(0, n, 100):
        out.append(batch("p.events", [{**r, "y": None} for r in records[start : start + 100]], start))
        known = records[max(0, start - delay) : max(0, start - delay + 100)]
        if start >= delay:
            told = [{"event_id": r["id"], "label": r["y"], "label_time": NOW / 1000 + start} for r in known]
            out.append(batch("p.labels", told, start - delay))
    return out


def total(shard: Shard, parts: list[Batch], cuts: random.Random | None = None) -> Outputs:
    out = Outputs()
    for part in parts:
        start = 0
        while start < len(part):
            stop = len(part) if cuts is None else min(len(part), start + cuts.choice([1, 3, 40, 99]))
            out.extend(shard.walk(part.cut(start, stop)))
            start = stop
    return out


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", MODELS)
def test_the_same_bytes_however_cut_and_from_a_snapshot(kind: str, late: bool) -> None:
    """With labels in the event or later: cuts don't show, nor does a restart in the middle."""
    wanted = spec(kind, late)
    parts = runs(kind, 1500, 300) if late else [batch("p.events", stream(kind, 1500))]
    whole, pieces = Shard(wanted, 0), Shard(wanted, 0)
    out, cut = total(whole, parts), total(pieces, parts, random.Random(3))
    assert cut.lanes() == out.lanes()
    assert pieces.digest() == whole.digest()
    first = Shard(wanted, 0)
    half = parts[: len(parts) // 2] if late else [parts[0].cut(0, 700)]
    rest = parts[len(half) :] if late else [parts[0].cut(700, 1500)]
    begun = total(first, half)
    begun.extend(total(Shard.thaw(wanted, 0, b"".join(first.freeze())), rest))
    assert begun.lanes() == out.lanes()


@pytest.mark.parametrize("delay", [100, 3_000])
@pytest.mark.parametrize("kind", MODELS)
def test_late_labels_teach_it_too(kind: str, delay: int) -> None:
    """Whether labels wait 100 events or 3,000, the coverage comes out as asked once the first were there."""
    out = total(Shard(spec(kind, late=True), 0), runs(kind, 15_000, delay))
    told = [row["covered"] for row in rows(out.outcomes)][-5_000:]
    assert 0.87 < sum(told) / len(told) < 0.96


@pytest.mark.parametrize("kind", MODELS)
def test_coverage_holds_under_drift(kind: str) -> None:
    """Half-way the noise is four times as large: regions grow, and hold what they say; outcomes tell so."""
    out = Shard(spec(kind), 0).walk(batch("p.events", stream(kind, 8_000, drift=True)))
    told = [row["covered"] for row in rows(out.outcomes) if row["covered"] is not None]
    assert 0.88 < sum(told) / len(told) < 0.96
    name = "interval" if kind == "number" else "prediction_set"
    regions = [row[name] for row in rows(out.predictions) if row[name] is not None]
    sizes = [r[1] - r[0] if kind == "number" else len(r) for r in regions]
    assert sum(sizes[1000:3000]) < sum(sizes[-2000:])


@pytest.mark.parametrize("kind", ["boolean", "names"])
def test_a_prediction_holds_together(kind: str) -> None:
    """Probabilities add up to 1; the predicted class is the most probable, and the first in its set."""
    out = Shard(spec(kind), 0).walk(batch("p.events", stream(kind, 2_000)))
    for row in rows(out.predictions)[1:]:
        odds = {{"true": True, "false": False}.get(name, name): p for name, p in row["probabilities"].items()}
        assert sum(odds.values()) == pytest.approx(1.0)
        assert odds[row["prediction"]] == max(odds.values()) == row["confidence"]
        assert row["prediction_set"][0] == row["prediction"]
        assert row["interval"] is None
    assert row["score"] == odds[True if kind == "boolean" else row["prediction"]]


@pytest.mark.parametrize("kind", ["boolean", "names"])
def test_calibration_pays(kind: str) -> None:
    """A model that is too sure of itself: log loss and Brier score go down, as the report tells."""
    shard = Shard(spec(kind, confidence={"calibrate": True}, model={"use": "naive_bayes"}), 0)
    shard.walk(batch("p.events", stream(kind, 4_000)))
    assert shard.confidence is not None
    found = shard.confidence.report()
    raw, calibrated = found["log_raw"], found["log_calibrated"]
    assert raw is not None
    assert calibrated is not None
    assert calibrated < raw
    assert "coverage" not in found


def test_probabilities_stay_the_models_own_unless_asked() -> None:
    """With coverage alone only the sets are new."""
    plain = Shard(spec("boolean", confidence={}), 0)
    with_sets = Shard(spec("boolean", confidence={"coverage": 0.9}), 0)
    part = batch("p.events", stream("boolean", 1_000))
    without, there = rows(plain.walk(part).predictions), rows(with_sets.walk(part).predictions)
    assert [{**row, "prediction_set": None} for row in there] == without
    assert plain.confidence is None


def test_a_correction_puts_the_coverage_right() -> None:
    """Each label counts once, as the last one that came for its event."""
    shard = Shard(spec("boolean", late=True), 0)
    total(shard, runs("boolean", 1_000, 100))
    assert shard.confidence is not None
    before = shard.confidence.report()
    told = [{"event_id": "1", "label": label, "label_time": NOW / 1000} for label in (True, False, True)]
    out = shard.walk(batch("p.labels", told, 900))
    assert 2 <= len(out.outcomes) <= 3
    known = stream("boolean", 2)[1]["y"]
    again = [{"event_id": "1", "label": known, "label_time": NOW / 1000}]
    shard.walk(batch("p.labels", again, 903))
    assert shard.confidence.report()["coverage"] == before["coverage"]


def test_a_class_that_nobody_knew_is_not_in_the_set() -> None:
    """A label that the model had never seen is a miss, and the walk goes on."""
    shard = Shard(spec("names"), 0)
    shard.walk(batch("p.events", stream("names", 600)))
    out = shard.walk(batch("p.events", [{"id": "new", "x": 0.0, "z": 0.0, "y": "unheard of"}], 600))
    assert rows(out.outcomes)[0]["covered"] is False


def test_what_can_not_be_is_refused() -> None:
    """Anomalies have no labels to learn from, numbers no probabilities."""
    with pytest.raises(SpecError, match="confidence learns from labels"):
        Shard(spec("boolean", model={"use": "half_space_trees"}), 0)
    with pytest.raises(SpecError, match="predicts numbers: write coverage"):
        Shard(spec("number", confidence={"calibrate": True}), 0)
    with pytest.raises(ValueError, match="less than 1"):
        spec("boolean", confidence={"coverage": 1})


def test_forecasts_have_intervals() -> None:
    """Around the next value of each series: of five, whose noise grows, they hold what they say."""
    fields = {"id": {"type": "text"}, "k": {"type": "text"}, "v": {"type": "number"}}
    given = {
        "pipeline": "p",
        "events": {"id": "id", "key": "k", "fields": fields},
        "model": {"use": "holt_winters"},
        "forecast": {"of": "v"},
        "confidence": {"coverage": 0.9},
    }
    rng, values = random.Random(1), list[dict[str, Any]]()
    for i in range(6_000):
        noisy = i % 5 * 10 + rng.gauss(0, 4 if i > 3_000 else 1)
        values.append({"id": str(i), "k": f"s{i % 5}", "v": noisy})
    shard = Shard(Spec.model_validate(given), 0)
    out = shard.walk(batch("p.events", values))
    told = [row["covered"] for row in rows(out.outcomes) if row["covered"] is not None]
    assert sum(told) / len(told) == pytest.approx(0.9, abs=0.02)
    assert rows(out.predictions)[-1]["interval"] is not None
