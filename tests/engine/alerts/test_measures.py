"""What is measured does not depend on how the stream is cut, nor on being stopped in between."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alerts.record import read
from engine.errors import SpecError
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.alerts.streams import batch, event, spec, walked

CONDITIONS: list[dict[str, Any]] = [
    {"when": "accuracy < 0.55", "over": 300, "at_least": 100},
    {"when": "accuracy < 0.4", "by": "c", "over": 200, "name": "OfSegments"},
    {"when": "error_rate rises 10%", "over": 600},
    {"when": "missing of z > 10%", "over": "2m"},
    {"when": "score < 0.5", "over": 500},
    {"when": "labels < 0.95", "over": 500},
    {"when": "dead_letters > 3%", "over": 400, "for": "1m"},
    {"when": "events_per_second > 5", "over": "1m"},
]
WANTED = spec(*CONDITIONS, metrics={"segments": ["c"]})


def changing(n: int) -> list[dict[str, Any] | bytes]:
    """A third of the way it all becomes worse, at two thirds as it was."""
    records: list[dict[str, Any] | bytes] = []
    for i in range(n):
        made = event(i)
        if n <= 3 * i < 2 * n:
            made |= {"x": 0.1, "z": None if i % 5 == 0 else 1.0, "y": None if i % 7 == 0 else i % 3 != 0}
        records.append(b"{}" if n <= 3 * i < 2 * n and i % 9 == 0 else made)
    return records


STREAM = batch(changing(6000), step_ms=150)


def at_once() -> tuple[list[bytes], str]:
    shard = Shard(WANTED, 0)
    return list(walked(shard, STREAM, len(STREAM))), shard.digest()


def test_it_fires_and_is_over() -> None:
    """Each condition of the stream: first it holds, in the end it does not."""
    told = [read(value) for value in at_once()[0]]
    firing = {alert.labels["alertname"] for alert in told if alert.transition == "fired"}
    assert firing == {
        "AccuracyBelow",
        "OfSegments",
        "ErrorRateRises",
        "MissingOfZAbove",
        "ScoreBelow",
        "LabelsBelow",
        "DeadLettersAbove",
        "EventsPerSecondAbove",
    }
    newest = {alert.fingerprint: alert for alert in told}
    still = {alert.labels["alertname"] for alert in newest.values() if alert.status == "firing"}
    assert still == {"EventsPerSecondAbove"}


@pytest.mark.parametrize("size", [7, 256, 1024])
def test_however_it_is_cut(size: int) -> None:
    """The same alerts to the byte, and the same state."""
    shard = Shard(WANTED, 0)
    assert (list(walked(shard, STREAM, size)), shard.digest()) == at_once()


def test_one_by_one() -> None:
    """The same while nothing comes but one record after the other."""
    some = STREAM.cut(0, 1100)
    one, whole = Shard(WANTED, 0), Shard(WANTED, 0)
    assert list(walked(one, some, 1)) == list(walked(whole, some, 1100))
    assert one.digest() == whole.digest()


@pytest.mark.parametrize("at", [64, 2500, 3999])
def test_stopped_and_begun_again(at: int) -> None:
    """A shard that was written and read goes on as if nothing had happened."""
    first = Shard(WANTED, 0)
    told = list(walked(first, STREAM.cut(0, at), at))
    second = Shard.thaw(WANTED, 0, b"".join(first.freeze()))
    told += walked(second, STREAM.cut(at, len(STREAM)), 500)
    assert (told, second.digest()) == at_once()


def begun_again(before: Spec, after: Spec) -> list[str]:
    """What fires right after the stream's worst part, with other conditions from there on."""
    first = Shard(before, 0)
    list(walked(first, STREAM.cut(0, 3900), 3900))
    second = Shard.thaw(after, 0, b"".join(first.freeze()))
    told = walked(second, STREAM.cut(3900, 4200), 300)
    return [read(value).labels["alertname"] for value in told]


def test_conditions_that_are_new() -> None:
    """They begin with what comes; those that were there keep what they had."""
    none = spec(metrics={"segments": ["c"]})
    low = {"when": "accuracy < 0.55", "over": 1000, "at_least": 250}
    assert begun_again(none, spec(low, metrics={"segments": ["c"]})) == []
    assert begun_again(none, spec({**low, "at_least": 100}, metrics={"segments": ["c"]})) == ["AccuracyBelow"]


def test_what_waits_for_its_turn_is_measured() -> None:
    """A slow stream is looked at within a minute, long before the shard's next turn."""
    shard = Shard(spec({"when": "accuracy < 0.7", "over": 100}), 0)
    assert len(list(walked(shard, batch([event(i) for i in range(192)], step_ms=1000), 64))) == 1


def test_nothing_else_depends_on_it() -> None:
    """Predictions, outcomes with their metrics, and dead letters are the same without conditions."""
    outcomes = {"outcomes": ["accuracy", "log_loss", "kappa_t"], "windows": [300, "5m"], "segments": ["c"]}
    asked, silent = Shard(spec(*CONDITIONS, metrics=outcomes), 0), Shard(spec(metrics=outcomes), 0)
    some = STREAM.cut(0, 3000)
    one, other = asked.walk(some), silent.walk(some)
    assert len(one.alerts) > 0
    assert one.predictions == other.predictions
    assert one.outcomes == other.outcomes
    assert one.dead_letters == other.dead_letters
    assert asked.quality.report() == pytest.approx(silent.quality.report())  # sums in other portions


def test_segments_that_are_told_apart_otherwise() -> None:
    """What was counted under other numbers is left behind, and counting goes on."""
    after = spec(*CONDITIONS, metrics={"segments": ["c"], "segments_max": 5})
    assert "OfSegments" not in begun_again(WANTED, after)


def test_a_condition_that_would_keep_too_much() -> None:
    """Is refused, with what to do."""
    wanted = spec(
        {"when": "accuracy < 0.5", "by": "c"},
        metrics={"segments": ["c"], "segments_max": 1000, "classes_max": 1000},
        labels={"in_event": "y", "type": "category"},
    )
    with pytest.raises(
        SpecError, match=r"alerts\[0\].by: .* lower metrics.segments_max or metrics.classes_max"
    ):
        Shard(wanted, 0)
