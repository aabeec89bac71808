"""What keeps a worker from running, found out without changing anything."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from connectors import open_log
from connectors.log import Log, LogError
from connectors.urls import split_url
from engine.errors import DriftlineError
from engine.spec import TOPICS, Spec
from engine.specparts import MEMORY, Cache, Http
from streams import topics
from streams.keeping.keys import snapshot_key

if TYPE_CHECKING:
    from connectors.kafka import KafkaLog

PACKAGES = ("driftline", "faust-streaming", "river", "aiokafka", "kafka-python", "numpy", "pydantic")
PYTHONS = ((3, 11), (3, 14))
ROOM_BYTES_MIN = 100 << 20
ROOM_BYTES_ENOUGH = 2 << 30
AHEAD_MS_MAX = 60_000
BROKER_OLDEST = (2, 5)


class Finding(NamedTuple):
    status: Literal["ok", "warn", "fail"]
    what: str
    detail: str
    advice: str = ""


def examine(spec: Spec) -> Iterator[Finding]:
    """Look at everything that a worker needs, in the order in which it needs it."""
    yield from _versions()
    yield from _settings(spec)
    yield from _model(spec)
    yield from _cache(spec.cache)
    scheme, place, _ = split_url(spec.transport)
    if scheme == "sqlite":
        yield from _file(Path(place))
        if not Path(place).exists():
            return
    yield from _log(spec, scheme)


def _versions() -> Iterator[Finding]:
    low, high = PYTHONS
    right = low <= sys.version_info[:2] <= high
    python = ".".join(map(str, sys.version_info[:3]))
    advice = "" if right else f"use Python {low[0]}.{low[1]} to {high[0]}.{high[1]}"
    yield Finding("ok" if right else "warn", "python", python, advice)
    for package in PACKAGES:
        try:
            yield Finding("ok", package, version(package))
        except PackageNotFoundError:
            yield Finding("fail", package, "not installed", "install driftline with what it needs")
    yield Finding("ok", "sqlite", sqlite3.sqlite_version)


def _settings(spec: Spec) -> Iterator[Finding]:
    if spec.snapshots.key is not None or spec.transport.startswith("kafka:"):
        yield _tried("snapshots.key", lambda: f"{len(snapshot_key(spec))} bytes")
    else:
        yield Finding("ok", "snapshots.key", "made beside the log's file")
    yield from _http(spec.http)


def _http(http: Http) -> Iterator[Finding]:
    from streams.telemetry.http import check

    def safe() -> str:
        check(http)
        return f"{http.host}:{http.port}" if http.port is not None else "not served"

    yield _tried("http", safe)
    if http.port:
        with closing(socket.socket()) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((http.host if http.host != "0.0.0.0" else "127.0.0.1", http.port)) == 0:
                advice = "fine if that is a worker; a second one on this machine needs another http.port"
                yield Finding("warn", "http.port", f"{http.port} is in use", advice)


def _model(spec: Spec) -> Iterator[Finding]:
    from engine.shard import Shard

    def build() -> str:
        Shard(spec, 0)
        return f"{spec.model.use} sees {len(spec.feature_names)} features"

    yield _tried("model", build)


def _cache(cache: Cache | None) -> Iterator[Finding]:
    if cache is None:
        return
    if cache.url == MEMORY:
        yield Finding("ok", "cache", f"in memory, at most {cache.entries_max} entities")
        return
    from redis import Redis
    from redis.exceptions import RedisError

    seconds = cache.timeout / 1000
    try:
        with Redis.from_url(cache.url, socket_timeout=seconds, socket_connect_timeout=seconds) as redis:
            yield Finding("ok", "cache", f"redis {redis.info('server')['redis_version']}")
    except (RedisError, OSError) as exc:
        advice = "scoring goes on without it; start it, or mend cache.url"
        yield Finding("warn", "cache", str(exc) or "no answer in time", advice)


def _file(path: Path) -> Iterator[Finding]:
    folder = path.parent
    if not folder.is_dir():
        yield Finding("fail", "folder", f"{folder} is not there", "make it, or change transport")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("fail", "folder", f"{folder} can't be written", "give this user the right to")
    yield _room(shutil.disk_usage(folder).free)
    if not path.exists():
        yield Finding("ok", "file", f"{path} is not there yet", "`driftline topics create` makes it")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield Finding("fail", "file", f"{path} can't be written", "give this user the right to")
        return
    yield _tried("file", lambda: _journal_mode(path))


def _room(free: int) -> Finding:
    detail = f"{free / (1 << 30):.1f} GB free"
    if free < ROOM_BYTES_MIN:
        return Finding("fail", "room", detail, "make room, or commits will fail")
    if free < ROOM_BYTES_ENOUGH:
        return Finding("warn", "room", detail, "make room, or set retention")
    return Finding("ok", "room", detail)


def _journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)) as db:
        mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        raise LogError(f"{path} is in {mode} mode, not in WAL: is it on a network disk?")
    return f"{path}, {path.stat().st_size / (1 << 20):.1f} MB, WAL"


def _log(spec: Spec, scheme: str) -> Iterator[Finding]:
    try:
        with closing(open_log(spec.transport, spec.kafka)) as log:
            if scheme == "kafka":
                yield from _cluster(log, spec)
            yield Finding("ok", "log", f"{spec.transport} answers")
            yield from _topics(log, spec)
            yield from _group(log, spec)
            yield from _clock(log, spec)
    except LogError as error:
        yield Finding("fail", "log", str(error), "start it, or correct transport and kafka in the spec")


def _cluster(log: Any, spec: Spec) -> Iterator[Finding]:
    kafka: KafkaLog = log
    cluster = kafka.describe(f"{spec.pipeline}-0")
    old = tuple(map(int, cluster.version.split(".")[:2])) < BROKER_OLDEST
    found = f"{cluster.version}, {len(cluster.brokers)} brokers"
    yield Finding("warn" if old else "ok", "broker", found, "upgrade the cluster" if old else "")
    if spec.create_topics and cluster.may_create_topics is False:
        advice = "let this user create topics, or make them and set create_topics: false"
        yield Finding("warn", "permission", "may not create topics", advice)
    if cluster.may_use_transactions is False:
        advice = f"allow Write on transactional ids that begin with {spec.pipeline}"
        yield Finding("fail", "permission", "may not use transactions", advice)
    if cluster.may_create_topics is not False and cluster.may_use_transactions is not False:
        yield Finding("ok", "permission", "nothing is forbidden that a worker needs")
    settings = cluster.topics.get(spec.topic("journal"), {})
    if int(settings.get("retention.ms", "-1")) >= 0:
        advice = "set retention.ms=-1 on it, or recovery fails one day"
        yield Finding("warn", "journal", "is deleted after retention.ms", advice)


def _topics(log: Log, spec: Spec) -> Iterator[Finding]:
    there = log.topics()
    missing = [topic.name for topic in topics.wanted(spec) if topic.name not in there]
    if missing:
        advice = "a worker makes them" if spec.create_topics else "`driftline topics create` makes them"
        status: Literal["ok", "fail"] = "ok" if spec.create_topics else "fail"
        yield Finding(status, "topics", f"missing: {', '.join(missing)}", advice)
    wrong = list(topics.misfits(there, spec))
    for sentence in wrong:
        detail, _, advice = sentence.partition("; ")
        yield Finding("fail", "topics", detail, advice)
    if not wrong and not missing:
        count = there[spec.topic("events")].partitions
        yield Finding("ok", "topics", f"{len(TOPICS)} topics, {count} partition{'s' if count > 1 else ''}")


def _group(log: Any, spec: Spec) -> Iterator[Finding]:
    """How far the group has come, and how many owners its lease has had."""
    positions = log.positions(spec.pipeline) if hasattr(log, "positions") else {}
    behind, there = 0, log.topics()
    for name in spec.inputs:
        for partition, (start, end) in enumerate(log.bounds(name) if name in there else ()):
            behind += end - max(start, positions.get((name, partition), start))
    yield Finding("ok", "group", f"{spec.pipeline}, {behind:,} offsets behind")
    if hasattr(log, "epoch"):
        yield Finding("ok", "lease", f"taken {log.epoch(spec.pipeline):,} times")


def _clock(log: Log, spec: Spec) -> Iterator[Finding]:
    """Records from the future are a sign that a clock is wrong, this one or a producer's."""
    now, newest = int(time.time() * 1000), 0
    there = log.topics()
    for name in spec.inputs:
        for partition, (start, end) in enumerate(log.bounds(name) if name in there else ()):
            if end > start:
                newest = max([newest, *log.read(name, partition, end - 1, 1).timestamps])
    if newest > now + AHEAD_MS_MAX:
        detail = f"the newest record is {(newest - now) / 1000:,.0f} s in the future"
        yield Finding("warn", "clock", detail, "set the clocks of this machine and of the producers")
    else:
        yield Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now / 1000)))


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    """What an attempt returns, or what its error says: the part behind "; " is the advice."""
    try:
        return Finding("ok", what, attempt())
    except (DriftlineError, LogError, sqlite3.Error) as error:
        detail, _, advice = str(error).partition("; ")
        return Finding("fail", what, detail, advice)
