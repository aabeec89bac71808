"""`driftline dead-letters`."""

from __future__ import annotations

from contextlib import closing

import pytest

from connectors.log import Headers, Rows
from tests.streams.cli import Cli

TRACE = ("traceparent", b"00-1")


@pytest.fixture(autouse=True)
def refused(cli: Cli) -> None:
    """Three events, two of which were refused."""
    cli("topics", "create")
    with closing(cli.log()) as log:
        values = [b'{"n":0}', b"{", b'{"n":2}']
        log.append("pay.events", 1, Rows([b"k"] * 3, values, [[TRACE]] * 3), [100, 200, 300])
        headers = [[TRACE, *said(1, "malformed")], [TRACE, *said(2, "missing_field")]]
        log.append("pay.dead-letters", 1, Rows([b"k"] * 2, values[1:], headers), [1000, 1000])


def said(offset: int, reason: str, topic: str = "pay.events", partition: int = 1) -> Headers:
    told = {"exception": "Unfit", "message": "why", "topic": topic, "partition": partition, "offset": offset}
    headers = [(f"__streams.errors.{name}", str(value).encode()) for name, value in told.items()]
    return [*headers, ("driftline.reason", reason.encode())]


def replays(cli: Cli) -> list[tuple[int, bytes | None, bytes | None, dict[str, bytes]]]:
    """What came after the three events."""
    with closing(cli.log()) as log:
        found = log.read("pay.events", 1, 3).records()
        return [(each.timestamp, each.key, each.value, dict(each.headers)) for each in found]


def test_they_are_listed(cli: Cli) -> None:
    """Where they lie, why they were refused, and where they came from."""
    shown = cli("dead-letters", "list").out
    assert "pay.events-1-2" in shown
    row = cli("dead-letters", "list", "--json", "--reason", "malformed").row()
    assert (row["offset"], row["reason"], row["message"], row["value"]) == ("1-0", "malformed", "why", "{")
    assert row["source"] == {"topic": "pay.events", "partition": 1, "offset": 1}


def test_the_newest_are_listed(cli: Cli) -> None:
    """And people are told how many there are."""
    ended = cli("dead-letters", "list", "--limit", "1")
    assert "missing_field" in ended.out
    assert ended.err == "the newest 1 of 2; --limit shows more\n"


def test_a_reason_that_is_none_is_refused(cli: Cli) -> None:
    """With a proposal."""
    ended = cli("dead-letters", "list", "--reason", "malfromed")
    assert (ended.code, ended.err) == (2, '--reason malfromed: unknown; did you mean "malformed"?\n')


def test_a_replay_is_the_original(cli: Cli) -> None:
    """Its bytes, key, headers, time and partition, and a header that names the dead letter."""
    assert cli("dead-letters", "replay").out == "replayed 2 dead letters to pay.events\n"
    headers = {"traceparent": b"00-1", "driftline.replayed": b"1-0"}
    assert replays(cli)[0] == (200, b"k", b"{", headers)


def test_a_second_replay_sends_nothing(cli: Cli) -> None:
    """Whatever the first one sent, all or a part."""
    cli("dead-letters", "replay", "--reason", "malformed")
    again = cli("dead-letters", "replay", "--json").row()
    assert (again["replayed"], again["already"]) == ({"pay.events": 1}, 1)
    assert cli("dead-letters", "replay").out == "nothing to replay\n2 dead letters replayed before\n"
    assert len(replays(cli)) == 2


def test_what_is_refused_again_can_be_replayed_again(cli: Cli) -> None:
    """It is another dead letter, and carries the name of the newest one only."""
    cli("dead-letters", "replay", "--offset", "1-0")
    with closing(cli.log()) as log:
        headers = [("driftline.replayed", b"1-0"), *said(3, "malformed")]
        log.append("pay.dead-letters", 1, Rows([b"k"], [b"{"], [headers]))
    cli("dead-letters", "replay", "--offset", "2")
    assert [each[3]["driftline.replayed"] for each in replays(cli)] == [b"1-0", b"1-2"]


def test_a_dry_run_sends_nothing(cli: Cli) -> None:
    """It only counts."""
    assert cli("dead-letters", "replay", "--dry-run").out == "would replay 2 dead letters to pay.events\n"
    assert replays(cli) == []


def test_no_other_topic_is_written(cli: Cli) -> None:
    """Headers that name a topic which the pipeline does not read, or none at all, are left alone."""
    with closing(cli.log()) as log:
        astray = [[*said(1, "malformed", "pay.journal")], [*said(1, "malformed", partition=9)], []]
        log.append("pay.dead-letters", 0, Rows([None] * 3, [b"x"] * 3, astray))
    assert cli("dead-letters", "replay", "--json").row()["astray"] == 3
    with closing(cli.log()) as log:
        assert log.bounds("pay.journal") == [(0, 0)] * 4
