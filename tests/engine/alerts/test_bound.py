"""Never more than so many records a minute, and nothing that is open is forgotten."""

from __future__ import annotations

import pickle
import random

from engine.alerts.record import Alert
from engine.alerts.sight import Rule
from engine.alerts.summary import NAME
from engine.control import Acknowledge, Matcher, Silence
from tests.engine.alerts.seen import MINUTE, Seen

RULES = [Rule("Info", "info"), Rule("High", "warning"), Rule("Down", "critical")]
SECONDS = 15
LOOKS = 60


def storm(seen: Seen, looks: int, signals: int, seed: int = 1, first: int = 0) -> None:
    """Every condition of every signal flaps."""
    dice = random.Random(seed)
    for n in range(first, first + looks):
        seen.look(
            n * SECONDS,
            *(
                seen.sight(rule.name, dice.choice((0, 2, 3)), of=f"x{i}")
                for i in range(signals)
                for rule in RULES
            ),
        )


def calm(seen: Seen, at: float, minutes: int) -> None:
    """All is well, for so long."""
    for minute in range(minutes):
        seen.look(
            at + 60 * minute,
            *(
                seen.sight(each.labels["alertname"], 0, of=each.labels.get("signal", ""))
                for each in [life.alert for life in seen.lives.all.values()]
                if each.labels["alertname"] != NAME
            ),
        )


def newest(records: list[Alert]) -> dict[str, Alert]:
    return {alert.fingerprint: alert for alert in records}


def test_a_storm() -> None:
    """Few records, and no more memory than a fixed amount; in the end everything is told."""
    seen = Seen(RULES, alerts_per_minute_max=20, alerts_max=300)
    storm(seen, LOOKS, 1_000)
    assert len(seen.records) <= 20 * (LOOKS * SECONDS / 60 + 1)
    assert len(seen.lives.all) <= 300 + 1
    assert len(pickle.dumps(seen.lives.state())) < 400_000
    calm(seen, LOOKS * SECONDS, 60)
    assert {alert.status for alert in newest(seen.records).values()} == {"resolved"}
    assert seen.lives.all == {}
    assert seen.lives.outbox.waiting == {}


def test_no_minute_has_more() -> None:
    """Wherever it begins; told at once is what there is room for, then the rest, the most severe first."""
    seen = Seen(RULES, alerts_per_minute_max=10)
    at, told = 0.0, list[float]()
    for n in range(60):
        at = n * 7.0
        new = seen.look(at, *(seen.sight(rule.name, 2, of=f"x{i}") for i in range(20) for rule in RULES))
        told += [at] * len(new)
    assert all(len([t for t in told if start <= t < start + 60]) <= 10 for start in told)
    fired = [alert for alert in seen.records if alert.labels["alertname"] != NAME]
    order = [alert.labels["severity"] for alert in fired]
    assert order == ["critical"] * 20 + ["warning"] * 20 + ["info"] * len(order[40:])
    assert len(newest(fired)) == len(fired)


def test_the_summary() -> None:
    """It says how many of which, at most once a minute, and is over some minutes after the last."""
    seen = Seen(RULES, alerts_per_minute_max=10)
    seen.look(0, *(seen.sight("High", 2, of=f"x{i}") for i in range(30)))
    first = seen.records[-1]
    assert (first.labels["alertname"], first.transition) == (NAME, "fired")
    assert first.annotations["summary"] == "22 changes of alerts were held back"
    assert first.annotations["description"].endswith("High 22; 22 wait to be told.")
    assert first.evidence == {"held_back": {"High": 22}, "turned_away": {}, "waiting": 22}
    calm_at = [seen.look(at) for at in range(60, 900, 60)]
    told = [(at, line) for at, lines in enumerate(calm_at, 1) for line in lines if line.startswith(NAME)]
    assert told == [(5, f"{NAME} resolved")]
    assert len(newest(seen.records)) == 31


def test_what_waits_is_told_as_it_is_then() -> None:
    """Once, with how much of it was held back; one that came and went is told nobody, and counted."""
    seen = Seen(RULES, alerts_per_minute_max=10)
    seen.look(0, *(seen.sight("Down", 2, of=f"x{i}") for i in range(8)))
    gone, back = seen.sight("Info", 2, of="gone"), seen.sight("Info", 2, of="back")
    seen.look(15, gone, back)
    seen.look(30, seen.sight("Info", 0, of="gone"), seen.sight("Info", 0, of="back"))
    seen.look(45, back)
    seen.look(120)
    told = [alert for alert in seen.records if alert.labels["alertname"] == "Info"]
    assert [(a.labels["signal"], a.transition, a.revision, a.held_back) for a in told] == [
        ("back", "fired", 0, 0)
    ]
    assert seen.lives.outbox.held == {"Info": 5}


def test_an_end_that_waits() -> None:
    """What is known to fire is told when it is over, though it fired and ended again meanwhile."""
    seen = Seen(RULES, alerts_per_minute_max=10)
    seen.look(0, seen.sight("Info", 2))
    seen.look(1, *(seen.sight("Down", 2, of=f"x{i}") for i in range(20)))
    for at, value in ((15, 0), (20, 2), (25, 0)):
        seen.look(at, seen.sight("Info", value))
    for at in (70, 140, 210):
        seen.look(at)
    told = [alert for alert in seen.records if alert.labels["alertname"] == "Info"]
    assert [(a.transition, a.held_back) for a in told] == [("fired", 0), ("resolved", 2)]


def test_people_are_heard() -> None:
    """What somebody did is told, though others wait."""
    seen = Seen(RULES, alerts_per_minute_max=10)
    seen.look(0, *(seen.sight("Down", 2, of=f"x{i}") for i in range(40)))
    key = seen.records[0].fingerprint
    assert seen.obey(1, Acknowledge(alert=key)) == ["Down acknowledged"]
    held = seen.obey(2, Silence(id="s", matchers=(Matcher("alertname", "Down"),), until_ms=10 * MINUTE))
    assert held == []
    seen.look(61)
    assert {alert.muted for alert in seen.records if alert.time > 2_000} <= {"silence:s", ""}


def test_no_more_than_so_many_are_open() -> None:
    """Others are turned away, and counted by name."""
    seen = Seen(RULES, alerts_max=5)
    sights = [seen.sight("High", 2, of=f"x{i}") for i in range(8)]
    assert seen.look(0, *sights) == ["High fired"] * 5 + [f"{NAME} fired"]
    assert seen.records[-1].evidence == {"held_back": {}, "turned_away": {"High": 3}, "waiting": 0}
    assert "limits.alerts_max = 5 are open: High 3" in seen.records[-1].annotations["description"]


def test_those_that_are_over_leave_in_the_end() -> None:
    """Of alerts that are over as many lie on the topic as may be open; the oldest gets a tombstone."""
    seen = Seen(RULES, alerts_max=3)
    for n in range(5):
        seen.look(2 * n, seen.sight("High", 2, of=f"x{n}"))
        seen.look(2 * n + 1, seen.sight("High", 0, of=f"x{n}"))
    fired = [alert.fingerprint for alert in seen.records if alert.transition == "fired"]
    assert seen.buried == fired[:2]


def test_another_goes_on() -> None:
    """A shard that is restored at any moment of a storm tells what the first would have told."""
    whole, other = (Seen(RULES, alerts_per_minute_max=15, alerts_max=40) for _ in range(2))
    for n in range(60):
        for each in (whole, other):
            storm(each, 1, 20, seed=n, first=n)
            matchers = (Matcher("signal", f"x{n % 9}.*", regex=True),)
            until = n * SECONDS * 1000 + 50_000
            each.obey(n * SECONDS, Silence(id=f"s{n % 7}", matchers=matchers, until_ms=until))
        told = other.records
        other = other.copied()
        other.records = told
    assert other.records == whole.records
    assert other.lives.state() == whole.lives.state()
    assert len(whole.records) > 100
