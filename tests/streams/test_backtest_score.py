"""Alarms count for changes that reach them, in time; all others are false."""

from __future__ import annotations

from typing import Any

import pytest

from engine.drift.inject.plan import Change
from engine.drift.signals import Kind, Signal
from engine.spec import Spec
from streams.backtest.claims import Judged, Raised, Reach, claims, judge, made_of
from streams.backtest.plan import Piece
from streams.backtest.score import by_signal, delays, dummies, refused, scored

ROWS, HORIZON = 1_000, 100
FIELDS = {
    **{name: {"type": "number"} for name in ("x", "z")},
    **{name: {"type": "category"} for name in ("card", "country")},
}
FEATURES = [
    *("x", "z", "country"),
    {"name": "sum", "agg": "sum", "of": "z", "by": "card", "over": "1h"},
    {"name": "rate", "make": "ratio", "of": ["sum", "x"]},
    {"name": "risk", "make": "target", "of": "country"},
]
SPEC = Spec.model_validate(
    {"pipeline": "p", "events": {"fields": FIELDS}, "features": FEATURES, "labels": {"in_event": "y"}}
)
KNOWN = [
    *(Signal(Kind.VALUE, name) for name in ("x", "z", "sum", "rate", "risk")),
    *(Signal(kind, "x") for kind in (Kind.MISSING, Kind.OUTSIDE)),
    Signal(Kind.CATEGORY, "country", categories=True),
    Signal(Kind.CORRELATION, "x*sum"),
    Signal(Kind.VALUE, "z", segment="country=NL"),
    *(Signal(kind) for kind in (Kind.SCORE, Kind.LABEL, Kind.ERROR)),
]
SIGNALS = {signal.name: signal for signal in KNOWN}


def piece(start: int, stop: int = ROWS, change: str = "mean", **more: Any) -> Piece:
    given = {"change": change, "fields": [] if change == "label_flip" else ["x"]} | more
    return Piece(Change.model_validate(given), start, stop, start * 1000)


def judged(pieces: list[Piece], *alarms: tuple[str, int], late: int = 0) -> list[Judged]:
    raised = [Raised(name, "d", at, at + late, 1000 * at, 2.0, 1.0) for name, at in alarms]
    return judge(raised, SIGNALS, Reach(SPEC, pieces), claims(pieces, ROWS, HORIZON))


def whats(found: list[Judged]) -> list[str]:
    return [each.what for each in found]


def test_what_features_are_made_of() -> None:
    """Of fields only, through any number of features between."""
    made = made_of(SPEC)
    assert made["rate"] == {"x", "z", "card"}
    assert made["sum"] == {"z", "card"}


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        ({}, {"x", "rate", "x.missing", "x.outside", "x*sum", "score", "error", "together"}),
        ({"fields": ["z"]}, {"z", "sum", "rate", "x*sum", "z[country=NL]", "score", "error", "together"}),
        (
            {"change": "missing", "fields": ["country"]},
            {"country", "risk", "z[country=NL]", "score", "error", "together"},
        ),
        ({"change": "label_flip"}, {"label", "error", "risk", "score", "together"}),
    ],
)
def test_reach(change: dict[str, Any], reached: set[str]) -> None:
    """What is made of a changed field, and what the model says; nothing else."""
    found = {
        name
        for name in (*SIGNALS, "together")
        if whats(judged([piece(500, **change)], (name, 510))) != ["false"]
    }
    assert found == reached


def test_when() -> None:
    """From the change on, within the horizon; the second alarm of one finds nothing new."""
    found = judged([piece(500)], *(("x", at) for at in (499, 500, 599, 600)))
    assert whats(found) == ["false", "found", "again", "false"]


def test_gradual() -> None:
    """While it comes about, and the horizon longer."""
    assert whats(judged([piece(500, over=50)], ("x", 649), ("x", 650))) == ["found", "false"]


def test_the_end_of_a_change() -> None:
    """That it is over is no news that anybody asked for, and no false alarm."""
    assert whats(judged([piece(200, 400)], ("x", 210), ("x", 405), ("z", 405))) == ["found", "ended", "false"]


def test_the_newest_change() -> None:
    """Of two that reach the signal the newer; of one that it shows and another, the one that it shows."""
    both = [piece(500), piece(550, fields=["z"])]
    found = judged(both, ("x", 560), ("score", 570), ("sum", 580))
    assert [each.pieces for each in found] == [(0,), (1,), (1,)]
    together = [piece(500), piece(500, change="spread", fields=["z"])]
    assert judged(together, ("score", 510))[0].pieces == (0, 1)


def test_delays() -> None:
    """The changed row itself counts; what came late, by the row that was taken by then."""
    pieces = [piece(500), piece(700, fields=["z"])]
    assert delays(judged(pieces, ("x", 500), ("sum", 706)), pieces) == {0: 1, 1: 7}
    assert delays(judged(pieces, ("x", 500), late=30), pieces) == {0: 31}


def test_by_signal() -> None:
    """Each signal by changes of its own, and its own false alarms."""
    pieces = [piece(500), piece(700, change="missing")]
    found = judged(pieces, ("x", 100), ("x", 504), ("score", 710))
    told = by_signal(found, SIGNALS, Reach(SPEC, pieces))
    assert (told["x"].planted, told["x"].found, told["x"].false_alarms, told["x"].delay_mean) == (1, 1, 1, 5)
    assert (told["x.missing"].planted, told["x.missing"].found) == (1, 0)
    assert (told["score"].planted, told["score"].alarms) == (0, 1)
    assert "z" not in told


def test_dummies() -> None:
    """They are judged as everybody is, and their score shows it."""
    pieces = [piece(500, 600)]
    told = dummies(pieces, claims(pieces, ROWS, HORIZON), ROWS, 4)
    assert (told["always"].found, told["always"].delay_max, told["always"].false_alarms) == (1, 1, 800)
    assert (told["never"].found, told["never"].false_alarms, told["never"].f1) == (0, 0, 0.0)
    assert (told["periodic"].alarms, told["periodic"].false_alarms, told["periodic"].found) == (4, 3, 0)
    assert scored(1, [3], 1, 0).f1 == 1.0


def test_nothing_planted() -> None:
    """Then every alarm is false, and there is nothing to find."""
    found = judged([], ("x", 3), ("together", 5))
    assert whats(found) == ["false", "false"]
    score = scored(0, [], 2, 2)
    assert (score.recall, score.f1, score.precision) == (None, None, 0.0)


def test_gates() -> None:
    """Missed, too late, too many: a sentence each; and nothing to say where all is well."""
    changes: list[dict[str, Any]] = [{"told": "mean 1 of x", "start": 9, "found": True, "delay_events": 40}]
    missed = [{"told": "spread 2 of z", "start": 5, "found": False, "delay_events": None}]
    assert refused(changes, 2, 40, 2) == ""
    assert refused(changes, 0, 39, None) == "found mean 1 of x at row 9 after 40 events, later than 39"
    assert refused(changes + missed, 0, 50, None) == "missed spread 2 of z at row 5"
    assert refused(changes + missed, 2, None, 1) == "2 false alarms, more than 1"
