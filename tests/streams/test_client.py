"""The client, against a real server over a log in memory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.client import PATIENCE_S, ApiError, Client, Unreachable
from streams.serve import tokens
from streams.serve.views.stream import STILL_HERE_S
from tests.parts.serving import Serving
from tests.streams.serve.test_predict import Kept

EVENT = {"id": "c1", "amount": 7.0}


@pytest.fixture(scope="module")
def kept() -> Kept:
    """A pipeline that has learned something, and raised an alert."""
    alerts = [{"when": "accuracy < 0.99", "over": 50, "at_least": 10}]
    kept = Kept("client", model={"use": "logistic_regression"}, alerts=alerts)
    kept.work(200)
    return kept


@pytest.fixture(scope="module")
def server(kept: Kept) -> Iterator[Serving]:
    """The API over it."""
    with Serving(kept.stage.spec) as server:
        yield server


@pytest.fixture
def client(server: Serving) -> Iterator[Client]:
    """A client of it."""
    with Client(f"http://127.0.0.1:{server.port}") as client:
        yield client


def test_events_are_predicted(client: Client) -> None:
    """One, many, and what is known of an entity."""
    said = client.predict(EVENT)
    assert said["event_id"] == "c1"
    assert client.predict_many([EVENT, EVENT])[1]["score"] == said["score"]
    assert client.predict_entity("e7")["score"] == said["score"]
    assert client.entity("e7")["features"] == {"amount": 7.0}


def test_events_and_labels_are_sent(client: Client, kept: Kept) -> None:
    """They lie where the answer says."""
    [place] = client.events({"id": "sent", "amount": 1.0})
    [label] = client.labels({"event_id": "sent", "label": True})
    assert place["offset"] + 1 == kept.stage.log.bounds("p.events")[0][1]
    assert label["offset"] + 1 == kept.stage.log.bounds("p.labels")[0][1]


def test_alerts_are_looked_after(client: Client, kept: Kept) -> None:
    """Each order lies on the control topic."""
    [alert, *_] = client.alerts(status="firing")
    client.acknowledge(alert["fingerprint"], "on it")
    silence = client.silence({"alertname": alert["labels"]["alertname"]}, "2h", "known")
    client.resolve(alert["fingerprint"], "mended")
    client.unsilence(silence["id"])
    assert [order["do"] for order in kept.lane("control")] == [
        "acknowledge",
        "silence",
        "resolve",
        "unsilence",
    ]


def test_a_stream_tells_what_is(client: Client) -> None:
    """The first status comes at once, alerts before or after it."""
    kinds = {told.kind: told.data for told, _ in zip(client.stream("status"), range(1), strict=False)}
    assert kinds["status"]["pipeline"] == "p"
    assert client.status()["pipeline"] == "p"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_stream_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for beyond the server's signs of life, and then it can't be reached."""
    assert PATIENCE_S > 2 * STILL_HERE_S
    monkeypatch.setattr("streams.client.PATIENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = Client(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=60).stream("alerts")
        said = threading.Thread(target=lambda: said_to(server.accept()[0]))
        said.start()
        with pytest.raises(Unreachable, match="timed out"):
            next(told)
        said.join()


def said_to(line: socket.socket) -> None:
    """An answer that begins, and no more until the other side has gone."""
    with line:
        line.sendall(HEAD)
        while line.recv(4096):
            pass


def test_problems_are_errors(client: Client) -> None:
    """With all that the server said of them; the connection goes on."""
    with pytest.raises(ApiError, match="422 Unprocessable") as caught:
        client.predict({"id": "1"})
    assert (caught.value.status, caught.value.reason) == (422, "missing_field")
    with pytest.raises(ApiError, match="404"):
        client.entity("no/body?")
    assert client.predict(EVENT)["event_id"] == "c1"


def test_a_broken_connection_is_opened_again(client: Client) -> None:
    """Where asking twice does no harm."""
    client.predict(EVENT)
    assert client.line is not None
    assert client.line.sock is not None
    client.line.sock.close()
    assert client.predict(EVENT)["event_id"] == "c1"


def test_a_token_is_sent(kept: Kept, tmp_path: Path) -> None:
    """And a missing one is told."""
    secret, token = tokens.made("ada", ("read",))
    tokens.write(tmp_path / "tokens.json", [token])
    serve = kept.stage.spec.serve.model_copy(update={"tokens": str(tmp_path / "tokens.json")})
    with Serving(kept.stage.spec.model_copy(update={"serve": serve})) as server:
        url = f"http://127.0.0.1:{server.port}"
        with Client(url, secret) as ada, Client(url) as nobody:
            assert ada.get("/v1/whoami") == {"token": "ada", "scopes": ["read"]}
            with pytest.raises(ApiError, match="driftline tokens add"):
                nobody.status()
            with pytest.raises(ApiError, match="label"):
                ada.events(EVENT)


def test_nobody_there_is_told() -> None:
    """By the address."""
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 can't be reached"):
        Client("http://127.0.0.1:9", timeout_s=0.5).status()
    with pytest.raises(ValueError, match="no address"):
        Client("localhost:8000")
