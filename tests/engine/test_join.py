"""Each way in which a label and its event may meet, or not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.batch import Outputs
from tests.engine.cases import DAY, NOW, Feed, event, label, reasons, rows

MODEL = {"use": "tests.engine.cases:Picky"}


def counts(feed: Feed) -> dict[str, int]:
    return {name: n for name, n in asdict(feed.shard.join.counts).items() if n}


def learned(feed: Feed) -> list[tuple[float, Any]]:
    found: list[tuple[float, Any]] = feed.shard.model.model.learned
    return found


def verdicts(out: Outputs) -> list[tuple[str, Any, bool]]:
    return [(row["event_id"], row["label"], row["correction"]) for row in rows(out.outcomes)]


def test_in_the_event_it_is_tested_then_learned() -> None:
    """The prediction does not know the event's own label; the next event's does."""
    feed = Feed(labels={"in_event": "y"}, model=MODEL)
    out = feed("events", event("a", y=True), event("b", y=False), event("c"))
    assert [row["score"] for row in rows(out.predictions)] == [0.0, 0.5, 2 / 3]
    assert verdicts(out) == [("a", True, False), ("b", False, False)]
    assert counts(feed) == {"joined": 2}


def test_later_on_its_own_topic() -> None:
    """The label finds the event's features and its prediction."""
    feed = Feed(model=MODEL)
    feed("events", event("a", 3.0), event("b", 4.0))
    out = feed("labels", label("b", False, label_time=NOW / 1000 + 60))
    [row] = rows(out.outcomes)
    assert (row["event_id"], row["prediction"], row["correct"]) == ("b", False, True)
    assert row["label_time"] - row["event_time"] == 60_000 - 1
    assert learned(feed) == [(4.0, False)]


def test_before_its_event() -> None:
    """It is kept, and the event is then tested and learned at once."""
    feed = Feed(model=MODEL)
    assert len(feed("labels", label("a"))) == 0
    out = feed("events", event("a"))
    assert verdicts(out) == [("a", True, False)]
    assert counts(feed) == {"joined": 1, "early": 1}


def test_twice() -> None:
    """The same label again changes nothing and is counted."""
    feed = Feed(model=MODEL)
    feed("events", event("a"))
    feed("labels", label("a"), label("a"))
    assert len(feed("labels", label("a"))) == 0
    assert counts(feed) == {"joined": 1, "duplicate": 2}
    assert len(learned(feed)) == 1


def test_a_correction() -> None:
    """Another label for a settled event: an outcome that says so, metrics put right, learned once more."""
    feed = Feed(model=MODEL)
    feed("events", event("a"))
    out = feed("labels", label("a", False), label("a", True))
    assert verdicts(out) == [("a", False, False), ("a", True, True)]
    assert feed.shard.quality.report().items() >= {"labelled": 1, "accuracy": 0.0}.items()
    assert learned(feed) == [(1.0, False), (1.0, True)]
    assert counts(feed) == {"joined": 1, "correction": 1}


def test_a_label_for_no_event_is_a_dead_letter_in_the_end() -> None:
    """When event time has gone on by `wait`, it comes out with its own bytes."""
    feed = Feed(labels={"wait": "1h"})
    feed("labels", label("never"))
    events = [event(str(i), at=NOW + 2 * DAY // 4) for i in range(300)]
    out = feed("events", *events)
    assert reasons(out) == ["label_unmatched"]
    assert b"never" in (out.dead_letters.values[0] or b"")
    assert counts(feed) == {"early": 1, "unmatched": 1}


def test_too_many_early_labels() -> None:
    """The oldest leaves as a dead letter."""
    feed = Feed(limits={"early_max": 2})
    out = feed("labels", label("a"), label("b"), label("c"))
    assert reasons(out) == ["label_unmatched"]
    assert list(feed.shard.join.early) == ["b", "c"]


def test_an_event_whose_label_never_comes_expires() -> None:
    """It is forgotten after `wait` of event time, counted, and its late label stays alone."""
    feed = Feed(labels={"wait": "1h"})
    feed("events", event("old", at=NOW), *(event(str(i), at=NOW + DAY // 2) for i in range(255)))
    assert counts(feed) == {"expired": 1}
    feed("labels", label("old"))
    assert counts(feed) == {"expired": 1, "early": 1}


def test_the_ledger_is_bounded() -> None:
    """Beyond `remember_max` the oldest events leave, and those without a label are counted."""
    feed = Feed(limits={"remember_max": 1000})
    feed("events", *(event(str(i)) for i in range(1024)))
    assert len(feed.shard.join.ledger) == 1000
    assert counts(feed) == {"dropped": 24}
    assert len(feed("events", event("0")).predictions) == 1


def test_labels_by_prediction_id() -> None:
    """A label may name the prediction instead of the event."""
    feed = Feed(labels={"by": "prediction_id", "id": "prediction_id"}, model=MODEL)
    [row] = rows(feed("events", event("a")).predictions)
    out = feed("labels", {"prediction_id": row["prediction_id"], "label": True})
    assert verdicts(out) == [("a", True, False)]


def test_regression_outcomes_have_an_error() -> None:
    """For numbers, the outcome says by how much; corrections take the old error out."""
    feed = Feed(model={"use": "linear_regression"})
    feed("events", event("a"))
    [row] = rows(feed("labels", label("a", 2.5)).outcomes)
    assert (row["error"], row["correct"]) == (2.5, None)
    feed("labels", label("a", 1.5))
    assert feed.shard.quality.report().items() >= {"labelled": 1, "mae": 1.5, "rmse": 1.5}.items()


def test_outcomes_can_be_left_out() -> None:
    """Without them labels are learned and counted all the same."""
    feed, plain = Feed(labels={"outcomes": False}), Feed()
    for each in (feed, plain):
        each("events", event("a"))
        each("labels", label("a"))
    outs = [each("events", event("b")) for each in (feed, plain)]
    assert outs[0].predictions == outs[1].predictions
    assert feed.shard.quality.report() == plain.shard.quality.report()
    assert len(feed("labels", label("b")).outcomes) == 0
