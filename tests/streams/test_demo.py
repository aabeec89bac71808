"""The demo: what it sends, what it sees, what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from connectors.log import Record, Rows
from connectors.memory import MemoryLog
from engine.alerts import record
from engine.batch import Output
from engine.drift.evidence.record import read
from engine.shard import Shard
from engine.spec import Spec
from streams import topics
from streams.cli import app
from streams.deadletters import DeadLetter
from streams.demo import processes, show
from streams.demo.figures import Bars, Figures, Outcome, Prediction, Share, Source
from streams.demo.payments import Due, Plan, fault, name, planted, steps
from streams.demo.processes import Child, Died
from streams.demo.scene import SPEC, Scene
from streams.demo.screens import Lines, Silent, progress
from streams.demo.seen import Seen
from streams.demo.summary import Summary, told
from streams.demo.view import picture
from streams.specs import specfile
from tests.engine.cases import batch
from tests.streams.drifts import drift

PLAN = Plan(3_000, 1_800)
KEYS = [
    *("events", "predictions", "dead_letters", "lost", "duplicates"),
    *("events_per_second", "latency_ms_p50", "latency_ms_p99", "accuracy"),
    *("drift_found", "drift_delay_events", "drift_false_alarms", "alerts"),
]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demo makes its folder; it has to be empty at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def demo_spec() -> Spec:
    return specfile.load(SPEC, {}, {})


# -- what is sent


def test_the_same_plan_sends_the_same() -> None:
    """Everything follows from the plan."""
    assert list(steps(PLAN)) == list(steps(PLAN))


def test_each_step_sends_one_event() -> None:
    """As many as planned, one after the other, and behind them the labels that come late."""
    sent = [[due for due in step if due.topic == "events"] for step in steps(PLAN)]
    assert [len(events) for events in sent[:3_000]] == [1] * 3_000
    assert sum(map(len, sent[3_000:])) == 0


def test_labels_come_early_late_twice_and_wrong() -> None:
    """Each of what a join has to cope with is among them."""
    published: dict[str, int] = {}
    labels: dict[str, list[tuple[int, bool]]] = {}
    for number, step in enumerate(steps(PLAN)):
        for due in step:
            if due.topic == "events":
                published[name(number)] = number
            else:
                said = json.loads(due.value)
                labels.setdefault(said["payment_id"], []).append((number, said["is_fraud"]))
    assert min(found[0][0] - published[each] for each, found in labels.items()) < -20
    assert max(found[0][0] - published[each] for each, found in labels.items()) > 1_000
    twice = [found for found in labels.values() if len(found) == 2]
    assert {first[1] == second[1] for first, second in twice} == {True, False}
    assert len(labels) < sum(1 for n in range(PLAN.events) if not PLAN.faulty(n))


def test_every_fault_is_planted() -> None:
    """Seven kinds, in turn."""
    assert planted(PLAN) == dict.fromkeys(planted(Plan(20_000, 1)), 1)
    assert sum(planted(Plan(20_000, 1)).values()) == 50


# -- what is seen


def seen_of(sent: list[Due], predicted: list[int], spec: Spec) -> Seen:
    """What is seen of events, of which some numbers were predicted."""
    log = MemoryLog()
    topics.ensure(log, spec)
    log.append(spec.topic("events"), 0, Rows([d.key for d in sent], [d.value for d in sent]), [0] * len(sent))
    values: list[bytes | None] = [
        msgspec.json.encode(Prediction(name(n), "card", True, 0.9, Source(n))) for n in predicted
    ]
    stamps = [7] * len(values)
    log.append(spec.topic("predictions"), 0, Rows([None] * len(values), values), stamps)
    seen = Seen(log, spec, PLAN)
    seen.look()
    return seen


def test_what_is_missing_and_what_came_twice_is_noticed() -> None:
    """A demo that can't fail would show nothing."""
    sent = [
        due for _, step in zip(range(300), steps(PLAN), strict=False) for due in step if due.topic == "events"
    ]
    everything = [n for n in range(300) if not PLAN.faulty(n)]
    assert Summary.of(seen_of(sent, everything, demo_spec())).sound
    summary = Summary.of(seen_of(sent, [n for n in everything if n != 17] + [20], demo_spec()))
    assert (summary.lost, summary.duplicates, summary.sound) == (1, 1, False)
    assert (summary.latency_ms_p50, summary.events) == (7, 300)


def test_a_correction_turns_a_verdict_around() -> None:
    """It does not count as one more label."""
    share = Share()
    for correct, correction in ((True, False), (False, False), (True, True)):
        share.add(Outcome("pay-0000001", correct, correction, 0, 0))
    assert (share.right, share.of) == (2, 2)


def test_old_bars_fall_out() -> None:
    """A demo that is kept running scrolls, and its marks with it."""
    bars = Bars(size=1)
    for n in range(1_000):
        if n == 990:
            bars.mark()
        bars.add(right=n % 2 == 0)
    assert bars.newest(20) == ([1.0, 0.0] * 10, [10])
    assert bars.newest(5)[1] == []


# -- what is shown


def figures() -> Figures:
    """As they might be in the middle of a demo."""
    found = Figures(Bars(20), events=1_500, predictions=1_480, lag=66, rate=1_787.4)
    kept = Record(0, 0, None, None, ())
    found.reasons["malformed"] = 1
    found.drifted(drift(), 1_500)
    found.letters.append(DeadLetter("0-0", "malformed", "E", "x" * 200, ("payments", 0), 200, kept))
    found.letters.append(DeadLetter("0-1", "unknown_category", "E", "no fax", ("payments", 0), 600, kept))
    found.recent_ms.extend([10] * 98 + [12] * 2)
    for n in range(100, 1_500):
        right = n % 20 != 0 if n < 1_000 else n % 3 != 0
        found.recent.append(right)
        found.accuracy.add(Outcome(name(n), right, correction=False, event_time=0, label_time=1))
        if n == 1_000:
            found.bars.mark()
        found.bars.add(right)
        found.latest.append(Prediction(name(n), "card-0001", n % 7 == 0, 0.25, Source(n)))
    return found


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 12)])
def test_the_picture_fits_and_says_it_all(tmp_path: Path, width: int, height: int) -> None:
    """Rate, lag, latency, accuracy, the newest predictions and dead letters, on one screen."""
    console = Console(record=True, width=width, height=height, file=(tmp_path / "screen").open("w"))
    with console.file:
        console.print(picture(figures(), Scene(PLAN, tmp_path, 1), width, height))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < max(height, 20)
    text = "\n".join(lines)
    for said in (
        "1,787/s",
        "66",
        "10 ms",
        "12 ms",
        "unknown_category",
        "payments 600",
        "no fax",
        "▲ payments",
        "amount: mean up since event 10,003",
    ):
        assert said in text
    assert f"accuracy {figures().recent_accuracy:.1%}" in text
    assert name(1_499) in text


def test_what_is_kept_says_how_to_end_it(tmp_path: Path) -> None:
    """With --keep the picture names the folder and the metrics."""
    console = Console(record=True, width=120, height=40, file=(tmp_path / "screen").open("w"))
    with console.file:
        console.print(picture(figures(), Scene(PLAN, tmp_path, 1234, keep=True), 120, 40))
    text = console.export_text()
    assert "Ctrl-C" in text
    assert "http://127.0.0.1:1234/metrics" in text


def test_a_drift_is_shown_with_its_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How urgent it is and where it stands, and its evidence; in lines, too, and at the end."""
    found, scene = figures(), Scene(PLAN, tmp_path, 1, page_port=1234)
    found.drifted(drift(), 0)
    shard = Shard(demo_spec(), 0)
    assert shard.judge is not None
    shard.judge.drifted(drift(), 0, None, 0)
    fired = Output()
    shard.judge.tell(fired)
    found.alerted(record.read(fired.values[0] or b""))
    console = Console(record=True, width=120, height=40, file=(tmp_path / "screen").open("w"))
    with console.file:
        console.print(picture(found, scene, 120, 40))
    text = console.export_text()
    assert "warning, firing: amount: mean up" in text
    assert "mean 79.1 -> 121.9" in text
    assert "http://127.0.0.1:1234/" in text
    Lines().draw(found, scene)
    said = capsys.readouterr().err
    assert "alert: warning Drift, firing: " in said
    assert "statistic" in said
    seen = Summary(1_500, 1_480, 1, 0, 0, 1_800.0, 10, 12, 0.9, True, 113, alerts=1)
    assert "1 transition on the topic" in "\n".join(told(seen, found)).replace("\n           ", " ")


def test_without_a_terminal_there_are_lines() -> None:
    """How it goes, in one line."""
    assert "1,787/s, lag 66, latency p50 10 ms p99 12 ms, dead letters 1" in progress(figures())


def test_the_summary_tells_the_story() -> None:
    """Before the change, right after it, and at the end."""
    seen = Summary(1_500, 1_480, 1, 0, 0, 1_800.0, 10, 12, 0.9)
    text = "\n".join(told(seen, figures()))
    assert "0 lost, 0 twice" in text
    assert "right after" in text
    assert "malformed 1" in text
    assert "none found; no false alarms before" in text
    seen = Summary(1_500, 1_480, 1, 0, 0, 1_800.0, 10, 12, 0.9, True, 113)
    text = "\n".join(told(seen, figures()))
    assert "found 113 events after payments changed" in text
    assert "mean 79.1 -> 121.9" in text


# -- from the first process to the last


def test_demo_loses_nothing(temporary: Path) -> None:
    """A worker and a producer, for real: each event that fits is predicted once, the others are kept."""
    done = subprocess.run(
        [sys.executable, "-m", "streams", "demo", "--events", "3000", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    found = json.loads(done.stdout)
    assert list(found) == KEYS
    assert (found["lost"], found["duplicates"]) == (0, 0)
    assert found["dead_letters"] == sum(planted(PLAN).values())
    assert found["events"] == 3_000 == found["predictions"] + found["dead_letters"]
    assert 0.75 < found["accuracy"] < 0.99
    assert 0 <= found["latency_ms_p50"] <= found["latency_ms_p99"]


def test_the_change_is_found() -> None:
    """What the worker says of the planned events: amounts are not what they were, and nothing before that."""
    plan, spec = Plan(20_000, 1_800), demo_spec()
    events = [due.value for step in steps(plan) for due in step if due.topic == "events"]
    shard, found = Shard(spec, 0), Figures(Bars(20))
    out = shard.walk(batch(spec.topic("events"), events[:11_500], at=0))
    for value in out.drifts.values:
        found.drifted(read(value or b""), plan.change)
    for value in out.alerts.values:
        found.alerted(record.read(value or b""))
    assert found.false_alarms == 0
    assert found.found is not None
    assert (found.found.signal, found.found.change, found.found.direction) == ("amount", "mean", "up")
    assert 0 < found.found.detected.offset - plan.change < 600
    assert found.found.revision > 0
    assert found.found.top_features[0].signal == "amount"
    alert = found.alert_of(found.found)
    assert alert is not None
    assert (alert.status, alert.labels["signal"], alert.evidence is None) == ("firing", "amount", False)
    assert found.transitions >= 1


def test_a_drift_is_counted_once() -> None:
    """A revision takes the place of what was told before; outcomes are found too late to be the first."""
    found = Figures(Bars(20))
    late = drift(signal="label", panel="outcomes", detected={"offset": 10_050, "time": 0})
    for each in (drift(detected={"offset": 9, "time": 0}), late, drift(), drift(revision=1)):
        found.drifted(each, 10_000)
    assert ([each.revision for each in found.drifts], found.false_alarms) == ([0, 0, 1], 1)
    assert found.found == drift(revision=1)


def test_reasons_are_those_that_were_planted(temporary: Path) -> None:
    """What goes in wrong comes out as a dead letter that says how."""
    seen = show.run(Plan(3_000, 3_000), Silent())
    assert seen.figures.reasons == planted(PLAN)
    assert {each.offset: each.reason for each in seen.figures.letters} == {
        n: fault(n) for n in filter(PLAN.faulty, range(3_000))
    }
    assert seen.figures.early > 0
    assert seen.figures.corrections > 0


def test_a_worker_that_does_not_start_is_reported(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the end of its log, and exit code 1."""
    code = "import sys; sys.exit('no more disks')"
    monkeypatch.setattr(show, "worker", lambda scene: Child("worker", ["-c", code], scene.folder))
    done = CliRunner().invoke(app, ["demo", "--events", "100"])
    assert done.exit_code == 1
    assert "error: the worker ended with exit code 1" in done.stderr
    assert "no more disks" in done.stderr


def test_a_worker_that_dies_later_is_reported(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo does not go on without it, and its producer is ended too."""
    children: list[Child] = []

    class Keeping(Child):
        def __enter__(self) -> Child:  # type: ignore[override]
            children.append(self)
            return super().__enter__()

    class Deadly(Silent):
        def draw(self, figures: Figures, scene: Scene) -> None:
            if figures.predictions:
                os.kill(children[0].pid, signal.SIGKILL)

    monkeypatch.setattr(show, "Child", Keeping)
    with pytest.raises(Died, match=r"(?s)the worker ended by signal 9.*created topic payments"):
        show.run(Plan(3_000, 1_800), Deadly())
    assert [child.name for child in children] == ["worker", "producer"]
    assert all(child.process is not None and child.process.poll() is not None for child in children)


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outlives the demo."""
    monkeypatch.setattr(processes, "STOP_SECONDS_MAX", 0.2)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with Child("deaf", ["-c", code], tmp_path) as child:
        while "deaf" not in child.tail():
            assert not child.ended()
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL
