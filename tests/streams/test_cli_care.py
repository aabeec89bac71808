"""`driftline doctor` and `driftline snapshots`."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest

from connectors.log import Rows, Topic
from connectors.sqlite import SqliteLog
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import journal, snapshot
from streams.keeping.keys import snapshot_key
from streams.keeping.snapshot import Shelf
from streams.specs import specfile
from tests.streams.cli import Cli, Ended


def findings(ended: Ended) -> dict[str, tuple[str, str]]:
    return {row["what"]: (row["status"], row["detail"]) for row in ended.rows()}


def test_a_healthy_pipeline(cli: Cli) -> None:
    """Every finding is ok, and the versions are among them."""
    cli("topics", "create")
    ended = cli("doctor", "--json", "--set", "http.port=null")
    found = findings(ended)
    assert (ended.code, found["topics"]) == (0, ("ok", "10 topics, 4 partitions"))
    assert {"python", "river", "faust-streaming", "sqlite", "model", "clock"} <= set(found)


def test_nothing_is_made(cli: Cli, tmp_path: Path) -> None:
    """A doctor looks, and leaves no file behind."""
    assert cli("doctor").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["driftline.yaml"]


@pytest.mark.parametrize(
    ("setting", "what", "detail"),
    [
        ("transport=sqlite:///nowhere/pay.db", "folder", "nowhere is not there"),
        ("transport=kafka://127.0.0.1:1", "log", "no Kafka broker answers"),
        ("model.use=logistic", "model", "there is no model 'logistic'"),
        ("model.use=nowhere:build", "model", "can't import 'nowhere'"),
        ("http.host=0.0.0.0", "http", "can be reached from other machines"),
        ("snapshots.key=tiny", "snapshots.key", "too short"),
    ],
)
def test_what_fails_is_named(cli: Cli, setting: str, what: str, detail: str) -> None:
    """With exit code 1, and the other findings beside it."""
    ended = cli("doctor", "--json", "--set", setting, "--set", "http.port=0")
    status, found = findings(ended)[what]
    assert (ended.code, status, detail in found) == (1, "fail", True)


def test_topics_that_do_not_fit_fail(cli: Cli) -> None:
    """As a worker would say, with what to do apart."""
    cli("topics", "create")
    with closing(cli.log()) as log:
        log.create([Topic("other", 4)])
    found = findings(cli("doctor", "--json", "--set", "topics.snapshots=other"))
    assert found["topics"] == ("fail", "other is not compacted")


def test_missing_topics_fail_where_nobody_makes_them(cli: Cli) -> None:
    """Otherwise a worker does."""
    cli("topics", "create")
    missing = ("doctor", "--json", "--set", "topics.control=other")
    assert findings(cli(*missing))["topics"] == ("ok", "missing: other")
    assert findings(cli(*missing, "--set", "create_topics=false"))["topics"] == ("fail", "missing: other")


def test_records_from_the_future_are_a_warning(cli: Cli) -> None:
    """A clock is wrong, somewhere."""
    cli("topics", "create")
    with closing(cli.log()) as log:
        log.append("pay.events", 0, Rows([None], [b"{}"]), [1 << 42])
    ended = cli("doctor", "--json")
    assert (ended.code, findings(ended)["clock"][0]) == (0, "warn")


def test_a_port_in_use_is_a_warning(cli: Cli) -> None:
    """It may be a worker of this pipeline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = cli("doctor", "--json", "--set", f"http.port={server.getsockname()[1]}")
    assert findings(ended)["http.port"][0] == "warn"


def saved(spec: Spec) -> None:
    """Write a snapshot of an empty shard, and the journal's entry that names it, as a worker does."""

    async def write() -> None:
        with closing(SqliteLog("pay.db")) as log:
            epoch = await log.take_lease(spec.pipeline, 5.0)
            assert epoch is not None
            store = log.store(spec.pipeline, 2, spec.topic("journal"), epoch, 5.0)
            await store.open()
            shelf = Shelf(spec.pipeline, 2, spec.topic("snapshots"), snapshot_key(spec), 1 << 20)
            pointer = await snapshot.write(shelf, store, 7, 0, {}, Shard(spec, 2).freeze())
            entry = journal.Entry(spec.pipeline, 9, [], {}, "", spec.fingerprint, [pointer])
            await store.commit({}, {}, journal.encode(entry))

    asyncio.run(write())


def test_snapshots_are_listed_and_verified(cli: Cli) -> None:
    """With their shard, the entry that they cover, and how far the journal is beyond it."""
    cli("topics", "create")
    saved(specfile.load("driftline.yaml"))
    (row,) = cli("snapshots", "list", "--json").row()["snapshots"]
    assert (row["partition"], row["entry"], row["entries_since"]) == (2, 7, 2)
    ended = cli("snapshots", "verify")
    assert (ended.code, ended.out.splitlines()[1].split()[-1]) == (0, "ok")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [("snapshots.key=another-secret-of-ours", "is not signed with"), ("limits.depth_max=9", "another spec")],
)
def test_a_snapshot_that_cant_be_loaded_fails(cli: Cli, setting: str, problem: str) -> None:
    """Another key, or another spec: exit code 1 and the reason."""
    cli("topics", "create")
    saved(specfile.load("driftline.yaml"))
    ended = cli("snapshots", "verify", "--json", "--set", setting)
    (row,) = ended.row()["snapshots"]
    assert (ended.code, problem in row["problem"]) == (1, True)


def test_without_snapshots_there_is_nothing_to_verify(cli: Cli) -> None:
    """That is no error."""
    cli("topics", "create")
    assert cli("snapshots", "verify") == (0, "", "no snapshots yet\n")
