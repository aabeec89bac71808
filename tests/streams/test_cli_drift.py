"""`driftline drift`: what it says of a log, and what it sends."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from connectors.log import Rows
from connectors.sqlite import SqliteLog
from engine.drift.evidence.record import Drift
from engine.drift.evidence.recorded import read
from engine.drift.signals import place
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import journal, snapshot
from streams.keeping.keys import snapshot_key
from streams.keeping.snapshot import Shelf
from streams.specs import specfile
from tests.engine.cases import NOW, batch
from tests.streams.cli import SPEC, Cli, Ended
from tests.streams.drifts import CATEGORIES, drift

DRIFT = ("--set", "drift={}")


@pytest.fixture
def told(cli: Cli) -> Cli:
    """An alerts topic that tells of two drifts, of the first of them twice, and of something else."""
    cli("topics", "create")
    first, other = drift(), drift(**CATEGORIES, partition=2)
    append(cli, 0, first, drift(revision=1, cause="data"))
    append(cli, 2, other)
    with closing(cli.log()) as log:
        log.append("pay.drifts", 1, Rows([b"k"], [b'{"status": "firing"}']))
    return cli


def append(cli: Cli, partition: int, *drifts: Drift) -> None:
    with closing(cli.log()) as log:
        for each in drifts:
            log.append("pay.drifts", partition, Rows([each.fingerprint.encode()], [each.json()]))


def run(cli: Cli, *arguments: str) -> Ended:
    return cli("drift", *arguments, *DRIFT)


def test_a_list_of_drifts(told: Cli) -> None:
    """Each once, by its newest revision; what is none is counted."""
    ended = run(told, "list", "--json")
    rows = ended.row()["drifts"]
    assert [(row["signal"], row["revision"], row["place"]) for row in rows] == [
        ("amount", 1, "0-1"),
        ("country", 0, "2-0"),
    ]
    assert "1 other record" in ended.err
    assert [line.split()[0] for line in run(told, "list").out.splitlines()] == ["place", "0-1", "2-0"]
    assert run(told, "list", "--limit", "1").err.endswith("the newest 1 of 2; --limit shows more\n")


def test_the_newest_is_shown(told: Cli) -> None:
    """With all its evidence; or one by its signal, its id or where it lies."""
    assert run(told, "show").out.startswith("country: categories since event 10,003")
    for what in ("amount", drift().fingerprint, drift().fingerprint[:6], "0-1"):
        ended = run(told, "show", what)
        assert ended.out.startswith("amount: mean up since event 10,003")
        assert "what drifted  data" in ended.out
    row = run(told, "show", "amount", "--json").row()
    assert msgspec.convert({k: v for k, v in row.items() if k != "place"}, Drift).cause == "data"


def test_it_is_drawn(told: Cli, tmp_path: Path) -> None:
    """To a page or a picture; another ending is refused before anything is looked up."""
    assert "drawn to" in run(told, "show", "amount", "--out", str(tmp_path / "amount.png")).err
    assert (tmp_path / "amount.png").read_bytes().startswith(b"\x89PNG")
    ended = run(told, "show", "--out", "amount.pdf")
    assert (ended.code, "name it .html or .png" in ended.err) == (1, True)


def test_what_was_not_found(told: Cli) -> None:
    """The nearest name is told."""
    ended = run(told, "show", "amuont")
    assert (ended.code, 'did you mean "amount"?' in ended.err) == (2, True)


def test_nothing_was_found(cli: Cli) -> None:
    """That is said, and a list of nothing is no error."""
    cli("topics", "create")
    assert (run(cli, "list").code, run(cli, "show").code) == (0, 1)
    assert run(cli, "show").err == "no drift was found so far\n"


@pytest.mark.parametrize("command", [("status",), ("list",), ("show",), ("rebaseline", "--why", "x")])
def test_a_spec_without_drift(cli: Cli, command: tuple[str, ...]) -> None:
    """Says what to add."""
    ended = cli("drift", *command)
    assert (ended.code, "add a section `drift: {}`" in ended.err) == (2, True)


# -- what is watched -----------------------------------------------------------------------------------


@pytest.fixture
def watching(cli: Cli) -> Cli:
    """A pipeline that has a snapshot of shard 2, after 700 events of which 100 show other amounts."""
    cli.write("driftline.yaml", SPEC + WATCHING)
    cli("topics", "create")
    wanted = specfile.load("driftline.yaml")
    shard, rng = Shard(wanted, 2), np.random.default_rng(3)
    events = [
        {"id": str(n), "card": "c", "at": NOW // 1000, "amount": 500 + 20 * rng.normal() + 90 * (n >= 600)}
        | {"where": {"country": "NL"}}
        for n in range(700)
    ]
    out = shard.walk(batch("pay.events", events))
    with closing(cli.log()) as log:
        log.append("pay.drifts", 2, Rows([b"a"] * len(out.drifts), out.drifts.values))
    append(cli, 2, drift(signal="country", partition=2, detected={"offset": 750, "time": NOW}))
    save(wanted, shard, {"pay.events": 700}, {"pay.events": 790})
    return cli


WATCHING = """\
drift:
  detectors: [cusum]
  reference: {first: 200}
  dependence: none
  warm_up: 100
  false_alarms: {at_most: 2, per: 100000}
"""


def save(wanted: Spec, shard: Shard, saved: dict[str, int], now: dict[str, int]) -> None:
    """Write a snapshot as a worker does, and an entry that names it and comes later."""

    async def write() -> None:
        with closing(SqliteLog("pay.db")) as log:
            epoch = await log.take_lease(wanted.pipeline, 5.0)
            assert epoch is not None
            store = log.store(wanted.pipeline, shard.partition, wanted.topic("journal"), epoch, 5.0)
            await store.open()
            size = wanted.snapshots.size_max
            key, topic = snapshot_key(wanted), wanted.topic("snapshots")
            shelf = Shelf(wanted.pipeline, shard.partition, topic, key, size)
            pointer = await snapshot.write(shelf, store, 7, 0, saved, shard.freeze())
            entry = journal.Entry(wanted.pipeline, 9, [], now, "", wanted.fingerprint, [pointer])
            await store.commit({}, {}, journal.encode(entry))

    asyncio.run(write())


def test_status(watching: Cli) -> None:
    """Each shard as of its newest snapshot; one that has none, as it would begin."""
    parts = watching("drift", "status", "--json").row()["partitions"]
    assert [(part["partition"], part["offset"], part["behind"]) for part in parts] == [
        *((0, 0, 0), (1, 0, 0)),
        *((2, 700, 90), (3, 0, 0)),
    ]
    amount = next(each for each in parts[2]["signals"] if each["signal"] == "amount")
    assert (amount["state"], amount["drifts"]) == ("drifting", 1)
    assert 600 <= amount["last"]["offset"] < 620
    assert 590 <= amount["last"]["since"]["offset"] <= 610
    assert [part["newer"] for part in parts] == [[], [], ["country"], []]
    assert parts[0]["signals"][0]["state"] == "warming"


def test_status_for_people(watching: Cli) -> None:
    """A table for each partition, and how many signals are in which state."""
    ended = watching("drift", "status", "amount")
    assert [line.split()[:3] for line in ended.out.splitlines()][5] == ["amount", "cusum", "drifting"]
    assert "partition 2, as of event 700" in ended.err
    assert "90 events since" in ended.err
    assert "1 drifting" in ended.err
    assert "found since the snapshot: country" in ended.err
    assert "; since event " in ended.out


def test_a_signal_that_is_not_watched(watching: Cli) -> None:
    """The nearest is named."""
    ended = watching("drift", "status", "amuont")
    assert (ended.code, 'no signal is named "amuont"; did you mean "amount"?' in ended.err) == (2, True)


def test_the_budget(watching: Cli) -> None:
    """Its parts sum to the whole, and each says what it rests on."""
    row = watching("drift", "explain-budget", "--json").row()
    assert row["asked"] == "at most 2 false alarms in 100,000 events, in 4 partitions"
    assert sum(line["part"] for part in row["partitions"] for line in part["parts"]) == pytest.approx(1)
    (amount,) = (line for line in row["partitions"][2]["parts"] if line["signal"] == "amount")
    assert (amount["guarantee"], amount["run_length_seconds"]) == ("simulated", None)
    assert "dependence: none" in amount["assumes"][0]
    assert "on each signal's own reference" in watching("drift", "explain-budget").err


def test_a_change_is_accepted(watching: Cli) -> None:
    """An order goes to each partition, and the shard that takes it knows who wanted it."""
    ended = watching("drift", "rebaseline", "amount", "--why", "new prices", "--by", "ada", "--yes", "--json")
    assert ended.row() == {"signals": ["amount"], "partitions": [0, 1, 2, 3]}
    wanted = specfile.load("driftline.yaml")
    with closing(watching.log()) as log:
        taken = log.read("pay.control", 3, 0)
    shard = Shard(wanted, 3)
    assert len(shard.walk(taken).dead_letters) == 0
    assert shard.watch is not None
    (order,) = shard.watch.tally.orders
    assert (order.signals, order.by, order.why) == (("amount",), "ada", "new prices")


def test_nobody_is_surprised(watching: Cli) -> None:
    """Without --yes it asks; without a reason it refuses."""
    ended = watching("drift", "rebaseline", "--why", "x", stdin=b"n\n")
    assert (ended.code, "forget what was normal for all signals?" in ended.err) == (1, True)
    assert watching("drift", "rebaseline", "--yes").code == 2
    with closing(watching.log()) as log:
        assert {end for _, end in log.bounds("pay.control")} == {0}


# -- references in files -------------------------------------------------------------------------------

NAMING = "drift: {detectors: [cusum], reference: {sketch: '${file:reference.json}'}}\n"
TRAINING = "id,card,at,amount,country,new\n" + "".join(
    f"e{n},c,2026-01-01T00:00:00Z,{n},{'NL' if n % 4 else 'BR'},{'' if n % 2 else 'yes'}\n"
    for n in range(100)
)


def test_a_reference_of_training_data(cli: Cli) -> None:
    """Each feature is told of, and a spec takes what was written."""
    cli.write("training.csv", TRAINING + "e100,c,2026-01-01T00:00:00Z,-5,NL,\n")
    ended = cli("drift", "sketch", "training.csv", "--out", "reference.json")
    assert (ended.code, "would refuse them: 1" in ended.err) == (0, True)
    found = read((cli.folder / "reference.json").read_bytes())
    assert set(found) == {"amount", "country", "new", "new.missing"}
    told = found["amount"].told()
    assert (told["n"], told["min"], told["max"]) == (100, 0, 99)
    assert (found["new"].n, found["new"].missing, found["new.missing"].told()["mean"]) == (50, 0.5, 0.5)
    assert found["country"].values.share(place("BR")) == 0.25  # type: ignore[union-attr]
    cli.write("driftline.yaml", SPEC + NAMING)
    assert cli("check").code == 0


@pytest.mark.parametrize(("text", "said"), [("id,card,at\n", "no event that fits"), (None, "nowhere.csv")])
def test_a_reference_of_nothing(cli: Cli, text: str | None, said: str) -> None:
    """Is none, and nothing is written."""
    if text is not None:
        cli.write("nowhere.csv", text)
    ended = cli("drift", "sketch", "nowhere.csv", "--out", "reference.json")
    assert (ended.code, said in ended.err) == (1, True)
    assert not (cli.folder / "reference.json").exists()


def test_references_of_a_running_pipeline(watching: Cli) -> None:
    """What has none yet is named; a spec takes what was written."""
    ended = watching("drift", "export", "--out", "reference.json")
    assert (ended.code, "label" in ended.err) == (0, True)
    found = read((watching.folder / "reference.json").read_bytes())
    assert found["country"].values.share(place("NL")) == 1  # type: ignore[union-attr]
    assert "error" not in found
    watching.write("driftline.yaml", SPEC + NAMING)
    assert watching("check").code == 0
