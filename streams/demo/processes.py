"""A child process whose output goes to a file, and which never outlives its parent's `with`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from engine.errors import DriftlineError

STOP_SECONDS_MAX = 10.0  # a worker promises to stop cleanly within so long
LINES_SHOWN = 12
OURS = "DRIFTLINE_"


class Died(DriftlineError):
    """A process that ended though it should not have."""


class Child:
    """A Python process of ours.

    Parameters
    ----------
    name
        What it is called in messages, and its log file.
    arguments
        What follows `python` on its command line.
    folder
        Where it runs, and where its log file lies.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path) -> None:
        self.name, self.arguments, self.folder = name, arguments, folder
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # A session of its own: Ctrl-C is for the parent, which then ends its children in order.
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    def ended(self) -> bool:
        """Whether it has done its work. Raise Died if it has failed instead."""
        code = self.process.poll() if self.process is not None else None
        if code is not None and code != 0:
            raise Died(self.obituary(code))
        return code == 0

    def must_run(self) -> None:
        """Raise Died if it has ended, well or not."""
        if self.ended():
            raise Died(self.obituary(0))

    def obituary(self, code: int) -> str:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the {self.name} ended {how}; the end of its log:\n{self.tail()}"

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"

    def end(self) -> None:
        """Ask it to stop, wait, and make it stop."""
        if self.process is None:
            return
        try:
            self.process.terminate()
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when whoever waits loses patience: a second Ctrl-C
            self.process.kill()
            self.process.wait()


def environment() -> dict[str, str]:
    """Ours, without what would change the demo's spec; with what makes a worker start only once."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    return {**kept, "PYTHONHASHSEED": "0"}


class Patience:
    """Whether somebody asked us, by Ctrl-C, to come to an end."""

    asked = False


@contextmanager
def ending_on_signals(ctrl_c_is_an_end: bool) -> Iterator[Patience]:
    """Let SIGTERM, and a closed terminal, unwind the stack; and Ctrl-C too, or only the second one."""
    patience = Patience()

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def ask(number: int, frame: FrameType | None) -> None:
        if patience.asked or not ctrl_c_is_an_end:
            raise KeyboardInterrupt
        patience.asked = True

    handlers = {signal.SIGTERM: leave, signal.SIGHUP: leave, signal.SIGINT: ask}
    before = {number: signal.getsignal(number) for number in handlers}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]  # as nohup wants
    for number in heard:
        signal.signal(number, handlers[number])
    try:
        yield patience
    finally:
        for number in heard:
            signal.signal(number, before[number])
