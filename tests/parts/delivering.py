"""Delivery in a thread of a test, or in a process of its own that may be killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from engine.spec import Spec
from streams.notify.counts import Counts
from streams.notify.run import deliver
from tests.parts.waiting import until

NUMBERS = itertools.count()
ROOT = Path(__file__).resolve().parents[2]


class Delivering:
    """What `driftline notify` does, until the block ends."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.counts = Counts(spec.pipeline, spec.notify.receivers)
        self.error: BaseException | None = None
        self.loop = asyncio.new_event_loop()
        self.ended = asyncio.Event()
        self.thread = threading.Thread(target=self._run, name="deliver")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(deliver(self.spec, self.counts, self.ended))
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def __enter__(self) -> Delivering:
        self.thread.start()
        until(lambda: self.counts.active or not self.thread.is_alive())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(60)
        assert not self.thread.is_alive()


class Notify:
    """`driftline notify` as a process of its own."""

    def __init__(self, spec: Path) -> None:
        self.log = spec.with_suffix(f".notify-{next(NUMBERS)}.log")
        program = "from streams.cli import main; main()"
        command = [sys.executable, "-c", program, "notify", "--spec", str(spec)]
        with self.log.open("ab") as output:
            environ = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, cwd=spec.parent, stderr=output, env=environ)

    def said(self) -> str:
        return self.log.read_text()

    @property
    def sits(self) -> bool:
        """Whether it is the one that delivers, as far as it knows."""
        return self.said().rfind("delivering alerts of") > self.said().rfind("standing by")

    def wait(self, text: str, times: int = 1) -> None:
        """Until it has logged this so often."""
        until(lambda: self.said().count(text) >= times or self.process.poll() is not None)
        assert self.said().count(text) >= times, self.said()

    def kill(self) -> None:
        """As the kernel does it."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)

    def __enter__(self) -> Notify:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.kill()
