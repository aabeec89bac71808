"""A demo from its first process to its last.

1. A folder with the spec, and a worker in it, as a user would start one.
2. When the worker says that it is ready: a process that produces.
3. Read the topics and draw what is seen, until everything that was sent is done, or until Ctrl-C.
4. End the processes, whatever happened. A process that ends before its time is an error.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from connectors import open_log
from streams.cli.common import say
from streams.demo.payments import Plan
from streams.demo.processes import Child, Died, Patience, ending_on_signals
from streams.demo.scene import SPEC, SPEC_NAME, Scene
from streams.demo.screens import Screen
from streams.demo.seen import Seen
from streams.demo.summary import Summary
from streams.specs import specfile

READY_SECONDS_MAX = 60.0
DRAIN_SECONDS_MAX = 30.0  # without any progress, once the producer is done
LOOK_SECONDS = 0.1


def run(plan: Plan, screen: Screen, keep: bool = False, page: bool = False) -> Seen:
    """Run a demo and return what was seen of it. Raise Died if one of its processes fails."""
    with ending_on_signals(ctrl_c_is_an_end=keep) as patience, folder(keep) as place:
        scene = Scene(plan, place, free_port(), keep, page_port=free_port() if page else None)
        shutil.copyfile(SPEC, scene.spec)
        screen.announce(scene)
        with worker(scene) as working:
            wait_until_ready(scene.port, working)
            if scene.page_port is not None:
                wait_until_ready(scene.page_port, working, "/healthz")
            return watch(scene, working, screen, patience)


def worker(scene: Scene) -> Child:
    settings = ["--set", f"http.port={scene.port}", "--no-notify"]
    settings += ["--no-serve"] if scene.page_port is None else ["--set", f"serve.port={scene.page_port}"]
    return Child("worker", ["-m", "streams", "run", "--spec", str(scene.spec), *settings], scene.folder)


def producer(scene: Scene) -> Child:
    plan = [str(scene.plan.events), str(scene.plan.rate), *(["forever"] if scene.plan.forever else [])]
    return Child("producer", ["-m", "streams.demo.producer", str(scene.spec), *plan], scene.folder)


def wait_until_ready(port: int, working: Child, path: str = "/readyz") -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not is_ready(port, path):
        working.must_run()
        if time.monotonic() > deadline:
            raise Died(f"the worker is not ready after {READY_SECONDS_MAX:.0f} s:\n{working.tail()}")
        time.sleep(0.02)


def is_ready(port: int, path: str) -> bool:
    # Not urllib: it would ask a proxy, where the environment names one.
    with closing(HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
        except (HTTPException, OSError):
            return False


def watch(scene: Scene, working: Child, screen: Screen, patience: Patience) -> Seen:
    """Produce, look and draw until all is done."""
    spec = specfile.load(scene.spec, {"transport": f"sqlite:///{scene.folder}/driftline.db"}, {})
    with closing(open_log(spec.transport)) as log, screen:
        seen = Seen(log, spec, scene.plan)
        with producer(scene) as producing:
            while not producing.ended() and not patience.asked:
                step(seen, scene, working, screen)
        drain(seen, scene, working, screen)
    if not Summary.of(seen).sound:
        say(f"the end of the worker's log:\n{working.tail()}")
    return seen


def drain(seen: Seen, scene: Scene, working: Child, screen: Screen) -> None:
    """Wait for the worker to take what is left; give up when it makes no progress."""
    deadline, left = time.monotonic() + DRAIN_SECONDS_MAX, -1
    while seen.look().lag and time.monotonic() < deadline:
        if seen.figures.lag != left:
            deadline, left = time.monotonic() + DRAIN_SECONDS_MAX, seen.figures.lag
        step(seen, scene, working, screen)


def step(seen: Seen, scene: Scene, working: Child, screen: Screen) -> None:
    working.must_run()
    screen.draw(seen.look(), scene)
    time.sleep(LOOK_SECONDS)


@contextmanager
def folder(keep: bool) -> Iterator[Path]:
    """A folder of our own; removed at the end, unless it is to be kept."""
    made = Path(tempfile.mkdtemp(prefix="driftline-demo-"))
    try:
        yield made
    finally:
        if keep:
            say(f"kept: {made} with {SPEC_NAME}, the topics and the log files of both processes")
        else:
            shutil.rmtree(made, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
