"""A real Apache Kafka for tests, benchmarks and fault scripts: one JVM, broker and controller in one.

    with Broker(Path("/tmp/data")) as broker:
        print(broker.servers)

The jars come from Maven the first time and stay in the user's cache. With DRIFTLINE_KAFKA=host:port in
the environment that broker is used instead of a new one.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.parts.processes import Server, answers, free_port

POM = Path(__file__).with_name("pom.xml")
VERSION = "4.1.0"
API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # a request that every broker answers, once it is up

CONFIG = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


def missing() -> str | None:
    """What has to be installed before a broker can be started."""
    if os.environ.get("DRIFTLINE_KAFKA"):
        return None
    programs = ["java"] if _cache().is_dir() else ["java", "mvn"]
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        return f"no {' and no '.join(absent)} here: apt-get install openjdk-17-jre-headless maven"
    return None


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "driftline" / f"kafka-{VERSION}"


def _jars() -> Path:
    """The folder with the broker's jars, fetched if it is not there; it appears whole or not at all."""
    folder = _cache()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent))
        fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        subprocess.run([*fetch, f"-DoutputDirectory={part}"], check=True)
        part.rename(folder)
    return folder


class Broker:
    """A broker with its data in `folder`, on ports that were free; or the one that DRIFTLINE_KAFKA names."""

    def __init__(self, folder: Path) -> None:
        outside = os.environ.get("DRIFTLINE_KAFKA")
        port = free_port()
        self.servers = outside or f"127.0.0.1:{port}"
        self.server: Server | None = None
        if not outside:
            config = _configure(folder, port)
            command = [*_java(), "kafka.Kafka", str(config)]
            self.server = Server(command, folder / "output.log", lambda: answers(port, API_VERSIONS))

    def start(self) -> None:
        """Start, or go on after `pause`; return once it answers."""
        if self.server is not None:
            self.server.start()

    def pause(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        assert self.server is not None, "not ours to pause"
        self.server.pause()

    def stop(self, kill: bool = False) -> None:
        """End it; its data stays for the next `start`."""
        if self.server is not None:
            self.server.stop(kill)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop(kill=True)


def _java() -> list[str]:
    return ["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{_jars()}/*"]


def _configure(folder: Path, port: int) -> Path:
    config = folder / "server.properties"
    config.write_text(CONFIG.format(port=port, controller=free_port(), data=folder / "data"))
    tool = [*_java(), "kafka.tools.StorageTool", "format", "-t", "ZHJpZnRsaW5lLXRlc3RzLQ", "-c", str(config)]
    subprocess.run(tool, check=True, capture_output=True)
    return config
