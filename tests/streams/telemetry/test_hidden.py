"""No secret is shown: not by a log, not by an error, whoever wrote it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from connectors import open_log
from connectors.log import Rows
from engine.alerts.record import Alert
from streams import topics
from streams.specs.specfile import load
from streams.telemetry.hidden import hide, learn, secrets_of
from streams.telemetry.logs import JsonLines, Lines
from tests.streams.cli import Cli, start
from tests.streams.telemetry.test_logs import record

SECRETS = {name: f"planted/{name}+secret=" for name in ("snapshots", "token", "sasl", "redis")}
SPEC: dict[str, Any] = {
    "pipeline": "pay",
    "transport": "kafka://127.0.0.1:1",
    "events": {"id": "id", "fields": {"id": {"type": "text"}, "amount": {"type": "number"}}},
    "snapshots": {"key": SECRETS["snapshots"]},
    "http": {"port": 0, "token": SECRETS["token"]},
    "serve": {"port": 0},
    "kafka": {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": SECRETS["sasl"],
    },
    "cache": f"redis://:{quote(SECRETS['redis'], safe='')}@127.0.0.1:1/0",
}
PROCESSES = {"run": "worker", "serve": "serve"}
SAID = {
    "run": "trying again",
    "serve": "serving pay",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "driftline.yaml"
    file.write_text(yaml.safe_dump(SPEC))
    return file


@pytest.fixture
def known(path: Path) -> None:
    """The secrets of the spec."""
    learn(load(path, environ={}))


def shown(text: str) -> list[str]:
    """The secrets that a text holds, however they are written."""
    return [name for name, secret in SECRETS.items() if secret in text or quote(secret, safe="") in text]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_the_spec(name: str) -> None:
    """As it is, quoted as in an address, and in a traceback; in text and in JSON alike."""
    secret = SECRETS[name]
    made = record("can't use %s or %s", secret, quote(secret, safe=""))
    try:
        raise ValueError(secret)
    except ValueError:
        made.exc_info = sys.exc_info()
    for line in (JsonLines("pay").format(made), Lines().format(made)):
        assert "can't use *** or ***" in line
        assert "ValueError" in line
        assert shown(line) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("at https://ada:pass@host/x", "at https://ada:***@host/x"),
        ("Authorization: Bearer abcdef0123456", "Authorization: Bearer ***"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        ("a bearer of news", "a bearer of news"),
    ],
)
def test_what_looks_like_one(text: str, wanted: str) -> None:
    """Passwords of addresses and tokens of headers, though no spec has them; nothing else."""
    assert hide(text) == wanted


def test_paths_are_no_secrets(path: Path) -> None:
    """A file's name may be shown, so that one finds it; what is in it may not."""
    spec = load(path, {"serve.tokens": "tokens.json", "kafka.ssl_keyfile": "key.pem"}, {})
    assert {"tokens.json", "key.pem"} & set(secrets_of(spec)) == set()
    assert set(SECRETS.values()) - set(secrets_of(spec)) == {SECRETS["redis"]}  # is there as it is written


def test_where_a_receiver_is_may_be_said(path: Path) -> None:
    """An address that is nothing but a host is told, so that one sees who can't be reached."""
    receivers = "{am: {alertmanager: 'http://am:9093'}, hook: {webhook: 'https://hooks/T0/B1'}}"
    secrets = set(secrets_of(load(path, {"notify.receivers": receivers}, {})))
    assert "http://am:9093" not in secrets
    assert "https://hooks/T0/B1" in secrets


def test_check_shows_none(cli: Cli) -> None:
    """What a spec means is told without its secrets, and without the password of an address."""
    cli.write("driftline.yaml", yaml.safe_dump(SPEC))
    ended = cli("check", "--json")
    assert ended.row()["spec"]["cache"]["url"] == "redis://:***@127.0.0.1:1/0"
    assert shown(ended.out + ended.err + cli("check").out) == []


@pytest.mark.parametrize("command", [["check"], ["check", "--json"], ["doctor"], ["doctor", "--json"]])
@pytest.mark.parametrize("key", ["transport=kafka", "cache=redsi"])
def test_an_address_with_a_password(cli: Cli, command: list[str], key: str) -> None:
    """Where it is right and where it is not, the password in it is shown nowhere."""
    signed = ("--set", f"snapshots.key={SECRETS['snapshots']}")
    ended = cli(*command, *signed, "--set", f"{key}://me:planted-password@127.0.0.1:1")
    assert "planted-password" not in ended.out + ended.err
    assert "me:***@127.0.0.1:1" in ended.out + ended.err


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_processes_that_fail_show_none(path: Path, options: list[str]) -> None:
    """Worker and API, whose broker and cache are away, at level debug."""
    alone = {"run": ["--no-serve", "--no-notify"]}
    for name, wanted in SAID.items():
        arguments = [*alone.get(name, []), "--log-level", "debug", *options]
        text = said(name, path, wanted, *arguments)
        assert shown(text) == []
        assert not options or processes(text) == {PROCESSES[name]}


def test_a_delivery_that_fails_shows_none(path: Path) -> None:
    """Where a webhook lies is a secret, and what signs its messages; nobody answers there."""
    secrets = [f"planted-{name}-secret" for name in ("path", "query", "signature", "header")]
    hook = {
        "webhook": f"http://127.0.0.1:1/{secrets[0]}?t={secrets[1]}",
        "secret": secrets[2],
        "headers": {"Authorization": f"Bearer {secrets[3]}"},
    }
    spec = {**SPEC, "transport": f"sqlite:///{path.parent}/log.db", "notify": {"receivers": {"oncall": hook}}}
    path.write_text(yaml.safe_dump({key: spec[key] for key in spec if key not in ("kafka", "cache")}))
    alert = Alert(
        status="firing",
        labels={"alertname": "Drift"},
        annotations={},
        starts_at="2026-01-01T00:00:00Z",
        fingerprint="0123456789abcdef",
        time=1,
    )
    with closing(open_log(spec["transport"])) as log:
        topics.ensure(log, load(path, environ={}))
        log.append("pay.alerts", 0, Rows([alert.key], [alert.json()]))
    text = said("notify", path, "oncall: ", "--log-level", "debug", "--json")
    assert processes(text) == {"notify"}
    assert [secret for secret in secrets if secret in text] == []


def processes(text: str) -> set[str]:
    """Who says so; every line is JSON."""
    return {json.loads(line)["process"] for line in text.splitlines()}


def said(name: str, path: Path, wanted: str, *options: str) -> str:
    """What a command prints until it has said something, and is told to stop."""
    log = path.parent / f"{name}.log"
    with log.open("wb") as file:
        process = start(name, *options, folder=path.parent, stdout=file, stderr=file)
    deadline = time.monotonic() + 60
    while wanted not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert wanted in log.read_text()
    return log.read_text()


def test_an_error_that_nobody_caught(path: Path) -> None:
    """Python's own report of it goes the same way."""
    program = (
        "from pathlib import Path; from streams import cli; from streams.cli.common import load_spec\n"
        "def broken(): raise ValueError(load_spec(Path('driftline.yaml')).http.token)\n"
        "cli.app = broken; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=path.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ValueError: ***" in done.stderr
    assert shown(done.stderr) == []
