"""What conditions measure: each subject on a stream whose figures can be worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alerts.record import read
from engine.alerts.subjects import SUBJECTS
from engine.shard import Shard
from tests.engine.alerts.streams import TURN, alerts, batch, event, one, spec, walked

EVENTS = batch([event(i) for i in range(TURN)])
# Of 1,024 events 256 are predicted as False, all wrongly; of the others 128 are False.
OF_EVENTS = {
    "accuracy": 640 / 1024,
    "error_rate": 384 / 1024,
    "precision": 640 / 768,
    "recall": 640 / 896,
    "balanced_accuracy": 640 / 896 / 2,
    "f1": 2 * 640 / (896 + 768),
    "brier": (384 * 0.75**2 + 640 * 0.25**2) / 1024,
    "ece": (256 * 0.75 + 768 * (640 / 768 - 0.75)) / 1024,
    "missing of z": 64 / 1024,
    "missing of w": 0.0,
    "unseen of c": 2 / 1024,
    "predictions of true": 0.75,
    "score": 0.625,
    "labels": 1.0,
    "dead_letters": 0.0,
}


@pytest.mark.parametrize("subject", OF_EVENTS)
def test_of_events(subject: str) -> None:
    """The value, of how many it is, and the events that it tells of."""
    evidence = one(spec(f"{subject} >= 0"), EVENTS).evidence or {}
    assert evidence["value"] == pytest.approx(OF_EVENTS[subject], abs=1e-12)
    assert (evidence["n"], evidence["first_offset"], evidence["last_offset"]) == (1024, 0, 1023)


@pytest.mark.parametrize(
    ("subject", "value"),
    [("mae", 0.5), ("rmse", 0.5), ("mape", 0.4), ("score", 0.75)],
)
def test_of_numbers(subject: str, value: float) -> None:
    """Predictions of 0.75 where the label is 1.25."""
    records = [event(1) | {"y": 1.25}] * TURN
    model = {"use": "tests.engine.alerts.streams:SaysNumber"}
    found = one(
        spec(f"{subject} >= 0", model=model, labels={"in_event": "y", "type": "number"}), batch(records)
    )
    assert found.evidence is not None
    assert found.evidence["value"] == pytest.approx(value, rel=0.03 if subject == "score" else 1e-12)


LACKING = [event(1) | {"w": None}] * 24
WRONG = [event(1) | {"w": 11}] * 50 + [event(1) | {"w": "much"}] * 50


@pytest.mark.parametrize(
    ("subject", "bad", "value"),
    [
        ("missing of w", LACKING, 24 / 1024),
        ("outside of w", WRONG, 50 / 1024),
        ("refused of w", WRONG, 100 / 1024),
        ("dead_letters", WRONG, 100 / 1024),
        ("dead_letters of wrong_type", WRONG, 50 / 1024),
    ],
)
def test_of_what_is_refused(subject: str, bad: list[dict[str, Any]], value: float) -> None:
    """Events that were refused count, too."""
    records = bad + [event(i) for i in range(TURN - len(bad))]
    found = one(spec(f"{subject} >= 0"), batch(records))
    assert found.evidence is not None
    assert (found.evidence["value"], found.evidence["n"]) == (pytest.approx(value), TURN)


@pytest.mark.parametrize("size", [TURN, 100])
def test_where_the_refused_lie(size: int) -> None:
    """Their offsets are told with those of the others, also where no good event comes after them."""
    records = [event(i) for i in range(TURN - len(WRONG))] + WRONG
    (value,) = walked(Shard(spec("outside of w >= 0"), 0), batch(records), size)
    evidence = read(value).evidence or {}
    assert (evidence["first_offset"], evidence["last_offset"]) == (0, TURN - 1)


@pytest.mark.parametrize(
    ("subject", "value"),
    [("label_delay", 5000.0), ("label_delay_p50", 5500.0), ("label_delay_p90", 9100.0), ("labels", 1.0)],
)
def test_of_labels(subject: str, value: float) -> None:
    """Each comes five seconds after its event; within its bin it is taken to lie anywhere."""
    bound = "1ms" if subject.startswith("label_delay") else "0"
    wanted = spec({"when": f"{subject} > {bound}", "over": 500}, labels={"id": "id"}, events=WITH_ID)
    shard = Shard(wanted, 0)
    events = [event(1) | {"id": f"e{i}", "at": 10**12} for i in range(512)]
    labels = [{"id": f"e{i}", "label": True, "label_time": 10**9 + 5} for i in range(512)]
    assert not alerts(shard, batch(events, step_ms=0))
    (alert,) = alerts(shard, batch(labels, step_ms=0, what="labels"))
    assert alert.evidence is not None
    assert (alert.evidence["value"], alert.evidence["n"]) == (pytest.approx(value), 512)


WITH_ID: dict[str, Any] = {
    "id": "id",
    "time": "at",
    "fields": {
        "id": {"type": "text"},
        "at": {"type": "timestamp", "unit": "ms"},
        **{name: {"type": "number", "required": False} for name in "xzw"},
        "c": {"type": "category"},
    },
}


def test_of_time() -> None:
    """Ten events come in a second; the first look only begins to count."""
    found = one(spec("events_per_second > 5"), batch([event(i) for i in range(8 * TURN)], step_ms=100))
    assert found.evidence is not None
    assert found.evidence["value"] == pytest.approx(10.0)
    assert found.evidence["window"] == "5m"


def test_of_what_is_known_at_any_moment() -> None:
    """The model's size as it was weighed last, and what is expected before labels come."""
    watch = {"watch": ["performance"]}
    shard = Shard(spec("model_bytes >= 0", "accuracy_low >= 0", drift=watch), 0)
    found = {a.labels["metric"]: a for a in alerts(shard, batch([event(i) for i in range(9 * TURN)]))}
    assert shard.watch is not None
    assert shard.watch.estimate is not None
    assert found["model_bytes"].evidence is not None
    assert found["model_bytes"].evidence["value"] == shard.growth.bytes
    assert found["accuracy_low"].evidence is not None
    assert 0 <= found["accuracy_low"].evidence["value"] <= 0.625


def test_of_segments() -> None:
    """Each value of a segment is judged on its own, and has its own alert."""
    records = [event(0) | {"c": "a", "y": False}, event(0) | {"c": "b", "y": True}] * TURN
    condition = {"when": "accuracy < 0.5", "by": "c", "over": 100}
    (alert,) = alerts(Shard(spec(condition, metrics={"segments": ["c"]}), 0), batch(records))
    assert alert.labels["segment"] == "c=b"
    assert alert.evidence is not None
    assert (alert.evidence["value"], alert.evidence["n"]) == (0.0, 480)  # since the first look


def test_each_subject_is_told_apart_from_the_worker_s() -> None:
    """What only the worker can know has no measure here."""
    mine = [
        f"{name} >= 0"
        for name, each in SUBJECTS.items()
        if each.where == "worker" and each.unit != "duration"
    ]
    shard = Shard(spec(*mine, "no_data > 5m"), 0)
    assert shard.judge is not None
    assert not shard.judge.measures


def test_a_label_that_is_corrected() -> None:
    """The correction counts in the window in which it comes, and no outcome counts twice."""
    wanted = spec({"when": "accuracy >= 0", "over": 1000, "at_least": 1}, labels={"id": "id"}, events=WITH_ID)
    shard = Shard(wanted, 0)
    events = [event(1) | {"id": f"e{i}", "at": 10**12} for i in range(512)]
    right, wrong = (
        [{"id": f"e{i}", "label": y, "label_time": 10**9} for i in range(256)] for y in (True, False)
    )
    assert not alerts(shard, batch(events, step_ms=0))
    (alert,) = alerts(shard, batch([*right, *wrong], step_ms=0, what="labels"))
    assert alert.evidence is not None
    assert (alert.evidence["value"], alert.evidence["n"]) == (0.0, 256)
