"""Logs: lines that programs can read, and not a secret in any of them."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
from typing import Any, NamedTuple

import pytest
import yaml

from connectors import open_log
from connectors.log import Rows
from streams.telemetry.logs import SAID_EVERY_S, JsonLines, Lines, Sparse, at
from tests.parts.processes import ALONE
from tests.parts.waiting import until
from tests.streams.cli import start

SECRETS = [f"planted-{name}-secret" for name in ("snapshots", "token", "sasl", "redis")]
LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING) +\S")
SPEC: dict[str, Any] = {
    "pipeline": "pay",
    "transport": "sqlite:///pay.db",
    "events": {"id": "id", "fields": {"id": {"type": "text"}, "amount": {"type": "number"}}},
    "snapshots": {"key": SECRETS[0], "every_records": 5},
    "http": {"port": 0, "token": SECRETS[1]},
    "kafka": {"sasl_mechanism": "PLAIN", "sasl_plain_username": "me", "sasl_plain_password": SECRETS[2]},
    "cache": f"redis://:{SECRETS[3]}@127.0.0.1:1/0",
}


def record(message: str, *arguments: object, level: int = logging.INFO, name: str = "driftline") -> Any:
    return logging.LogRecord(name, level, "file.py", 1, message, arguments, None)


# -- lines -----------------------------------------------------------------------------------------------


def test_a_json_line() -> None:
    """When, how bad, whose, where from, and what."""
    made = record("shard %d: %s", 3, "recovered", level=logging.WARNING)
    made.created = 1_700_000_000.1234
    assert json.loads(JsonLines("pay").format(made)) == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "level": "warning",
        "pipeline": "pay",
        "logger": "driftline",
        "message": "shard 3: recovered",
        "shard": 3,
    }


def test_places_have_fields_of_their_own() -> None:
    """What a message names is a field: a shard, an entry, an offset; and what is given beside it."""
    made = record("shard %d: gap at %s offset %d after %.1f s", 3, "pay.events", 7, 0.5)
    made.place = at(topic="pay.events", partition=None)["place"]
    line = json.loads(JsonLines("pay", "worker").format(made))
    assert {name: line[name] for name in line if name not in ("time", "level", "logger", "message")} == {
        "pipeline": "pay",
        "process": "worker",
        "shard": 3,
        "offset": 7,
        "topic": "pay.events",
    }


@pytest.mark.parametrize("text", ["two\nlines", 'a "quote"', "é \u2028 \0", "\udcff", "\\"])
def test_one_line_whatever_it_says(text: str) -> None:
    """A message from anywhere stays one line that parses, in any encoding."""
    line = JsonLines("pay").format(record("%s", text))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert json.loads(line)["message"] == text


def test_an_exception() -> None:
    """Its stack is a field of the same line."""
    made = record("it failed")
    try:
        raise ValueError("no such amount")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = JsonLines("pay").format(made)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: no such amount")


def test_a_line_for_people() -> None:
    """The time of day, the level, the message."""
    line = Lines().format(record("shard 3: recovered"))
    assert line[8:] == f".{line[9:12]} INFO     shard 3: recovered"


def test_libraries_that_repeat_themselves() -> None:
    """One error of each library every few seconds, all of their warnings and all that is ours."""
    sparse = Sparse()
    first = record("broken", level=logging.ERROR, name="aiokafka.client")
    again = record("broken", level=logging.ERROR, name="aiokafka.conn")
    later = record("broken", level=logging.ERROR, name="aiokafka.conn")
    again.created, later.created = first.created + 1, first.created + SAID_EVERY_S
    assert [sparse.filter(each) for each in (first, again, later)] == [True, False, True]
    assert sparse.filter(record("broken", level=logging.ERROR, name="kafka"))
    ours = record("no", level=logging.ERROR)
    assert [sparse.filter(ours), sparse.filter(ours)] == [True, True]


# -- a worker --------------------------------------------------------------------------------------------


class Ran(NamedTuple):
    json: bool
    code: int
    text: str


@pytest.fixture(scope="module", params=[[], ["--json"]], ids=["text", "json"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A worker that took some events at level debug: its exit code, and all that it printed."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "driftline.yaml").write_text(yaml.safe_dump(SPEC))
    arguments = ("run", *ALONE, "--log-level", "debug", *request.param)
    with start(*arguments, folder=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        log = open_log(f"sqlite:///{folder}/pay.db")
        until(lambda: "pay.predictions" in log.topics())
        values = [*(b'{"id": "e%d", "amount": 1}' % i for i in range(20)), b"{"]
        log.append("pay.events", 0, Rows([None] * 21, values))
        until(lambda: log.bounds("pay.predictions")[0][1] == 20)
        log.close()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    return Ran(bool(request.param), process.returncode, (out + err).decode())


def test_it_ends_well(ran: Ran) -> None:
    """It says what it runs on, and where it stopped."""
    assert ran.code == 0
    assert "worker of pay on sqlite:///pay.db" in ran.text
    assert "parked at entry" in ran.text


def test_no_secret_in_the_log(ran: Ran) -> None:
    """Keys, tokens and passwords are in the spec, and nowhere in what a worker prints."""
    assert [secret for secret in SECRETS if secret in ran.text] == []


def test_all_is_lines(ran: Ran) -> None:
    """Everything that a worker prints is a line of its log: JSON where that was asked for."""
    for line in ran.text.splitlines():
        if ran.json:
            assert json.loads(line)["pipeline"] == "pay"
        else:
            assert LINE.match(line), line
