"""Kernels are compiled aside: a worker scores with River at once, and goes over when they are ready.

1. When the first commit is done, a thread looks whether all kernels lie compiled on disk, and loads them.
2. If not, a process of its own compiles them, at the lowest priority, and puts them there.
3. Where nothing can be kept on disk, the thread compiles them itself.
4. Each shard goes over between two batches. Its outputs do not show it.

Whatever goes wrong here is logged, and the model stays with River.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.errors import DriftlineError
from engine.models.compiled import Unsupported
from engine.shard import Shard
from engine.spec import Spec

log = logging.getLogger("driftline")

THREAD = "driftline-warming"
JOIN_S = 0.3  # for the thread to end at a stop
CHILD_S = 600.0


class Stopped(Exception):
    """Compiling came up where it was not wanted."""


def busy() -> bool:
    """Whether a thread is still about it."""
    return any(thread.name == THREAD for thread in threading.enumerate())


class Warming:
    """Sees to it that a spec's kernels are compiled, and that shards then use them.

    Parameters
    ----------
    spec
        The pipeline's spec. With `model.compile: false` nothing ever happens.

    Attributes
    ----------
    ready
        Whether shards may go over.
    how
        Where the kernels came from, or why there are none.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec, self.ready, self.how = spec, False, ""
        self.began = self.seconds = 0.0
        self.thread: threading.Thread | None = None
        self.child: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def start(self) -> None:
        """Begin, once; returns at once."""
        if self.spec.model.compile and self.thread is None and not self.stopped:
            self.began = time.monotonic()
            self.thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            self.thread.start()

    def switch(self, shard: Shard) -> None:
        """Let a shard go over, if it can and has not yet."""
        if self.ready and not shard.model.switched and shard.model.without is None and shard.switch():
            log.info(
                "shard %d: the model runs compiled from here on, its kernels were %s after %.1f s",
                *(shard.partition, self.how, self.seconds),
            )

    def stop(self) -> bool:
        """End it; False if the thread can't be ended, being in the compiler."""
        self.stopped = True
        if self.child is not None:
            with suppress(ProcessLookupError):
                self.child.kill()
        if self.thread is not None:
            self.thread.join(JOIN_S)
        return self.thread is None or not self.thread.is_alive()

    # -- in the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._load():
                self.how = "loaded"
            else:
                self._in_a_child()
                self.how = "compiled aside"
                if not self._load():
                    self.how = "compiled"
                    self._compile()
            self.seconds = time.monotonic() - self.began
            self.ready = True
        except Unsupported as exc:
            self.how = str(exc)
            log.info("the model stays with River: %s", exc)
        except Stopped:
            self.how = "stopped"
        except Exception as exc:  # noqa: BLE001 - the boundary: scoring goes on without it
            self.how = f"{type(exc).__name__}: {exc}"
            log.warning("the model stays with River, its kernels could not be compiled: %s", self.how)

    def _load(self) -> bool:
        """Load every kernel from disk; False if one is not there."""
        try:
            with _no_compiling(lambda: True):
                warm(self.spec)
        except Stopped:
            return False
        return True

    def _compile(self) -> None:
        with _no_compiling(lambda: self.stopped):
            warm(self.spec)

    def _in_a_child(self) -> None:
        if self.stopped:
            raise Stopped
        command = [sys.executable, "-m", "streams.warming"]
        pipe = subprocess.PIPE
        known = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=quiet, stderr=pipe, env=known) as self.child:
            try:
                _, said = self.child.communicate(pickle.dumps(self.spec), timeout=CHILD_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
                raise
        if self.stopped:
            raise Stopped
        if self.child.returncode:
            log.debug("compiling aside ended with %d: %s", self.child.returncode, said.decode()[-2000:])


def warm(spec: Spec) -> None:
    """Compile, or load, every kernel that workers of this spec call."""
    from connectors import kafka_frames
    from engine import warming

    if spec.transport.startswith("kafka:"):
        kafka_frames.warm()
    warming.warm(spec)


@contextmanager
def _no_compiling(unwanted: Any) -> Iterator[None]:
    """Raise Stopped in this thread where a kernel would be compiled while that is unwanted."""
    try:
        from numba.core import event
    except ImportError as exc:
        raise Unsupported(f"numba can't be imported: {exc}") from exc
    here = threading.get_ident()

    class Listener(event.Listener):
        def on_start(self, _: object) -> None:
            if threading.get_ident() == here and unwanted():
                raise Stopped

        def on_end(self, _: object) -> None: ...

    with event.install_listener("numba:compile", Listener()):
        yield


def main() -> None:
    """The process that compiles: what to do comes on its standard input."""
    os.nice(19)
    spec = pickle.loads(sys.stdin.buffer.read())
    with suppress(Unsupported, DriftlineError):
        warm(spec)


if __name__ == "__main__":
    main()
