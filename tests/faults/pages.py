"""Who delivers alerts is killed again and again, and the receiver fails in every way: is anything lost?

    python -m tests.faults.pages --log kafka --json

Alerts fire, resolve and fire again all the while. What counts is what is true in the end, and that nothing
was told under two names: a repeat after a kill has the `webhook-id` and the bytes of the first time.

unknown   alerts whose last state the receiver was not told
doubled   lives of alerts whose beginning or end was told by two messages
changed   messages that came twice and were not the same
"""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors import open_log
from connectors.log import Log, Rows
from engine.alerts.record import Alert, iso
from engine.spec import Spec
from tests.faults.harness import (
    Place,
    make_topics,
    obey_signals,
    options,
    place,
    read_spec,
    report,
    say,
    write_spec,
)
from tests.parts.delivering import Notify
from tests.parts.hook import Got, Hook
from tests.parts.waiting import until
from tests.streams.notify.alerts import START_MS, alert, over

QUICK = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500}
WAYS: list[int | str] = [200, 200, 200, 500, 503, "close", "hang"]  # in which a receiver answers
LIVES_S = {"sqlite": (3.5, 9.0), "kafka": (9.0, 16.0)}  # of a deliverer: longer than it takes to sit down
FEATURES = 30
LIMIT_S = 60.0


class Scene:
    """A pipeline whose alerts are delivered, and who is told."""

    def __init__(self, at: Place, hook: Hook) -> None:
        kafka = QUICK if at.url.startswith("kafka") else {}
        receiver = {"webhook": hook.url, "secret": "planted", "timeout": "5s"}
        asked = {"receivers": {"oncall": receiver}, "group_by": ["feature"]}
        bounds = {"messages_per_minute_max": 10_000}
        self.path: Path = write_spec(at, {"notify": {**asked, **bounds}, "kafka": kafka})
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

    def each(self) -> Iterator[tuple[Got, Any]]:
        """Every alert that the receiver was told of, and by which request."""
        return ((got, each) for got in list(self.hook.got) for each in got.message["alerts"])

    def told(self) -> dict[str, set[str]]:
        """The names of the messages that told of each alert that fires."""
        found: dict[str, set[str]] = {}
        for got, each in self.each():
            if each["status"] == "firing":
                found.setdefault(each["labels"]["feature"], set()).add(got.id)
        return found


class Story:
    """Alerts that come and go."""

    def __init__(self, scene: Scene, dice: random.Random) -> None:
        self.scene, self.dice = scene, dice
        self.began = time.monotonic()
        self.firing: dict[str, Alert] = {}
        self.lives = 0

    def step(self) -> None:
        """One fires, or is over."""
        feature = f"f{self.dice.randrange(FEATURES)}"
        if feature in self.firing:
            one = self.firing.pop(feature)
            self.scene.publish(over(one, ends_at=iso(one.time + 1)))
        else:
            now = START_MS + int((time.monotonic() - self.began) * 1000)
            self.firing[feature] = alert(feature=feature, starts_at=iso(now), time=now)
            self.scene.publish(self.firing[feature])
            self.lives += 1
        time.sleep(self.dice.uniform(0.02, 0.3))

    def unknown(self) -> int:
        """Alerts of which the receiver knows something else."""
        last = {e["labels"]["feature"]: (e["startsAt"], e["status"]) for _, e in self.scene.each()}
        missing = [f for f, one in self.firing.items() if last.get(f) != (one.starts_at, "firing")]
        stale = [f for f, (_, status) in last.items() if status == "firing" and f not in self.firing]
        return len(missing) + len(stale)


def run(log_name: str, seconds: float, seed: int) -> dict[str, Any]:
    dice, kills = random.Random(seed), 0
    with place(log_name) as at, Hook() as hook:
        scene = Scene(at, hook)
        story = Story(scene, dice)
        hook.answers = dice.choices(WAYS, k=1_000)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with Notify(scene.path):  # whose end is a kill
                until_killed = min(end, time.monotonic() + dice.uniform(*LIVES_S[log_name]))
                while time.monotonic() < until_killed:
                    story.step()
            kills += 1
            say(f"killed {kills} times, {story.lives} alerts fired, {len(hook.got)} requests")
        hook.answers.clear()
        with Notify(scene.path):
            until(lambda: story.unknown() == 0, LIMIT_S)
        scene.log.close()
        return {"log": log_name, "kills": kills, "fired": story.lives, **verdict(scene, story)}


def verdict(scene: Scene, story: Story) -> dict[str, int]:
    names, bodies = defaultdict[tuple[str, ...], set[str]](set), defaultdict[str, set[bytes]](set)
    for got, each in scene.each():
        names[each["labels"]["feature"], each["startsAt"], each["status"]].add(got.id)
        bodies[got.id].add(got.body)
    return {
        "requests": len(scene.hook.got),
        "messages": len(bodies),
        "unknown": story.unknown(),
        "doubled": sum(len(found) > 1 for found in names.values()),
        "changed": sum(len(found) > 1 for found in bodies.values()),
    }


def main() -> None:
    parser = options("kill who delivers alerts", seconds=120, seed=5)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    figures = run(asked.log, asked.seconds or (25 if asked.quick else 120), asked.seed or 5)
    report(figures, asked.json)
    raise SystemExit(0 if not any(figures[name] for name in ("unknown", "doubled", "changed")) else 1)


if __name__ == "__main__":
    main()
