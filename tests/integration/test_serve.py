"""`driftline serve` as a process, beside a real worker, on both logs."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.client import Client
from tests.conftest import need
from tests.faults.harness import COMMAND, Place, Worker, read_spec, write_spec
from tests.faults.load import FEATURES
from tests.integration.pipeline import Pipeline
from tests.parts.processes import Server, answers, free_port
from tests.parts.waiting import until

pytestmark = pytest.mark.integration

EVENT = {"entity": "c1", **dict.fromkeys(FEATURES, 0.5)}
CERTIFICATE = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
]
FOR_LOCALHOST = [
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
]


@contextlib.contextmanager
def serving(path: Path, port: int, *options: str) -> Iterator[Server]:
    """The command, for as long as the `with` lasts."""
    command = [str(COMMAND), "serve", "--spec", str(path), "--set", f"serve.port={port}", *options]
    server = Server(command, path.parent / "serve.log", lambda: answers(port, b"x\r\n\r\n"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_an_event_by_the_api_is_predicted_by_the_stream(at: Place) -> None:
    """It is sent, taken and predicted once; what the API said of it has the same id and the same fields."""
    pipeline, port = Pipeline(at, {"snapshots": {"every_records": 300}}), free_port()
    pipeline.feed(400)
    pipeline.work()
    with Worker(pipeline.path) as worker, serving(pipeline.path, port):
        pipeline.wait(worker)
        with Client(f"http://127.0.0.1:{port}", timeout_s=60) as client:
            assert client.get("/readyz") == {"status": "ready"}
            said = client.predict({"id": "by-api", **EVENT}, record=True)
            client.labels({"event_id": "by-api", "entity": "c1", "label": True})
            pipeline.wait(worker)
            told = pipeline.records("predictions")[-1].value or b""
            assert f'"prediction_id":"{said["prediction_id"]}"'.encode() in told
            assert set(said) - {"as_of"} == set(read(told))
            assert b'"by-api"' in (pipeline.records("outcomes")[-1].value or b"")
            assert client.entity("c1")["entity"] == "c1"
        assert worker.stop() == 0
    pipeline.close()


def read(value: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value)
    return found


def test_it_ends_when_told_to(on_sqlite: Place) -> None:
    """Within five seconds and with exit code 0, also while a stream is read; so does a second beside it."""
    path, ports = Pipeline(on_sqlite).path, (free_port(), free_port())
    with (
        serving(path, ports[0]) as server,
        serving(path, ports[1]),
        Client(f"http://127.0.0.1:{ports[0]}") as c,
    ):
        told = next(c.stream("status"))
        assert told.data["pipeline"] == read_spec(path).pipeline
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(8) == 0
        server.process = None


def test_a_taken_port_is_told(on_sqlite: Place) -> None:
    """With what to do about it, and exit code 2."""
    path, port = write_spec(on_sqlite), free_port()
    with serving(path, port):
        command = [str(COMMAND), "serve", "--spec", str(path), "--set", f"serve.port={port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "serve.port: can't listen" in done.stderr


def test_tls_hides_what_is_said(on_sqlite: Place) -> None:
    """A client that trusts the certificate is served; nobody gets anything without TLS."""
    need(None if shutil.which("openssl") else "no openssl here")
    folder, port = on_sqlite.folder, free_port()
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*CERTIFICATE, *files, *FOR_LOCALHOST], check=True, capture_output=True)
    options = ("--set", f"serve.tls_cert={folder}/cert.pem", "--set", f"serve.tls_key={folder}/key.pem")
    command = [
        str(COMMAND),
        "serve",
        "--spec",
        str(write_spec(on_sqlite)),
        "--set",
        f"serve.port={port}",
        *options,
    ]
    trust = ssl.create_default_context(cafile=folder / "cert.pem")
    server = Server(command, folder / "serve.log", lambda: b"serving" in (folder / "serve.log").read_bytes())
    server.start()
    with contextlib.closing(Client(f"https://localhost:{port}", context=trust, timeout_s=20)) as client:
        assert until(lambda: client.get("/healthz")) == {"status": "ok"}
    assert not answers(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    server.stop()
