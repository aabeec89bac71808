"""What the fault scripts, the integration tests and the benchmarks run: workers, loads, and places for them.

with place("kafka") as at, Worker(write_spec(at, {...})) as worker:
    worker.wait("worker of")
    worker.send(signal.SIGKILL)
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NamedTuple

import msgspec
import yaml

from connectors import open_log
from engine.spec import Spec
from streams import topics
from tests.faults.load import FEATURES, Load
from tests.parts.kafka import Broker
from tests.parts.processes import ALONE

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sysconfig.get_path("scripts")) / "driftline"
WAIT_S = 60.0


# -- places ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a run happens: a log's URL, and a folder that is removed afterwards."""

    url: str
    folder: Path


@contextlib.contextmanager
def place(log: str, options: str = "") -> Iterator[Place]:
    """A new SQLite file, or a Kafka broker of our own (DRIFTLINE_KAFKA=host:port lends one)."""
    folder = Path(tempfile.mkdtemp(prefix="driftline-"))
    try:
        if log == "sqlite":
            yield Place(f"sqlite:///{folder}/log.db{options}", folder)
        else:
            with Broker(folder) as broker:
                yield Place(f"kafka://{broker.servers}", folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_spec(at: Place, changes: dict[str, Any] | None = None, name: str | None = None) -> Path:
    """Write the spec of these runs, under a name that the log does not know yet, and return its file."""
    pipeline = name or f"p{uuid.uuid4().hex[:8]}"
    spec: dict[str, Any] = {
        "pipeline": pipeline,
        "transport": at.url,
        "events": {
            "id": "id",
            "key": "entity",
            "fields": {
                "id": {"type": "text"},
                "entity": {"type": "text"},
                **{name: {"type": "number"} for name in FEATURES},
            },
        },
        "snapshots": {"key": "0123456789abcdef0123456789abcdef"},
        "http": {"port": None},
    }
    for key, value in (changes or {}).items():
        spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
    path = at.folder / f"{pipeline}-{uuid.uuid4().hex[:4]}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    return path


def read_spec(path: Path) -> Spec:
    return Spec.model_validate(yaml.safe_load(path.read_text()))


def make_topics(spec: Spec) -> None:
    """Create the topics before any worker does, so that they can be filled."""
    log = open_log(spec.transport)
    topics.create(log, spec)
    log.close()


# -- processes ---------------------------------------------------------------------------------------


class Line(NamedTuple):
    at: float  # time.time() when it was read
    text: str


class Worker:
    """`driftline run` in a process of its own, whose log is read as it is written.

    Parameters
    ----------
    spec
        The spec's file.
    options
        More options of the command.
    level
        At `debug` a worker tells the state that it parks.
    beside
        Whether it starts its other processes, too.
    """

    def __init__(self, spec: Path, *options: str, level: str = "debug", beside: bool = False) -> None:
        self.began = time.time()
        command = [str(COMMAND), "run", "--spec", str(spec), "--log-level", level]
        command += [*([] if beside else ALONE), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=spec.parent
        )
        self.lines: list[Line] = []
        self.ended = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for text in stream:
                with self.changed:
                    self.lines.append(Line(time.time(), text.rstrip("\n")))
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def said(self, text: str, after: float = 0.0) -> list[Line]:
        """The lines that hold a text, written after a time."""
        with self.changed:
            return [line for line in self.lines if line.at >= after and text in line.text]

    def wait(self, text: str, limit: float = WAIT_S, after: float = 0.0) -> Line:
        """The first line that holds a text; TimeoutError when it does not come."""
        deadline = time.monotonic() + limit
        with self.changed:
            while not (found := self.said(text, after)):
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    why = "ended" if self.ended else f"has been silent for {limit:.0f} s"
                    raise TimeoutError(f"the worker {why} and did not say {text!r}:\n{self.tail()}")
                self.changed.wait(left)
            return found[0]

    def tail(self, count: int = 30) -> str:
        return "\n".join(line.text for line in self.lines[-count:])

    def send(self, number: int) -> None:
        """A signal; SIGKILL returns when the process is gone."""
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def stop(self, limit: float = WAIT_S) -> int:
        """SIGTERM, and the exit code; TimeoutError if it does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.join(limit)

    def join(self, limit: float = WAIT_S) -> int:
        """Wait for the end; return the exit code, when all of the log is read."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the worker is still there after {limit:.0f} s:\n{self.tail()}") from None
        self.reader.join(5)
        return code

    def memory_mb(self) -> float:
        """How much of it is in memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """What it has used of the processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.reader.join(5)


class Program:
    """A module of ours as a process: `Program("tests.faults.load", "...")`."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def output(self, limit: float | None = None) -> str:
        """What it printed, once it has ended well."""
        text, _ = self.process.communicate(timeout=limit)
        if self.process.returncode != 0:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}")
        return text

    def finish(self) -> None:
        """Tell it to come to its end."""
        self.process.terminate()

    def running(self) -> bool:
        return self.process.poll() is None

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()


def feeder(load: Load) -> Program:
    """A process that appends a load at its pace."""
    return Program("tests.faults.load", msgspec.json.encode(load).decode())


# -- commands ----------------------------------------------------------------------------------------


def options(title: str, **counts: int) -> argparse.ArgumentParser:
    """The options that all commands share, and counts with their defaults."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="smaller counts, under 45 seconds")
    for name, default in counts.items():
        parser.add_argument(f"--{name}", type=int, default=None, help=f"default: {default}")
    return parser


def obey_signals() -> None:
    """End as on Ctrl-C when told to stop, so that no child is left behind."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def steady_hashes() -> None:
    """Start over with hash randomisation off, as a worker does: a replay needs the same order of sets."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def report(figures: dict[str, Any], as_json: bool) -> None:
    """The figures, as JSON or one a line."""
    if as_json:
        print(msgspec.json.encode(figures).decode(), flush=True)
    else:
        for name, value in figures.items():
            print(f"{name:40} {value}")


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
