"""The edges: bytes in, bytes out. Each kind of log is imported only when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.log import Log
from connectors.urls import size, split_url

Opener = Callable[[str, dict[str, str], Mapping[str, Any]], Log]


def _open_sqlite(path: str, options: dict[str, str], settings: Mapping[str, Any]) -> Log:
    from connectors.sqlite import SqliteLog

    size_max = size(options["size_max"]) if "size_max" in options else None
    return SqliteLog(path, options.get("sync", "full"), size_max)


def _open_memory(name: str, options: dict[str, str], settings: Mapping[str, Any]) -> Log:
    from connectors.memory import MemoryLog

    return MemoryLog(name)


def _open_kafka(servers: str, options: dict[str, str], settings: Mapping[str, Any]) -> Log:
    from connectors.kafka import KafkaLog

    return KafkaLog(servers, settings)


__all__ = ["LOGS", "Log", "open_log", "split_url"]

LOGS: dict[str, Opener] = {"sqlite": _open_sqlite, "memory": _open_memory, "kafka": _open_kafka}


def open_log(url: str, settings: Mapping[str, Any] | None = None) -> Log:
    """Open the log that a URL names; `settings` are those of its connection, for Kafka.

    >>> open_log("memory://example").topics()
    {}
    """
    scheme, rest, options = split_url(url)
    return LOGS[scheme](rest, options, settings or {})
