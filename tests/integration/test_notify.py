"""`driftline notify` as a process, on both logs: killed, frozen, and with another one beside it."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import open_log
from connectors.log import Log, Rows
from engine.alerts.record import Alert
from engine.spec import Spec
from tests.faults.harness import Place, make_topics, read_spec, write_spec
from tests.parts.delivering import Notify, until
from tests.parts.hook import Got, Hook
from tests.streams.notify.alerts import alert, over

pytestmark = pytest.mark.integration

QUICK = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500}


class Scene:
    """A pipeline whose alerts are delivered, and who is told."""

    def __init__(self, at: Place, hook: Hook) -> None:
        kafka = QUICK if at.url.startswith("kafka") else {}
        receiver = {"webhook": hook.url, "secret": "planted", "timeout": "5s"}
        asked = {
            "receivers": {"oncall": receiver},
            "group_by": ["feature"],
            "messages_per_minute_max": 10_000,
        }
        self.path: Path = write_spec(at, {"notify": asked, "kafka": kafka})
        self.spec: Spec = read_spec(self.path)
        make_topics(self.spec)
        self.log: Log = open_log(at.url)
        self.hook, self.numbers = hook, itertools.count()

    def fire(self, count: int = 1) -> list[Alert]:
        """Alerts that were not there before."""
        found = [alert(feature=f"f{next(self.numbers)}") for _ in range(count)]
        self.publish(*found)
        return found

    def publish(self, *alerts: Alert) -> None:
        rows = Rows([each.key for each in alerts], [each.json() for each in alerts])
        self.log.append(self.spec.topic("alerts"), 0, rows)

    def told(self) -> dict[str, set[str]]:
        """The names of the messages that told of each alert that fires."""
        found: dict[str, set[str]] = {}
        for got, each in _each(self.hook.got):
            if each["status"] == "firing":
                found.setdefault(each["labels"]["feature"], set()).add(got.id)
        return found


def _each(got: list[Got]) -> Iterator[tuple[Got, Any]]:
    return ((message, each) for message in list(got) for each in message.message["alerts"])


@pytest.fixture
def scene(at: Place) -> Iterator[Scene]:
    with Hook() as hook:
        made = Scene(at, hook)
        yield made
        made.log.close()


def all_told(scene: Scene, alerts: list[Alert]) -> Callable[[], bool]:
    wanted = {each.labels["feature"] for each in alerts}
    return lambda: wanted <= set(scene.told())


def test_killed_while_a_receiver_thinks(scene: Scene) -> None:
    """What was under way comes once more with its old name; what came meanwhile comes, too; and all once."""
    scene.hook.answers = ["hang"]
    with Notify(scene.path) as first:
        first.wait("delivering alerts")
        under_way = scene.fire()
        scene.hook.wait(1)
        meanwhile = scene.fire(2)
        first.kill()
    scene.publish(over(meanwhile[1]))
    with Notify(scene.path) as second:
        until(all_told(scene, [*under_way, meanwhile[0]]))
        until(lambda: "resolved" in [each["status"] for _, each in _each(scene.hook.got)])
        scene.publish(*(over(each) for each in under_way))
        until(lambda: [each["status"] for _, each in _each(scene.hook.got)].count("resolved") == 2)
        assert second.stop() == 0
    assert [len(ids) for ids in scene.told().values()] == [1, 1]
    assert len({(got.id, got.body) for got in scene.hook.got}) == 4
    assert "planted" not in second.said()
    assert "secret-path" not in second.said()


def test_another_takes_over(scene: Scene) -> None:
    """Two processes: one tells. When it is killed the other does; nothing is lost, nothing told twice."""
    with Notify(scene.path) as first:
        first.wait("delivering alerts")
        with Notify(scene.path) as second:
            until(lambda: first.sits != second.sits and "standing by" in first.said() + second.said())
            active, other = (first, second) if first.sits else (second, first)
            early = scene.fire(5)
            until(all_told(scene, early))
            active.kill()
            late = scene.fire(5)
            until(all_told(scene, [*early, *late]))
            assert other.stop() == 0
    assert {len(ids) for ids in scene.told().values()} == {1}


def test_a_frozen_one_tells_nothing_when_it_wakes_up(scene: Scene) -> None:
    """What it would tell it has to write first, and that is refused."""
    with Notify(scene.path) as first, Notify(scene.path) as second:
        until(lambda: first.sits != second.sits and "standing by" in first.said() + second.said())
        active, other = (first, second) if first.sits else (second, first)
        active.process.send_signal(signal.SIGSTOP)
        until(all_told(scene, scene.fire(3)))
        before = len(scene.hook.got)
        active.process.send_signal(signal.SIGCONT)
        until(lambda: not (active.sits and other.sits))
        until(all_told(scene, scene.fire(3)))
        assert (active.stop(), other.stop()) == (0, 0)
    assert {len(ids) for ids in scene.told().values()} == {1}
    assert len(scene.hook.got) == before + 3
