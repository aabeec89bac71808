"""A server program in a process of its own, which tests may stop, freeze and start again."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_SECONDS_MAX = 120.0
ALONE = ("--no-serve", "--no-notify")  # options of `driftline run`: the worker, and nothing beside it


# Below those that the kernel gives to whoever connects: there somebody else's connection may take the port
# before the server does, and a client that knocks at it again and again may even meet itself.
PORTS = (12_000, 32_000)


def free_port() -> int:
    """A port at which nobody listens."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def answers(port: int, question: bytes) -> bool:
    """Whether somebody at the port says anything to a question."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(question)
            return bool(link.recv(1))
    except OSError:
        return False


class Server:
    """A process whose output goes to a file."""

    def __init__(self, command: Sequence[str], output: Path, ready: Callable[[], bool]) -> None:
        self.command = list(command)
        self.output = output
        self.ready = ready
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or go on after `pause`; return once it answers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        else:
            with self.output.open("ab") as output:
                self.process = subprocess.Popen(self.command, stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} does not start:\n{self.output.read_text()[-4000:]}")
            time.sleep(0.05)

    def pause(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def stop(self, kill: bool = False) -> None:
        """End it, its data stays; `kill` gives it no time to tidy up."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
