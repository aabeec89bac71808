"""A drift on a terminal."""

from __future__ import annotations

from engine.drift.evidence.record import read
from streams.drift.text import brief, described, headline, row
from tests.streams.drifts import CATEGORIES, drift


def test_the_headline() -> None:
    """What, how, since when, found where and by whom."""
    assert headline(drift()) == ("amount: mean up since event 10,003, found at event 10,113 by rank_sr")


def test_a_start_that_is_not_known() -> None:
    """Where it lies further back than is remembered, that is said."""
    start = {"offset": 9_000, "time": 0, "records": 1_024, "bounded": True}
    assert "at or before event 9,000" in headline(drift(start=start))
    assert "event 9,000 or before" in "\n".join(described(drift(start=start)))


def test_all_of_it() -> None:
    """Statistic, start, change, effect, histograms, ranking, origin; and nothing that moves the cursor."""
    text = "\n".join(described(drift(warnings=["quiet and restless times alternate"], dropped=3)))
    for said in (
        "statistic 5.231e+04 of 4.15e+04",
        "79.1 -> 121.9",
        "0.44 (Cliff's delta), p 1.5e-09",
        "50 to 100",
        "20.0% ████████",
        "share of the change\n  amount               80.0% ████",
        "producer=b\\x1b[31m",
        "first seen at event 10,003",
        "most of it comes from producer=b",
        "quiet and restless",
        "3 drifts before this one",
    ):
        assert said in text
    assert "\x1b" not in text


def test_categories() -> None:
    """Shares then and now, and which are new."""
    text = "\n".join(described(drift(**CATEGORIES)))
    assert "country: categories since" in text
    assert "NL" in text
    assert "BR new" in text
    assert "statistic - of -" in text


def test_in_short() -> None:
    """Some lines, and one for a table."""
    lines = list(brief(drift(cause="data")))
    assert lines[1:] == [
        "mean 79.1 -> 121.9, effect 0.44",
        "before █▆▂  since ▃▆▆",
        "share of the change: amount 80%, score 20%",
        "what drifted: data",
    ]
    assert row("0-17", drift())[3:] == ["amount", "rank_sr", "mean up", "10,003", "0.44 Cliff's delta"]
    assert len(list(brief(drift(**CATEGORIES)))) == 1


def test_a_record_is_read_as_it_was_written() -> None:
    """With what is known of the quality, of which one figure is true or false."""
    told = drift(quality={"estimated": 0.9, "n": 1_000, "apart": False, "realised": None})
    assert read(told.json()) == told


def test_figures_of_a_change() -> None:
    """Where the change itself has none, those of the reference and of today tell how far it went."""
    changes = [{"kind": "spread", "effect": 0.7}, {"kind": "shape", "effect": 0.3}]
    given = drift(changes=changes)
    given.reference.figures, given.current.figures = {"mean": 5, "sd": 1.0}, {"mean": 5, "sd": 2.0}
    assert list(brief(given))[1] == "spread 1 -> 2, effect 0.7, shape effect 0.3"
