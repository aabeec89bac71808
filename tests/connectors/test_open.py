"""From a URL and settings to a log."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from connectors import LOGS, open_log, split_url
from connectors.kafka_settings import CONNECTION, Settings, for_aiokafka, for_kafka_python
from connectors.log import Misfit, Topic
from connectors.sqlite import SqliteLog
from connectors.urls import OPTIONS


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("sqlite:///driftline.db", ("sqlite", "driftline.db", {})),
        ("sqlite:////var/lib/d.db?sync=normal", ("sqlite", "/var/lib/d.db", {"sync": "normal"})),
        ("memory://name?lease_ms=50", ("memory", "name", {"lease_ms": "50"})),
        ("kafka://a:9092,b:9092", ("kafka", "a:9092,b:9092", {})),
        ("kafka://a:9092/", ("kafka", "a:9092", {})),
    ],
)
def test_split_url(url: str, parts: tuple[str, str, dict[str, str]]) -> None:
    """A URL has a scheme, a place and options."""
    assert split_url(url) == parts


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("driftline.db", "write sqlite:///path"),
        ("redis://a", "write sqlite:///path"),
        ("sqlite://driftline.db", "sqlite:///relative.db or sqlite:////absolute.db"),
        ("sqlite:///", "sqlite:///relative.db or sqlite:////absolute.db"),
        ("memory://", "write memory://name"),
        ("kafka://", "write kafka://host:port"),
        ("sqlite:///a.db?synk=full", "there are sync, size_max, lease_ms, poll_ms; did you mean sync?"),
        ("kafka://a:1?acks=all", "has no options"),
        ("sqlite:///a.db?size_max=much", "'much' is no size"),
    ],
)
def test_wrong_url(url: str, sentence: str) -> None:
    """A wrong URL says what to write instead."""
    with pytest.raises(Misfit) as caught:
        open_log(url)
    assert sentence in str(caught.value)


def test_every_kind_has_options() -> None:
    """The table of openers and the table of options name the same kinds."""
    assert set(LOGS) == set(OPTIONS)


def test_open_sqlite(tmp_path: Path) -> None:
    """Options of the URL reach the file."""
    log = open_log(f"sqlite:///{tmp_path}/log.db?sync=normal&size_max=1MB")
    assert isinstance(log, SqliteLog)
    assert log.db.execute("PRAGMA synchronous").fetchone()[0] == 1
    assert log.db.execute("PRAGMA max_page_count").fetchone()[0] == (1 << 20) // 8192
    log.close()


def test_memory_logs_share_a_name() -> None:
    """Logs in memory are one log if their names are."""
    open_log("memory://test-open-1").create([Topic("events", 1)])
    assert list(open_log("memory://test-open-1").topics()) == ["events"]
    assert list(open_log("memory://test-open-2").topics()) == []


def test_imports_are_lazy() -> None:
    """What is not opened is not imported: programs start fast."""
    program = (
        "import sys, connectors; print([m for m in ('kafka', 'aiokafka', 'sqlite3') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program]).strip() == b"[]"


def test_settings_for_both_clients() -> None:
    """Both clients get the same settings; what belongs to the group's member is left out."""
    wanted: Settings = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    settings: Settings = {**wanted, "session_timeout_ms": 6000, "client_id": None}
    assert for_aiokafka(settings) == for_kafka_python(settings) == wanted


def test_settings_make_an_ssl_context() -> None:
    """aiokafka wants a context instead of files."""
    found = for_aiokafka({"security_protocol": "SSL", "ssl_check_hostname": False})
    context = found.pop("ssl_context")
    assert isinstance(context, ssl.SSLContext)
    assert not context.check_hostname
    assert found == {"security_protocol": "SSL"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sasl_user": "ada"}, "there is no setting sasl_user"),
        ({"security_protokol": "SSL"}, "did you mean security_protocol?"),
        ({"security_protocol": "TLS"}, "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, not TLS"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nope/ca.pem"}, "can't use /nope/ca.pem"),
    ],
)
def test_wrong_settings(settings: Settings, sentence: str) -> None:
    """A wrong setting is named, with the nearest one that is right."""
    with pytest.raises(Misfit) as caught:
        for_aiokafka(settings)
    assert sentence in str(caught.value)


def test_kafka_python_knows_them_all() -> None:
    """Every setting is one that kafka-python's clients take."""
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

    for client in (KafkaAdminClient, KafkaConsumer, KafkaProducer):
        assert set(CONNECTION) <= set(client.DEFAULT_CONFIG)
