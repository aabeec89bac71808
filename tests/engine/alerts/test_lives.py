"""An alert's life, from pending to resolved."""

from __future__ import annotations

import re

import pytest

from engine.alerts.record import Care
from engine.alerts.sight import Rule
from engine.control import Acknowledge, Matcher, Resolve, Silence, Unsilence
from engine.reasons import Reason, Unfit
from tests.engine.alerts.seen import Seen, transitions

HIGH = Rule("High", "warning")
SLOW = Rule("Slow", "critical", wait_ms=60_000)
AMOUNT = Matcher("signal", "amount")


def test_it_fires_and_is_over() -> None:
    """At once where nothing is waited for; between the bound and its margin nothing changes."""
    seen = Seen([HIGH])
    values = ((0, 0.5), (15, 1.5), (30, 0.95), (45, 1.1), (60, 0.8))
    told = [seen.look(at, seen.sight("High", value)) for at, value in values]
    assert told == [[], ["High fired"], [], [], ["High resolved"]]
    first, last = seen.records
    assert (first.status, first.starts_at, first.time) == ("firing", "1970-01-01T00:00:15.000Z", 15_000)
    assert (last.status, last.starts_at, last.ends_at) == (
        "resolved",
        first.starts_at,
        "1970-01-01T00:01:00.000Z",
    )
    assert (last.annotations, last.revision) == ({"summary": "High is 0.8"}, 1)


def test_it_must_hold_for_long_enough() -> None:
    """What holds for a moment is told nobody, and what is over for a moment is not over."""
    seen = Seen([SLOW])
    values = [(0, 2), (30, 2), (45, 0), (60, 2), (90, 2), (120, 2), (150, 0), (165, 2), (180, 0), (240, 0)]
    told = {at: line for at, value in values for line in seen.look(at, seen.sight("Slow", value))}
    assert told == {120: "Slow fired", 240: "Slow resolved"}


def test_it_fires_anew() -> None:
    """Under the same fingerprint, with a beginning of its own, counted from 0."""
    seen = Seen([HIGH])
    for at, value in ((0, 2), (15, 0), (30, 2)):
        seen.look(at, seen.sight("High", value))
    assert transitions(seen.records) == [("fired", 0), ("resolved", 1), ("fired", 0)]
    assert len({alert.fingerprint for alert in seen.records}) == 1
    assert seen.records[2].starts_at > seen.records[0].starts_at


def test_values_are_told_seldom() -> None:
    """Only those that are far from what was told, and ever more seldom, however they jump."""
    seen = Seen([HIGH])
    for at in range(0, 100_000, 15):
        seen.look(at, seen.sight("High", 2 + at % 7))
    assert {alert.transition for alert in seen.records[1:]} == {"updated"}
    assert 5 <= len(seen.records) <= 12


def test_it_is_acknowledged() -> None:
    """It stays so until it is over; who looks after it is told all the time."""
    seen = Seen([HIGH])
    seen.look(0, seen.sight("High", 2))
    key = seen.records[0].fingerprint
    assert seen.obey(1, Acknowledge(alert=key, by="ada", why="on it")) == ["High acknowledged"]
    seen.look(400, seen.sight("High", 4))
    seen.obey(401, Silence(id="s", matchers=(Matcher("alertname", "High"),), until_ms=450_000, by="bob"))
    seen.look(500, seen.sight("High", 0))
    told = [(alert.status, alert.transition, alert.by) for alert in seen.records[1:]]
    assert told == [
        ("acknowledged", "acknowledged", "ada"),
        ("acknowledged", "updated", ""),
        ("acknowledged", "silenced", "bob"),
        ("resolved", "resolved", ""),
    ]
    assert [alert.acknowledged for alert in seen.records] == [None, *[Care("ada", "on it")] * 4]
    seen.look(600, seen.sight("High", 2))
    assert seen.records[-1].acknowledged is None


def test_a_person_ends_it() -> None:
    """One that still holds then says no more until it has not held."""
    seen = Seen([HIGH])
    seen.look(0, seen.sight("High", 2))
    assert seen.obey(1, Resolve(alert=seen.records[0].fingerprint, by="ada")) == ["High resolved"]
    told = [seen.look(at, seen.sight("High", value)) for at, value in ((15, 2), (30, 0), (45, 2))]
    assert told == [[], [], ["High fired"]]


def test_what_is_found_lasts() -> None:
    """A drift is over when it was not found again for so long; found again it is the same alert."""
    seen = Seen([Rule("Drift", "warning", lasts_ms=3_600_000)])
    drift = seen.sight("Drift", 2, of="amount")
    told = [seen.found(0, drift), seen.found(10, drift, again=True), seen.found(3_000, drift)]
    assert told == [["Drift fired"], ["Drift updated"], ["Drift updated"]]
    assert [seen.look(at) for at in (3_700, 6_590, 6_700)] == [[], [], ["Drift resolved"]]
    assert seen.records[-1].why == "it was not found again"
    assert seen.found(6_800, drift, again=True) == []


def test_what_is_not_measured_any_more() -> None:
    """A segment that does not come again does not fire for ever."""
    seen = Seen([Rule("High", "warning", lasts_ms=60_000)])
    seen.look(0, seen.sight("High", 2))
    assert [seen.look(at) for at in (30, 61, 125)] == [[], ["High resolved"], []]


def test_a_condition_that_is_gone() -> None:
    """With the condition its alerts are over."""
    before = Seen([HIGH])
    before.look(0, before.sight("High", 2))
    after = Seen([SLOW])
    after.lives.restore(before.lives.state())
    assert after.look(60, after.sight("Slow", 0)) == ["High resolved"]
    assert "no such condition" in after.records[0].why


def test_a_silence() -> None:
    """It is told that nobody is to be told, also of what fires meanwhile; and when that is over."""
    seen = Seen([HIGH])
    seen.look(0, seen.sight("High", 2, of="amount"))
    silence = Silence(id="s", matchers=(AMOUNT,), until_ms=100_000, by="ada", why="known")
    assert seen.obey(10, silence) == ["High silenced"]
    assert (seen.records[-1].muted, seen.records[-1].by, seen.records[-1].why) == (
        "silence:s",
        "ada",
        "known",
    )
    both = (seen.sight("High", 2, of="amount"), seen.sight("High", 2, of="age"))
    assert [seen.look(at, *both) for at in (15, 99, 100)] == [["High fired"], [], ["High unsilenced"]]
    seen.obey(110, Silence(id="s", matchers=(Matcher("signal", "a.*", regex=True),), until_ms=900_000))
    assert [alert.muted for alert in seen.records[-2:]] == ["silence:s"] * 2
    assert seen.obey(120, Unsilence(id="s", by="bob")) == ["High unsilenced"] * 2
    assert (seen.records[-1].muted, seen.records[-1].by) == ("", "bob")


def test_it_fires_under_a_silence() -> None:
    """The record is there, and says that nobody is to be told."""
    seen = Seen([HIGH])
    seen.obey(0, Silence(id="s", matchers=(AMOUNT,), until_ms=50_000))
    sight = seen.sight("High", 2, of="amount")
    assert seen.look(15, sight) == ["High fired"]
    assert seen.records[0].muted == "silence:s"
    assert seen.look(60, sight) == ["High unsilenced"]


def test_one_inhibits_another() -> None:
    """While it fires nobody is told of the other; whichever of them fires first."""
    seen = Seen([Rule("Down", "critical", inhibits=("High",)), HIGH])
    down, high = seen.sight("Down", 2), seen.sight("High", 2)
    assert seen.look(0, high, seen.sight("Down", 0)) == ["High fired"]
    assert sorted(seen.look(15, high, down)) == ["Down fired", "High inhibited"]
    assert seen.records[-1].muted == "inhibited:Down"
    assert sorted(seen.look(30, high, seen.sight("Down", 0))) == ["Down resolved", "High uninhibited"]
    seen.look(45, seen.sight("High", 0), down)
    assert seen.look(60, high, down) == ["High fired"]
    assert seen.records[-1].muted == "inhibited:Down"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Acknowledge(alert="0123456789abcdef"), 'no alert "0123456789abcdef" fires'),
        (Resolve(alert="x"), 'no alert "x" fires'),
        (Unsilence(id="s"), 'no silence is named "s"'),
        (Silence(id="s", matchers=(AMOUNT,), until_ms=10), "over before it begins"),
        (
            Silence(id="s", matchers=(Matcher("a", "(", regex=True),), until_ms=99_000),
            "a group is not closed",
        ),
        (Silence(id="t", matchers=(AMOUNT,), until_ms=99_000), "limits.silences_max"),
    ],
)
def test_orders_that_cant_be_done(order: Acknowledge | Resolve | Silence | Unsilence, said: str) -> None:
    """They are refused with a sentence, and change nothing."""
    seen = Seen([HIGH], silences_max=1)
    seen.obey(0, Silence(id="first", matchers=(AMOUNT,), until_ms=1_000_000))
    before = seen.lives.state()
    with pytest.raises(Unfit, match=re.escape(said)) as refused:
        seen.obey(11, order)
    assert refused.value.reason is Reason.UNKNOWN_CONTROL
    assert seen.lives.state() == before


def test_a_clock_that_was_wrong() -> None:
    """What was to last until a far future lasts no longer than anything else."""
    seen = Seen([SLOW])
    seen.look(32_000_000_000, seen.sight("Slow", 2))
    told = [seen.look(at, seen.sight("Slow", 2)) for at in (0, 30, 60)]
    assert told == [[], [], ["Slow fired"]]
