"""`driftline notify` as a process, on both logs: killed, frozen, and with another one beside it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from engine.alerts.record import Alert
from tests.faults.harness import Place
from tests.faults.pages import Scene
from tests.parts.delivering import Notify
from tests.parts.hook import Hook
from tests.parts.waiting import until
from tests.streams.notify.alerts import over

pytestmark = pytest.mark.integration


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
        until(lambda: "resolved" in [each["status"] for _, each in scene.each()])
        scene.publish(*(over(each) for each in under_way))
        until(lambda: [each["status"] for _, each in scene.each()].count("resolved") == 2)
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
