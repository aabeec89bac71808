"""A replay gives what a worker gives, and takes labels when they were known."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors import open_log
from connectors.log import Batch
from engine.errors import SpecError
from engine.spec import Spec
from streams.cli import app
from streams.cli.common import load_spec
from streams.demo.payments import Plan, fault, steps
from streams.demo.processes import Child, environment
from streams.replays.replay import BATCH, Recorded, Replay, batches
from streams.rows import InputError
from tests.parts.processes import ALONE

EVENTS = 1_500
SPEC = """\
pipeline: pay
transport: sqlite:///pay.db
http: {port: null}
events:
  topic: payments
  id: payment_id
  key: card_id
  time: paid_at
  fields:
    payment_id: {type: text}
    card_id: {type: text}
    paid_at: {type: timestamp}
    amount: {type: number, min: 0}
    past_hour: {type: integer}
    channel: {type: category, one_of: [web, app, branch]}
labels:
  id: payment_id
  value: is_fraud
"""
SMALL = """\
payment_id,card_id,paid_at,amount,past_hour,channel
p1,c1,2026-01-01T10:00:00Z,5,1,web
p2,c2,2026-01-01T11:00:00Z,7,2,app
p3,c1,2026-01-01T12:00:00Z,many,2,app
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec, and a few events."""
    (tmp_path / "driftline.yaml").write_text(SPEC)
    (tmp_path / "small.csv").write_text(SMALL)
    return tmp_path


def spec_in(folder: Path, *settings: str) -> Spec:
    return load_spec(folder / "driftline.yaml", f"sqlite:///{folder}/pay.db", settings)


def command(folder: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `driftline` in the folder, with hashes randomised as they are by default."""
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        cwd=folder,
        env=environment() | {"PYTHONHASHSEED": "random"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def recorded_payments() -> list[bytes]:
    """Events as the demo sends them, most with their label inside, some that fit no spec."""
    labels: dict[str, Any] = {}
    events = []
    for due in (due for step in steps(Plan(EVENTS, 100, start_ms=1_767_225_600_000)) for due in step):
        if due.topic == "events":
            events.append(due.value)
        else:
            said = json.loads(due.value)
            labels[said["payment_id"]] = said["is_fraud"]
    return [labelled(value, labels) for value in events]


def labelled(value: bytes, labels: dict[str, Any]) -> bytes:
    name = value[value.index(b"pay-") :][: len("pay-0000000")].decode()
    inside = json.dumps(labels.get(name)).encode()
    return value[:-1] + b',"is_fraud":' + inside + b"}" if value.endswith(b"}") else value


def committed(folder: Path, spec: Spec) -> tuple[Batch, Batch]:
    """What a worker commits when the events have been produced: predictions and dead letters."""
    names = [spec.topic(what) for what in ("predictions", "dead_letters")]
    settings = [*ALONE, "--set", "labels.in_event=is_fraud"]
    worker = Child("worker", ["-m", "streams", "run", *settings], folder)
    with worker, closing(open_log(spec.transport)) as log:
        while sum(log.bounds(name)[0][1] for name in names) < EVENTS:
            worker.must_run()
            time.sleep(0.05)
        predictions, letters = (log.read(name, 0, 0, EVENTS) for name in names)
    return predictions, letters


def test_a_replay_is_what_a_worker_commits(folder: Path) -> None:
    """Byte by byte: predictions, and what was refused with its reason."""
    (folder / "events.jsonl").write_bytes(b"\n".join(recorded_payments()))
    inside = ("--set", "labels.in_event=is_fraud")
    produced = command(folder, "produce", "events.jsonl", *inside)
    assert produced.returncode == 0, produced.stderr
    predictions, letters = committed(folder, spec_in(folder, inside[1]))

    files = ("--out", "predictions.jsonl", "--dead-letters", "letters.jsonl")
    done = command(folder, "replay", "events.jsonl", *inside, *files, "--json")
    assert (folder / "predictions.jsonl").read_bytes().splitlines() == list(predictions.values)
    refused = [json.loads(line) for line in (folder / "letters.jsonl").read_text().splitlines()]
    assert [each["value"].encode() for each in refused] == list(letters.values)
    reasons = [dict(headers)["driftline.reason"].decode() for headers in letters.headers or ()]
    assert [each["reason"] for each in refused] == reasons == [fault(n) for n in (200, 600, 1_000, 1_400)]
    assert json.loads(done.stdout)["metrics"]["accuracy"] > 0.8


def test_the_command_writes_what_the_engine_says(folder: Path) -> None:
    """Predictions to stdout as JSON lines, how it went to stderr."""
    done = command(folder, "replay", "small.csv", "--dead-letters", "dead.jsonl", "--outcomes", "out.jsonl")
    assert done.returncode == 0, done.stderr
    predictions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(p["event_id"], p["source"]["offset"]) for p in predictions] == [("p1", 0), ("p2", 1)]
    assert "3 events" in done.stderr
    assert "1 refused: wrong_type 1" in done.stderr
    letter = json.loads((folder / "dead.jsonl").read_text())
    assert (letter["reason"], letter["key"]) == ("wrong_type", "c1")
    assert letter["source"] == {"topic": "payments", "partition": 0, "offset": 2}
    assert (folder / "out.jsonl").read_text() == ""


def test_json_is_the_only_line(folder: Path) -> None:
    """Predictions go to a file if one is named; the input may come from a pipe, across the second start."""
    event = {"payment_id": "p", "card_id": "c", "paid_at": 1_767_225_600, "amount": 1, "past_hour": 1}
    line = json.dumps(event | {"channel": "web"}) + "\n"
    done = command(folder, "replay", "-", "--json", "--out", "predictions.jsonl", given=line)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["events"], report["predictions"], report["dead_letters"]) == (1, 1, 0)
    assert json.loads((folder / "predictions.jsonl").read_text())["event_id"] == "p"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.csv"], 1, "no such file"),
        (["small.csv", "--out", "small.csv"], 1, "write to another file"),
        (["small.csv", "--out", "nowhere/x"], 1, "can't be written"),
        (["small.csv", "--labels", "small.csv", "--set", "events.time=null"], 2, "events.time"),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], code: int, said: str
) -> None:
    """In one sentence, with the exit code that tells a mistake in the spec from others."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setattr("gc.set_threshold", lambda *figures: None)
    monkeypatch.setattr("streams.cli.replay.unhash", lambda: None)  # it would start the tests over
    done = CliRunner().invoke(app, ["replay", *arguments])
    assert (done.exit_code, said in done.stderr) == (code, True)


def test_labels_are_taken_when_they_were_known(folder: Path) -> None:
    """One before its event, one between two events, one behind them all; and one that says it again."""
    (folder / "labels.csv").write_text(
        "payment_id,is_fraud,label_time\np2,true,2026-01-01T09:00:00Z\n"
        "p1,false,2026-01-01T10:30:00Z\np1,false,2026-01-01T13:00:00Z\n"
    )
    replay = Replay(spec_in(folder), str(folder / "small.csv"), str(folder / "labels.csv"))
    topics = [record.topic for record in replay.records]
    assert topics == ["pay.labels", "payments", "pay.labels", "payments", "payments", "pay.labels"]
    replay = Replay(spec_in(folder), str(folder / "small.csv"), str(folder / "labels.csv"))
    outcomes = [json.loads(v or b"") for out in replay.run() for v in out.outcomes.values]
    assert [(each["event_id"], each["label"]) for each in outcomes] == [("p1", False), ("p2", True)]
    counts = replay.report(1.0).labels
    assert (counts["joined"], counts["early"], counts["duplicate"]) == (2, 1, 1)


def test_a_label_without_a_time_is_refused(folder: Path) -> None:
    """Nobody can tell between which events it belongs."""
    (folder / "labels.jsonl").write_text('{"payment_id": "p1", "is_fraud": true}\n')
    replay = Replay(spec_in(folder), str(folder / "small.csv"), str(folder / "labels.jsonl"))
    with pytest.raises(InputError, match=r"no 'label_time'.*p1"):
        list(replay.run())


def test_a_broken_label_is_a_dead_letter(folder: Path) -> None:
    """It takes the place behind the one before it."""
    (folder / "labels.jsonl").write_text('{"payment_id": "p1", "is_\n')
    replay = Replay(spec_in(folder), str(folder / "small.csv"), str(folder / "labels.jsonl"))
    assert sum(len(out.dead_letters) for out in replay.run()) == 2
    assert replay.report(1.0).reasons == {"malformed": 1, "wrong_type": 1}


def test_labels_need_the_time_of_events(folder: Path) -> None:
    """A counter can't be compared with a time."""
    with pytest.raises(SpecError, match=r"events\.time"):
        Replay(spec_in(folder, "events.time=null"), str(folder / "small.csv"), str(folder / "small.csv"))


def test_events_without_a_time_are_counted(folder: Path) -> None:
    """Their record's timestamp, which is then their time, is their number."""
    replay = Replay(spec_in(folder, "events.time=null"), str(folder / "small.csv"))
    predictions = [json.loads(v or b"") for out in replay.run() for v in out.predictions.values]
    assert [each["event_time"] for each in predictions] == [0, 1]


def test_batches_join_up() -> None:
    """Each topic's offsets go on where its last batch ended, and no batch is too long."""
    records = [Recorded(topic, 0, None, b"") for topic in ["e"] * (BATCH + 5) + ["l"] * 2 + ["e"]]
    found = [(batch.topic, batch.first, batch.end, len(batch)) for batch in batches(records)]
    assert found == [("e", 0, 1000, 1000), ("e", 1000, 1005, 5), ("l", 0, 2, 2), ("e", 1005, 1006, 1)]
