"""What one receiver is told, and when: pure, with the time passed in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.alerts.record import Alert, Care, iso
from streams.notify.rounds import Group, Rounds, Standing
from streams.notify.routes import ways
from streams.notify.told import Entry
from tests.streams.notify.alerts import START_MS, alert, notify, over

HOUR_MS = 3_600_000


class Desk:
    """One receiver, and a clock that a test sets."""

    def __init__(self, **given: Any) -> None:
        self.notify = notify(**given)
        self.rounds = Rounds("oncall", self.notify)
        self.now = START_MS

    def take(self, *alerts: Alert, old: bool = False) -> None:
        for one in alerts:
            way = ways(self.notify, one.labels)["oncall"]
            self.rounds.take(Standing(one, self.now, old), way, self.now)

    def begin(self, wait: int = HOUR_MS) -> Group | None:
        """The message that goes next within a time, if any does."""
        found = self.rounds.next(self.now)
        if found is None or found[0] > self.now + wait:
            return None
        self.now = max(self.now, found[0])
        return found[1] if self.rounds.begin(found[1], self.now) else None

    def told(self, wait: int = HOUR_MS) -> list[tuple[str, str]]:
        """The status and feature of each alert of the next message, which is taken."""
        group = self.begin(wait)
        if group is None or group.parcel is None:
            return []
        body = msgspec.json.decode(group.parcel.body)
        self.rounds.taken(group, self.now)
        return [(each["status"], each["labels"]["feature"]) for each in body["alerts"]]

    def again(self) -> Desk:
        """After a restart that forgot everything but what was written."""
        new = Desk()
        new.notify, new.now = self.notify, self.now
        new.rounds = Rounds("oncall", self.notify)
        for key, group in self.rounds.groups.items():
            status = "sending" if group.parcel is not None else "sent"
            written = msgspec.json.encode(self.rounds.entry(group, status, self.now))  # type: ignore[arg-type]
            new.rounds.load(key, msgspec.json.decode(written, type=Entry))
        return new


def test_an_alert_is_told_once() -> None:
    """However often it is updated, and whoever restarts; its end, too."""
    desk = Desk()
    desk.take(alert())
    assert desk.told() == [("firing", "amount")]
    desk.take(alert(revision=1, transition="updated"))
    assert desk.told() == []
    desk = desk.again()
    desk.take(alert(revision=1, transition="updated"))
    assert desk.told() == []
    desk.take(over(alert()))
    assert desk.told() == [("resolved", "amount")]
    desk = desk.again()
    desk.take(over(alert()))
    assert desk.told() == []


def test_a_new_life_is_told_anew() -> None:
    """The same fingerprint that fires again is another page."""
    desk = Desk()
    desk.take(alert())
    desk.told()
    desk.take(over(alert()))
    desk.told()
    desk.take(alert(starts_at=iso(START_MS + HOUR_MS)))
    assert desk.told() == [("firing", "amount")]


def test_what_came_and_went_meanwhile_is_told() -> None:
    """A page is not lost because nobody delivered; but nobody hears of what was over before they came."""
    desk = Desk()
    desk.take(over(alert()), over(alert(feature="age")))
    assert sorted(desk.told()) == [("resolved", "age"), ("resolved", "amount")]
    new = Desk()
    new.take(over(alert()), old=True)
    assert new.told() == []


@pytest.mark.parametrize(
    "changes", [{"muted": "silence:1"}, {"status": "acknowledged", "acknowledged": Care("ada", "on it")}]
)
def test_quiet_alerts_are_not_told(changes: dict[str, Any]) -> None:
    """Neither a silenced nor an acknowledged alert wakes anybody."""
    desk = Desk(repeat="1h")
    desk.take(alert(**changes))
    assert desk.told() == []


def test_an_end_is_told_to_who_knew() -> None:
    """What was told before it was silenced is closed, or its incident would stay open for ever."""
    desk = Desk()
    desk.take(alert())
    desk.told()
    desk.take(over(alert(), muted="silence:1"))
    assert desk.told() == [("resolved", "amount")]


def test_a_receiver_may_want_no_ends() -> None:
    """`resolved: false`."""
    desk = Desk(receivers={"oncall": {"webhook": "http://a", "resolved": False}})
    desk.take(alert())
    assert desk.told() == [("firing", "amount")]
    desk.take(over(alert()))
    assert desk.told() == []


def test_groups_wait_for_each_other() -> None:
    """Alerts of one name come together, those of another by themselves."""
    desk = Desk(group_wait="10s", group_interval="1m")
    desk.take(alert(), alert(feature="age"), alert("Accuracy"))
    assert desk.told(9_000) == []
    messages = [desk.told(10_000), desk.told(10_000)]
    assert sorted(map(len, messages)) == [1, 2]
    desk.take(alert(feature="country"))
    assert desk.told(40_000) == []
    assert next(feature for _, feature in desk.told(60_000)) == "country"


def test_repeat() -> None:
    """What still fires is told again, until somebody acknowledges it."""
    desk = Desk(repeat="1h")
    desk.take(alert())
    assert desk.told()
    assert desk.told(HOUR_MS - 1) == []
    assert desk.told(HOUR_MS + 1) == [("firing", "amount")]
    desk.take(alert(status="acknowledged"))
    assert desk.told(2 * HOUR_MS) == []


def test_messages_are_bounded() -> None:
    """A receiver gets so many a minute; the rest waits, and nothing is lost."""
    desk = Desk(messages_per_minute_max=3, group_by=["feature"])
    desk.take(*(alert(feature=f"f{n}") for n in range(9)))
    first = [desk.told(1_000) for _ in range(9)]
    assert sum(map(len, first)) == 3
    rest = [desk.told(20_001) for _ in range(6)]
    assert {feature for message in [*first, *rest] for _, feature in message} == {f"f{n}" for n in range(9)}


def test_a_storm_is_one_message_that_says_how_many() -> None:
    """A thousand alerts of one name: some in the message, the others counted, all taken for told."""
    desk = Desk()
    desk.take(*(alert(feature=f"f{n}") for n in range(1_000)))
    group = desk.begin()
    assert group is not None
    assert group.parcel is not None
    body = msgspec.json.decode(group.parcel.body)
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (100, 900)
    desk.rounds.taken(group, desk.now)
    assert desk.told() == []


def test_long_evidence_is_left_out() -> None:
    """A message never grows beyond its limit."""
    desk = Desk(message_bytes_max=20_000)
    desk.take(*(alert(feature=f"f{n}", evidence={"x": "y" * 900}) for n in range(90)))
    group = desk.begin()
    assert group is not None
    assert group.parcel is not None
    body = msgspec.json.decode(group.parcel.body)
    assert len(bytes(group.parcel.body)) <= 20_000
    assert len(body["alerts"]) + body["truncatedAlerts"] == 90


def test_failures_back_off_until_given_up() -> None:
    """Longer each time, never shorter than asked for; the same message; then a pause, and anew."""
    desk, waits, ids = Desk(give_up_after="10m"), list[int](), set[str]()
    desk.take(alert())
    while (group := desk.begin()) is not None and group.parcel is not None:
        ids.add(group.parcel.id)
        if not desk.rounds.failed(group, desk.now, 5.0 if not waits else None):
            break
        waits.append((group.due or 0) - desk.now)
    assert group is not None
    assert waits[0] == 5_000
    assert max(waits) <= 60_000
    assert max(waits) > 20_000
    assert len(ids) == 1
    desk.rounds.given_up(group, desk.now)
    assert desk.told(599_000) == []
    assert desk.again().rounds.marks == desk.rounds.marks
    assert desk.told(600_001) == [("firing", "amount")]


def test_what_was_under_way_goes_out_again_as_it_was() -> None:
    """After a crash the same bytes under the same name, whatever has changed meanwhile; then the change."""
    desk = Desk()
    desk.take(alert())
    before = desk.begin()
    assert before is not None
    assert before.parcel is not None
    after = desk.again()
    after.take(over(alert()))
    group = after.begin()
    assert group is not None
    assert group.parcel is not None
    assert (group.parcel.id, bytes(group.parcel.body)) == (before.parcel.id, bytes(before.parcel.body))
    after.rounds.taken(group, after.now)
    assert after.told() == [("resolved", "amount")]


def test_other_groups_don_t_tell_anew() -> None:
    """Who changes `group_by` is not paged again."""
    desk = Desk()
    desk.take(alert())
    desk.told()
    new = desk.again()
    new.notify = notify(group_by=["feature"])
    new.take(alert())
    assert new.told() == []


def test_many_alerts_of_one_group_are_taken_quickly() -> None:
    """The work for one more does not grow with those that are there, nor does a record about them."""
    desk = Desk()
    desk.take(*(alert(feature=f"f{n}") for n in range(8_000)))
    assert len(desk.told()) == 100
    (group,) = desk.rounds.groups.values()
    written = msgspec.json.encode(desk.rounds.entry(group, "sent", desk.now))
    assert len(desk.rounds.marks) == 8_000
    assert len(written) < 400_000
