"""The settings of a Kafka connection, under the names that aiokafka and kafka-python share."""

from __future__ import annotations

import difflib
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.log import Misfit

Settings = Mapping[str, str | int | float | bool | None]

CONNECTION = (
    "security_protocol",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_check_hostname",
    "client_id",
    "request_timeout_ms",
)
CONSUMER = ("session_timeout_ms", "heartbeat_interval_ms", "group_instance_id")  # for the group's member only
FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def check(settings: Settings) -> None:
    """Raise Misfit at a name that is not known, or a value that can't be.

    >>> check({"sasl_username": "ada"})
    Traceback (most recent call last):
    connectors.log.Misfit: kafka: there is no setting sasl_username; did you mean sasl_plain_username?
    """
    known = [*CONNECTION, *CONSUMER]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise Misfit(f"kafka: there is no setting {name}; {hint}")
    for name in FILES:
        if settings.get(name) and not Path(str(settings[name])).is_file():
            raise Misfit(f"kafka: can't use {settings[name]} as {name}: there is no such file")
    protocol = settings.get("security_protocol", PROTOCOLS[0])
    if protocol not in PROTOCOLS:
        raise Misfit(f"kafka: security_protocol is one of {', '.join(PROTOCOLS)}, not {protocol}")


def for_kafka_python(settings: Settings) -> dict[str, Any]:
    """The keyword arguments for kafka-python's clients.

    >>> for_kafka_python({"client_id": "scorer", "session_timeout_ms": 6000})
    {'client_id': 'scorer'}
    """
    check(settings)
    return {name: settings[name] for name in CONNECTION if settings.get(name) is not None}


def for_aiokafka(settings: Settings) -> dict[str, Any]:
    """The keyword arguments for aiokafka's clients, which take an `ssl_context` instead of files.

    >>> for_aiokafka({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"})
    {'security_protocol': 'SASL_PLAINTEXT', 'sasl_mechanism': 'PLAIN'}
    """
    found = for_kafka_python(settings)
    kept = {name: value for name, value in found.items() if not name.startswith("ssl_")}
    if str(kept.get("security_protocol")).endswith("SSL"):
        kept["ssl_context"] = _ssl_context(found)
    return kept


def _ssl_context(settings: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.get("ssl_cafile"))
        if settings.get("ssl_certfile"):
            secret = settings.get("ssl_password")
            context.load_cert_chain(settings["ssl_certfile"], settings.get("ssl_keyfile"), secret)
    except (OSError, ssl.SSLError) as exc:
        names = [
            str(settings[name]) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile") if name in settings
        ]
        raise Misfit(f"kafka: can't use {', '.join(names)}: {exc}") from exc
    context.check_hostname = bool(settings.get("ssl_check_hostname", True))
    return context
