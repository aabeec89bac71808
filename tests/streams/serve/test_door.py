"""Who is let in, and what the others are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SpecError
from engine.spec import Spec
from engine.specserve import Serve
from streams.serve import door, run, tokens
from tests.parts.serving import Serving

FIELDS = {"x": {"type": "number"}}


def spec(**serve: Any) -> Spec:
    """A pipeline in memory."""
    given = {"pipeline": "p", "transport": "memory://door", "events": {"fields": FIELDS}, "serve": serve}
    return Spec.model_validate(given)


@pytest.fixture(scope="module")
def open_house() -> Iterator[Serving]:
    """A server without tokens."""
    with Serving(spec(names=["box"], body_bytes_max=1000)) as server:
        yield server


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """A file of tokens, and the tokens by their names."""
    pairs = {name: tokens.made(name, (name,), 600) for name in tokens.SCOPES}
    tokens.write(tmp_path / "tokens.json", [token for _, token in pairs.values()])
    return {name: secret for name, (secret, _) in pairs.items()}


def test_everybody_may_come_in_where_no_tokens_are_asked_for(open_house: Serving) -> None:
    """On loopback, without tokens."""
    assert open_house.get("/v1/whoami").json == {"token": "", "scopes": ["read", "label", "admin"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "box:1"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "box", "Origin": "http://box"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_other_sites_can_not_use_a_browser(open_house: Serving, headers: Any, status: int) -> None:
    """A strange name, or a strange origin, is turned away where there are no tokens."""
    assert open_house.get("/v1/whoami", **headers).status == status


def test_tokens_open_what_their_scopes_say(tmp_path: Path, keys: dict[str, str]) -> None:
    """Without one 401, with a wrong one 401, without the scope 403."""
    with Serving(spec(tokens=str(tmp_path / "tokens.json"))) as server:
        assert server.get("/healthz").status == 200
        assert server.get("/v1/whoami").headers["www-authenticate"].startswith("Bearer")
        assert server.get("/v1/whoami", Authorization="Bearer dl_wrong").status == 401
        assert server.get("/metrics", Authorization=f"Bearer {keys['read']}").status == 200
        denied = server.get("/metrics", Authorization=f"Bearer {keys['label']}")
        assert (denied.status, denied.json["scope"]) == (403, "read")


def test_bodies_of_strangers_are_not_taken_in(tmp_path: Path, keys: dict[str, str]) -> None:
    """They are sent away before their body is there."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    with (
        Serving(spec(tokens=str(tmp_path / "tokens.json"))) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as line,
    ):
        line.sendall(head)
        assert line.recv(4096).startswith(b"HTTP/1.1 401")


def test_a_token_may_ask_only_so_often(tmp_path: Path) -> None:
    """Beyond its rate it is told how long to wait."""
    secret, token = tokens.made("slow", ("read",), 1)
    tokens.write(tmp_path / "tokens.json", [token])
    with Serving(spec(tokens=str(tmp_path / "tokens.json"))) as server:
        told = [server.get("/v1/whoami", Authorization=f"Bearer {secret}") for _ in range(30)]
        late = [answer for answer in told if answer.status == 429]
        assert late
        assert int(late[0].headers["retry-after"]) >= 1


def test_a_changed_file_is_read_again(tmp_path: Path, keys: dict[str, str]) -> None:
    """A revoked token is let in no more; nor is anybody when the file is gone."""
    path = tmp_path / "tokens.json"
    keeper = tokens.Doorkeeper(path)
    assert keeper.who(keys["read"]) is not None
    tokens.write(path, [each for each in tokens.read(path) if each.name != "read"])
    keeper.looked = 0.0
    assert keeper.who(keys["read"]) is None
    assert keeper.who(keys["admin"]) is not None
    path.unlink()
    keeper.looked = 0.0
    assert keeper.who(keys["admin"]) is None


def test_a_damaged_file_locks_nobody_out(tmp_path: Path, keys: dict[str, str]) -> None:
    """Those who were in stay in, and it is told."""
    path = tmp_path / "tokens.json"
    keeper = tokens.Doorkeeper(path)
    path.write_text("{")
    keeper.looked = 0.0
    assert keeper.who(keys["read"]) is not None
    assert "no file of tokens" in (keeper.wrong or "")


def test_secrets_are_not_kept(tmp_path: Path, keys: dict[str, str]) -> None:
    """The file holds hashes, and is its owner's alone."""
    path = tmp_path / "tokens.json"
    assert not any(secret in path.read_text() for secret in keys.values())
    assert path.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    ("serve", "wanted"),
    [
        ({"host": "0.0.0.0"}, "serve.tokens"),
        ({"host": "0.0.0.0", "tokens": "t"}, "TLS"),
        ({"host": "example.org", "tls_cert": "c", "tls_key": "k"}, "serve.tokens"),
    ],
)
def test_it_does_not_listen_to_others_unguarded(serve: Any, wanted: str) -> None:
    """Off loopback there have to be tokens and TLS."""
    with pytest.raises(SpecError, match=wanted):
        door.check(Serve.model_validate(serve))
    door.check(Serve.model_validate({**serve, "allow_insecure": True}))


def test_a_certificate_that_can_not_be_used(tmp_path: Path) -> None:
    """Which file, and why, before anything listens."""
    serve = Serve(tls_cert=str(tmp_path / "cert.pem"), tls_key=str(tmp_path / "key.pem"))
    with pytest.raises(SpecError, match=r"serve.tls_cert: can't read .*cert.pem: No such file"):
        run.check_certificate(serve)
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(SpecError, match=r"serve.tls_key: can't read .*key.pem: No such file"):
        run.check_certificate(serve)
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(SpecError, match=r"are no certificate with its key: .*PEM"):
        run.check_certificate(serve)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/healthz", 405)]
)
def test_what_is_not_there_is_a_problem(open_house: Serving, method: str, path: str, status: int) -> None:
    """Unknown paths and methods are told in JSON."""
    answer = open_house.ask(method, path)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_long_request_is_refused(open_house: Serving) -> None:
    """Whether its length is announced or not."""
    assert open_house.post("/healthz", b"x" * 1001).status == 413
    answer = open_house.ask("POST", "/healthz", iter([b"x" * 600] * 2))
    assert answer.status == 413


def test_it_is_not_ready_without_topics(open_house: Serving) -> None:
    """And says what is missing."""
    answer = open_house.get("/readyz")
    assert answer.status == 503
    assert "p.journal" in answer.json["reasons"][0]


def test_requests_are_counted(open_house: Serving) -> None:
    """By route, not by path."""
    open_house.get("/v1/whoami?secret=1")
    text = open_house.get("/metrics").body.decode()
    assert 'driftline_serve_requests_total{pipeline="p",route="/v1/whoami",status="200"}' in text
    assert "secret" not in text
