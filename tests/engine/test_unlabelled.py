"""Events whose label does not come are taken for negative, where the spec says so."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.errors import SpecError
from engine.unlabelled import ASSUMED_MAX
from tests.engine.cases import DAY, NOW, Feed, event, label, rows, spec
from tests.engine.test_join import MODEL, counts, learned, verdicts

HOUR = DAY // 24
NEGATIVE = {"unlabelled": "negative", "wait": "2h", "negative_after": "1h"}


def later(hours: float, n: int) -> list[dict[str, object]]:
    """Labelled events of a later hour: by them time goes on, and a turn comes."""
    return [event(f"later{hours}-{i}", at=int(NOW + hours * HOUR), y=True) for i in range(n)]


def fed() -> Feed:
    """Two events without a label, an hour and a half ago."""
    feed = Feed(labels={**NEGATIVE, "in_event": "y"}, model=MODEL)
    feed("events", event("a", 3.0, at=NOW), event("b", 4.0, at=NOW))
    return feed


def test_it_is_learned_and_told() -> None:
    """An outcome that says so, with the time at which waiting was over; counted on its own."""
    feed = fed()
    feed("labels", label("b", True, label_time=NOW / 1000))
    out = feed("events", *later(1.5, 253))
    [row] = [row for row in rows(out.outcomes) if row["assumed"]]
    assert (row["event_id"], row["label"], row["correct"], row["correction"]) == ("a", False, True, False)
    assert row["label_time"] == row["event_time"] + HOUR
    assert learned(feed)[-1] == (3.0, False)
    assert counts(feed) == {"joined": 254, "assumed": 1}
    assert feed.shard.quality.report()["labelled"] == 254 + (row["prediction"] is not None)


def test_a_label_that_comes_after_all_corrects_it() -> None:
    """Until the wait is over; the same label changes nothing, and afterwards it is for no event."""
    feed = fed()
    feed("events", *later(1.5, 254))
    [row] = rows(feed("labels", label("a", True, label_time=NOW / 1000 + 5400)).outcomes)
    assert (row["label"], row["correction"], row["assumed"]) == (True, True, False)
    assert len(feed("labels", label("b", False, label_time=NOW / 1000 + 5400))) == 0
    assert counts(feed) == {"joined": 254, "assumed": 2, "correction": 1, "duplicate": 1}
    feed("events", *later(2.5, 254))
    assert counts(feed)["assumed"] == 2
    feed("labels", label("b", True, label_time=NOW / 1000 + 5400))
    assert counts(feed)["early"] == 1


def test_without_a_time_of_its_own_it_is_the_last_thing_that_happens() -> None:
    """Taken for negative when the wait is over, and then forgotten."""
    feed = Feed(labels={"unlabelled": "negative", "wait": "1h"}, model=MODEL)
    feed("events", event("a", 3.0, at=NOW))
    out = feed("events", *(event(f"e{i}", at=NOW + 2 * HOUR) for i in range(255)))
    assert verdicts(out) == [("a", False, False)]
    assert counts(feed) == {"assumed": 1}
    assert feed.shard.join.ledger.find("a") is None


def test_what_the_model_fails_on_stays_without_a_label() -> None:
    """It is counted, told by no outcome, and has left no trace in the model."""
    model = {**MODEL, "with": {"learn_fails": 3.0}}
    feed = Feed(labels={"unlabelled": "negative", "wait": "1h"}, model=model)
    feed("events", event("a", 3.0, at=NOW))
    out = feed("events", *(event(f"e{i}", at=NOW + 2 * HOUR) for i in range(255)))
    assert len(out.outcomes) == len(out.dead_letters) == len(learned(feed)) == 0
    assert counts(feed) == {"unlearned": 1, "expired": 1}


def test_a_jump_of_time_is_taken_in_steps() -> None:
    """So many at one turn; the others wait for the next, and none is forgotten before."""
    n = ASSUMED_MAX + 256
    feed = Feed(labels={"unlabelled": "negative", "wait": "1h"}, model=MODEL)
    feed("events", *(event(f"a{i}", at=NOW) for i in range(n)))
    feed("events", *(event(f"b{i}", at=NOW + 2 * HOUR) for i in range(256)))
    assert counts(feed) == {"assumed": ASSUMED_MAX}
    assert len(feed.shard.join.ledger) == 512
    feed("events", *(event(f"c{i}", at=NOW + 2 * HOUR) for i in range(256)))
    assert counts(feed) == {"assumed": n}


def test_too_many_to_remember_are_not_negative() -> None:
    """They have not waited long enough to tell."""
    feed = Feed(labels=NEGATIVE, limits={"remember_max": 1000}, model=MODEL)
    feed("events", *(event(str(i), at=NOW) for i in range(1024)))
    assert counts(feed) == {"dropped": 24}


def test_numbers_and_classes_have_their_own() -> None:
    """What stands for none has to be of the labels' kind."""
    named = {"unlabelled": "negative", "wait": "1h", "type": "category"}
    with pytest.raises(SpecError, match="a label of this pipeline is a category"):
        Feed(labels=named, model=MODEL)
    feed = Feed(labels={**named, "negative": "kept"}, model=MODEL)
    feed("events", event("a", at=NOW))
    assert verdicts(feed("events", *(event(f"e{i}", at=NOW + DAY // 2) for i in range(255)))) == [
        ("a", "kept", False)
    ]
    regress = {"unlabelled": "negative", "wait": "1h", "negative": 0}
    feed = Feed(labels=regress, model={"use": "linear_regression"})
    assert feed.shard.join.negatives is not None
    assert repr(feed.shard.join.negatives.label) == "0.0"


@pytest.mark.parametrize("wrong", [{"negative_after": "1h"}, {**NEGATIVE, "negative_after": "3h"}])
def test_what_does_not_hold_together_is_refused(wrong: dict[str, str]) -> None:
    """A time without its setting, or one by which the event is forgotten."""
    with pytest.raises(ValidationError, match="negative_after"):
        spec(labels=wrong)


def test_the_delay_of_labels_is_measured() -> None:
    """From the event's time to the label's, where a record brings it, early or late, and it is learned."""
    feed = Feed(model={**MODEL, "with": {"learn_fails": 7.0}})
    feed("labels", label("b", True, label_time=NOW / 1000 + 5))
    feed("events", *(event(name, 7.0 if name == "c" else 1.0, at=NOW) for name in "abc"))
    feed(
        "labels", *(label(name, True, label_time=NOW / 1000 + 3600 * n) for n, name in ((1, "a"), (30, "c")))
    )
    delays = feed.shard.join.delays
    assert delays.total == 3_605_000
    assert {bound: n for bound, n in delays.below() if bound in (10_000, HOUR, DAY)} == {
        10_000: 1,
        HOUR: 2,
        DAY: 2,
    }
