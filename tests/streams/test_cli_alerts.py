"""`driftline alerts`: what it says of the topic, and that the engine does what it orders."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec
import pytest

from connectors.log import Rows
from connectors.sqlite import SqliteLog
from engine.alerts.record import Alert, read
from engine.batch import Output
from engine.shard import Shard
from streams.alerts.orders import matcher, written
from streams.specs import specfile
from tests.engine.cases import NOW
from tests.streams.cli import Cli, Ended
from tests.streams.drifts import CATEGORIES, drift

DRIFT = ("--set", "drift={}")


class Stage:
    """A shard that has found two drifts, and the log that it writes to."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.spec = specfile.load(cli.folder / "driftline.yaml", {"drift": "{}"}, {})
        self.shard = Shard(self.spec, 2)
        self.at = 0
        assert self.shard.judge is not None
        for n, found in enumerate(
            (drift(partition=2), drift(**{**CATEGORIES, "feature": "country"}, partition=2))
        ):
            self.shard.judge.drifted(found, NOW + n * 60_000, None, 0)
        out = Output()
        self.shard.judge.tell(out)
        self.write([read(value or b"") for value in out.values])

    def write(self, alerts: Sequence[Alert]) -> None:
        with closing(self.cli.log()) as log:
            log.append("pay.alerts", 2, Rows([a.key for a in alerts], [a.json() for a in alerts]))

    def obey(self) -> list[str]:
        """Let the shard take what is new on its control topic; what came of it."""
        with closing(self.cli.log()) as log:
            batch = log.read("pay.control", 2, self.at, 100)
        self.at = batch.end
        out = self.shard.walk(batch)
        told = [read(value or b"") for value in out.alerts.values]
        self.write(told)
        refused = [dict(headers)["__streams.errors.message"] for headers in out.dead_letters.headers or ()]
        return [alert.transition for alert in told] + [text.decode() for text in refused]

    def __call__(self, *arguments: str) -> Ended:
        return self.cli("alerts", *arguments, *DRIFT)

    def open(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("list", "--json").row()["alerts"]
        return found


@pytest.fixture
def stage(cli: Cli) -> Stage:
    cli("topics", "create", *DRIFT)
    return Stage(cli)


def test_a_list(stage: Stage) -> None:
    """Each alert once, the newest first; records that are none are counted."""
    with closing(stage.cli.log()) as log:
        log.append("pay.alerts", 0, Rows([b"k"], [b'{"status": "firing"}']))
    ended = stage("list")
    assert len(ended.out.splitlines()) == 3
    assert "country shard 2" in ended.out.splitlines()[1]
    assert "amount shard 2" in ended.out.splitlines()[2]
    assert ended.err == "1 other records of pay.alerts tell of no alert\n2 alerts\n"


def test_all_is_shown(stage: Stage) -> None:
    """What it is about, since when, and its evidence; for programs the record itself."""
    text = stage("show", "amount").out
    for part in ("Drift, warning: firing", "signal=amount", "statistic", "5.231e+04", "amount 80%", "fired"):
        assert part in text
    told = stage("show", "amount", "--json").row()
    assert told["evidence"]["p_value"] == 1.5e-9
    assert [each["transition"] for each in told["history"]] == ["fired"]


def test_acknowledged_then_resolved(stage: Stage) -> None:
    """The order names the alert, goes to its shard only, and the engine does it."""
    key = next(each["fingerprint"] for each in stage.open() if each["labels"]["signal"] == "amount")
    sent = stage("ack", key[:6], "--why", "I look", "--by", "ada", "--json").row()["sent"]
    assert sent == [{"alert": key, "partitions": [2]}]
    assert stage.obey() == ["acknowledged"]
    assert "acknowledged  by ada: I look" in stage("show", key).out
    assert (
        stage("resolve", key, "--by", "ada").out
        == "sent to pay.control, partition 2: resolve Drift amount shard 2\n"
    )
    assert stage.obey() == ["resolved"]
    assert [each["labels"]["signal"] for each in stage.open()] == ["country"]
    assert "1 resolved, --all shows them" in stage("list").err
    over = stage("ack", key)
    assert (over.code, "is resolved since" in over.err) == (1, True)
    by_name = stage("ack", "amount")
    assert (by_name.code, key in by_name.err) == (2, True)


def test_names_that_are_not_there(stage: Stage) -> None:
    """The nearest is named; a name of several alerts is not taken for one; nothing is sent then."""
    for given, said in (
        ("amuont", 'did you mean "amount"?'),
        ("Drift", "is not one alert but 2; say which: "),
    ):
        ended = stage("ack", "amount", given)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
    assert stage.obey() == []


def test_silences(stage: Stage) -> None:
    """A silence goes to all shards, with its matchers, its end, who and why; it can be ended."""
    made = stage(
        "silence", 'severity="warning"', "signal=~am.*", "--for", "2h", "--why", "known", "--json"
    ).row()
    assert made["partitions"] == [0, 1, 2, 3]
    assert made["silence"]["matchers"] == [
        {"name": "severity", "value": "warning", "regex": False, "equal": True},
        {"name": "signal", "value": "am.*", "regex": True, "equal": True},
    ]
    assert abs(made["silence"]["until_ms"] / 1000 - time.time() - 7200) < 60
    (row,) = stage("silences", "--json").row()["silences"]
    assert (row["id"], row["why"], row["active"]) == (made["silence"]["id"], "known", True)
    assert "severity=warning signal=~am.*" in stage("silences").out
    assert stage("unsilence", row["id"][:3]).code == 0
    assert stage("silences").err == "nothing is silenced\n"
    assert stage("unsilence", row["id"]).err == f"silence {row['id']} is over already\n"


def test_an_alert_is_silenced_by_its_id(stage: Stage) -> None:
    """All of its labels are the matchers, so that nothing else is silenced."""
    made = stage("silence", "country", "--until", "2999-01-01T00:00:00Z", "--why", "known", "--json").row()
    labels = {each["name"]: each["value"] for each in made["silence"]["matchers"]}
    assert labels == next(each["labels"] for each in stage.open() if each["labels"]["signal"] == "country")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["severity=warning", "--for", "2h"], "--why is missing"),
        (["severity=warning", "--why", "x"], "say how long: --for 2h"),
        (
            ["severity=warning", "--why", "x", "--for", "soon"],
            "--for soon: a duration is a number with a unit",
        ),
        (["severity=warning", "--why", "x", "--until", "2001-01-01"], "that is over already"),
        (["severity=warning", "--why", "x", "--until", "noon"], "write it as 2026-03-02T18:00:00Z"),
        (["severity warning", "a=b", "--why", "x", "--for", "1h"], "is no matcher; write label=value"),
        (["severity=~(", "--why", "x", "--for", "1h"], "is no regular expression that is known here"),
    ],
)
def test_a_silence_that_can_not_be(stage: Stage, arguments: list[str], said: str) -> None:
    """Said in a sentence, and nothing is sent."""
    ended = stage("silence", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert stage("silences", "--all", "--json").row() == {"silences": []}


@pytest.mark.parametrize("text", ["a=b", "a!=b c", "a=~b|c", "a!~^$", "a="])
def test_a_matcher(text: str) -> None:
    """As Alertmanager's tools write them."""
    assert written(matcher(text)) == text


def test_hostile_text(cli: Cli) -> None:
    """What a record says can't move the cursor of whoever reads it."""
    cli("topics", "create", *DRIFT)
    stage = Stage(cli)
    bad = read(json.dumps(stage("show", "amount", "--json").row()).encode())
    bad = msgspec.structs.replace(bad, annotations={"summary": "\x1b[2Jgone\r\n"}, why="\x1b[31m", by="\x07")
    stage.write([bad])
    assert "\x1b" not in stage("list").out + stage("show", "amount").out
    assert "\\x1b[2Jgone" in stage("list").out


def test_nothing_yet(cli: Cli) -> None:
    """An empty topic is said to be empty."""
    cli("topics", "create", *DRIFT)
    assert cli("alerts", "list", *DRIFT) == Ended(0, "", "nothing fires\n")
    assert cli("alerts", "show", "abcd", *DRIFT).code == 2


def test_the_end_of_an_alert(stage: Stage) -> None:
    """A tombstone takes it from the list."""
    key = stage.open()[0]["fingerprint"]
    with closing(SqliteLog("pay.db")) as log:
        log.append("pay.alerts", 2, Rows([key.encode()], [None]))
    assert [each["fingerprint"] != key for each in stage.open()] == [True]
