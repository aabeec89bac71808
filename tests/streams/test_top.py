"""`driftline top`: what it shows of a log, without anybody to serve it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from connectors import open_log
from connectors.log import Log, Rows
from engine.alerts.record import Alert, fingerprint
from engine.spec import Spec
from streams import topics
from streams.demo.payments import Plan, steps
from streams.demo.processes import Child, environment
from streams.demo.scene import SPEC, SPEC_NAME
from streams.keeping import journal
from streams.specs import specfile
from streams.top.seen import Seen
from streams.top.view import picture
from tests.parts.processes import ALONE

EVENTS = 900
LABELS = {"alertname": "Drift", "severity": "critical", "signal": "\x1b[2Jamount", "partition": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A pipeline that a worker has worked on, with an alert that fires."""
    made = tmp_path_factory.mktemp("top")
    shutil.copyfile(SPEC, made / SPEC_NAME)
    spec = specfile.load(SPEC, {"transport": f"sqlite:///{made}/driftline.db"}, {})
    plan = Plan(EVENTS, 1_000, start_ms=int(time.time() * 1000))
    with closing(open_log(spec.transport)) as log:
        topics.ensure(log, spec)
        for step in steps(plan):
            for due in step:
                log.append(spec.topic(due.topic), 0, Rows([due.key], [due.value]))
        snapshots = ["--set", "snapshots.every_records=500"]
        with Child(
            "worker", ["-m", "streams", "run", *ALONE, *snapshots, "--set", "http.port=0"], made
        ) as worker:
            while not _is_settled(log, spec):
                worker.must_run()
                time.sleep(0.05)
        told = {"summary": "\x1b[31mnot what it was"}
        alert = Alert(
            status="firing",
            labels=LABELS,
            annotations=told,
            starts_at="2026-01-28T09:00:00Z",
            fingerprint=fingerprint(LABELS),
            time=1,
        )
        log.append(spec.topic("alerts"), 0, Rows([alert.key], [alert.json()]))
        yield made


def _is_settled(log: Log, spec: Spec) -> bool:
    """Whether all there is was taken, and an entry names a snapshot."""
    topic = spec.topic("journal")
    if topic not in log.topics() or not (end := log.bounds(topic)[0][1]):
        return False
    entry = journal.decode(log.read(topic, 0, end - 1).values[0] or b"")
    ends = {name: log.bounds(name)[0][1] for name in spec.inputs}
    return bool(entry.snapshots) and entry.next == ends


def test_it_shows_what_the_page_shows(folder: Path) -> None:
    """Totals, lag, latency, quality, what fires and where signals stand."""
    spec = specfile.load(folder / SPEC_NAME, {"transport": f"sqlite:///{folder}/driftline.db"}, {})
    with closing(open_log(spec.transport)) as log:
        found = Seen(spec).look(log)
    status = found["status"]
    assert (status["totals"]["events"], status["lag"]["records"]) == (EVENTS, 0)
    assert status["alerts"] == {"critical": 1, "warning": 0, "info": 0}
    assert found["quality"]["metric"] == "accuracy"
    assert any(value is not None for value in found["quality"]["values"])
    assert {row["signal"] for row in found["drift"]["signals"]} >= {"amount", "channel"}
    assert [alert["fingerprint"] for alert in found["alerts"]["alerts"]] == [fingerprint(LABELS)]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 45)])
def test_the_picture_fits(folder: Path, tmp_path: Path, width: int, height: int) -> None:
    """On one screen, whatever records say."""
    spec = specfile.load(folder / SPEC_NAME, {"transport": f"sqlite:///{folder}/driftline.db"}, {})
    with closing(open_log(spec.transport)) as log:
        found = Seen(spec).look(log)
    console = Console(record=True, width=width, height=height, file=(tmp_path / "screen").open("w"))
    with console.file:
        console.print(picture(found, width, height, "q ends it"))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    text = "\n".join(lines)
    for said in ("payments-demo", "accuracy", "critical", "not what it was", "amount", "q ends it", "p99"):
        assert said in text
    assert "\x1b[31mnot" not in text


def test_once_and_for_programs(folder: Path) -> None:
    """A picture in a pipe, or one line of JSON."""
    for option, wanted in (("--once", "accuracy"), ("--json", '{"status":{')):
        done = _run(folder, option)
        assert done.returncode == 0, done.stderr
        assert wanted in done.stdout
    assert len(done.stdout.splitlines()) == 1


def _run(folder: Path, option: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams", "top", option],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_q_ends_it(folder: Path) -> None:
    """In a terminal it goes on until that key, and leaves the terminal as it was."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "streams", "top"]
    environ = {**environment(), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said, deadline = b"", time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                said += os.read(ours, 65_536)
            except OSError:
                break  # the other end is closed
        if b"payments-demo" in said and b"accuracy" in said:
            os.write(ours, b"q")
    assert process.wait(60) == 0
    os.close(ours)
    assert b"\x1b[?1049h" in said
    assert b"accuracy" in said
