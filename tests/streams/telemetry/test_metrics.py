"""Every metric of the table is there and no other, and a counter is a counter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from connectors.cache import MemoryCache
from connectors.log import Refused
from streams.app import Work
from streams.cache.entities import Entities
from streams.cache.entityform import Form
from streams.notify.counts import Counts as DeliveryCounts
from streams.notify.counts import exposition as delivered
from streams.serve.counts import Counts as ServeCounts
from streams.telemetry.metrics import exposition
from streams.telemetry.metrictable import NOTIFY, SERVE, WORKER, Table
from tests.streams.keepers import KEY, Kept, Stage, running, until

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


# One signal is constant, so that nothing is ever said of it; the other can soon be judged.
DRIFT = {"detectors": ["cusum"], "reference": {"first": 50}, "dependence": "none", "warm_up": 100}


def scraped(work: Work) -> Iterator[Metric]:
    return iter(text_string_to_metric_families(exposition(work).decode()))


class Rest(NamedTuple):
    """What one receiver is still to be told."""

    waiting: int


def shapes(text: bytes) -> dict[str, tuple[str, set[frozenset[str]]]]:
    """Of each metric its kind, and the labels that its samples have."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        bounds = {"le"} if family.type == "histogram" else set()
        labels = {frozenset(sample.labels) - bounds for sample in family.samples}
        assert labels, name
        found[name] = (family.type, labels)
    return found


def wanted(table: Table) -> dict[str, tuple[str, set[frozenset[str]]]]:
    return {name: (kind, {frozenset(labels)}) for name, (kind, labels, _) in table.items()}


def series(work: Work, *kinds: str) -> Series:
    """Every sample, or those of some kinds of metrics."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in scraped(work)
        for sample in family.samples
        if not kinds or family.type in kinds
    }


def counters(work: Work) -> Series:
    return series(work, "counter", "histogram")


def value(work: Work, name: str, **labels: str) -> float:
    """The sum of a metric's series that have these labels."""
    wanted = frozenset(labels.items())
    return sum(value for (found, its), value in series(work).items() if found == name and wanted <= its)


async def busy(stage: Stage, work: Work) -> None:
    """Let everything happen that is counted, and wait until it is committed."""
    stage.events(0, 50)
    stage.labels(0, 40)
    stage.produce("events", b"{", {"id": "e1", "amount": 1})
    keeper = work.keepers[0]
    await until(lambda: keeper.next["p.events"] == 52 and keeper.next["p.labels"] == 40)
    await until(lambda: not keeper.open.runs and not keeper.in_flight and len(keeper.snapshots) > 0)


def test_every_metric_and_no_other() -> None:
    """A running worker exports each metric of the table, of its kind, with its labels and a value."""

    async def story() -> None:
        counted = {"name": "n", "agg": "count", "over": "1h"}
        stage = Stage(
            snapshots={"every_records": 10},
            features=["amount", counted],
            confidence={"coverage": 0.9},
            drift=DRIFT,
        )
        async with running(stage) as work:
            work.entities = Entities(MemoryCache(1000), Form(stage.spec), 10)
            work.own.room = lambda: 0.5
            await busy(stage, work)
            await work.own.look()
            found = shapes(exposition(work))
        assert found == wanted(WORKER)

    asyncio.run(story())


def test_what_delivers_and_what_serves() -> None:
    """Each tells its own table, of its kind, with its labels."""
    delivery = DeliveryCounts("p", {"oncall": None})
    delivery.under_way = {"oncall": Rest(3)}
    serving = ServeCounts("p")
    serving.add({"type": "http"}, 200, 0.01)
    serving.gauges["snapshot_age_seconds"] = lambda: 1.0
    assert shapes(delivered(delivery)) == wanted(NOTIFY)
    assert shapes(serving.exposition()) == wanted(SERVE)


def test_their_names() -> None:
    """Base units and suffixes as Prometheus wants them, and a sentence of help."""
    for name, (kind, _, text) in (WORKER | NOTIFY | SERVE).items():
        assert name.startswith("driftline_")
        assert name.endswith("_total") == (kind == "counter")
        assert text.endswith(".")


def test_what_they_say() -> None:
    """The figures are those of what was committed."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 10})
        async with running(stage) as work:
            await busy(stage, work)
            assert value(work, "driftline_events_total", outcome="taken") == 52
            assert value(work, "driftline_events_total", outcome="predicted") == 50
            assert value(work, "driftline_records_total") == 92
            assert value(work, "driftline_dead_letters_total", reason="malformed") == 1
            assert value(work, "driftline_dead_letters_total", reason="duplicate_id") == 1
            assert value(work, "driftline_labels_joined_total", outcome="joined") == 40
            assert value(work, "driftline_labels_waiting", what="remembered") == 50
            assert value(work, "driftline_model_metric", metric="labelled", window="life") == 40
            assert value(work, "driftline_commits_total") == len(stage.entries())
            assert value(work, "driftline_consumer_lag_records") == 0
            assert value(work, "driftline_ready") == 1
            assert value(work, "driftline_latency_seconds_count") == 52
            assert value(work, "driftline_latency_seconds_bucket", le="600.0") == 0
            assert value(work, "driftline_batch_seconds_count") == value(work, "driftline_batches_total")
            assert value(work, "driftline_scores_bucket", le="+Inf") == 50
            assert 0 < value(work, "driftline_scores_bucket", le="0.6") < 50
            assert value(work, "driftline_model_info", stage="live") == 1

    asyncio.run(story())


def test_before_anything_is_assigned() -> None:
    """There is little to say, and that it is not ready."""
    stage = Stage()

    async def story() -> None:
        found = series(Work(stage.spec, stage.log, KEY))
        assert {name: value for (name, _), value in found.items()} == {
            "driftline_build_info": 1,
            "driftline_ready": 0,
        }

    asyncio.run(story())


def test_ages() -> None:
    """They begin with the first commit and the first snapshot, and are never negative."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 10})
        async with running(stage) as work:
            before = {name for name, _ in series(work) if name.endswith("_seconds")}
            assert before == set()
            await busy(stage, work)
            for name in ("driftline_commit_age_seconds", "driftline_snapshot_age_seconds"):
                assert 0 <= value(work, name) < 5

    asyncio.run(story())


# -- counters over a recovery --------------------------------------------------------------------------


class Desk:
    """As much of a consumer as a scrape needs: the keepers of two shards."""

    def __init__(self, stage: Stage) -> None:
        self.keepers: dict[int, Kept] = {p: stage.keeper(p) for p in range(2)}


def test_counters_never_go_down() -> None:
    """Not when a commit is refused, not while the shard recovers, and not after it."""

    async def story() -> None:
        stage = Stage(partitions=2)
        work = Work(stage.spec, stage.log, KEY)
        work.consumer = desk = Desk(stage)
        seen = [counters(work)]
        for keeper in desk.keepers.values():
            await keeper.opened()
        for round_ in range(4):
            for partition, keeper in desk.keepers.items():
                events = ({"id": f"{partition}-{round_}-{i}", "amount": i} for i in range(20))
                stage.produce("events", b"{", *events, partition=partition)
                if partition == round_ % 2:
                    keeper.store.fail("commit", Refused("no"), after=round_ > 1)
                await stage.settle(keeper, 7)
                seen.append(counters(work))
                if keeper.failures:
                    keeper.shard = None
                    await keeper.park(save=False)
                    seen.append(counters(work))
                    await keeper.opened()
                    seen.append(counters(work))
                    await stage.settle(keeper)
        seen.append(counters(work))
        for earlier, later in pairwise(seen):
            assert {place for place, value in earlier.items() if later.get(place, -1) < value} == set()
        assert value(work, "driftline_events_total", outcome="predicted") == 160

    asyncio.run(story())


def test_counters_go_on_after_a_restart() -> None:
    """Those of the state belong to the shard; those of the process begin with it."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 10})
        async with running(stage) as work:
            await busy(stage, work)
        async with running(stage) as work:
            assert value(work, "driftline_events_total", outcome="predicted") == 50
            assert value(work, "driftline_dead_letters_total") == 2
            assert value(work, "driftline_records_total") == 0
            assert value(work, "driftline_recoveries_total") == 1

    asyncio.run(story())


def test_performance_without_labels() -> None:
    """What is expected of predictions is a metric beside what they turned out to be."""

    async def story() -> None:
        stage = Stage(drift={"detectors": ["cusum"]})
        async with running(stage) as work:
            keeper = work.keepers[0]
            stage.events(0, 1_100)
            await until(lambda: keeper.next["p.events"] == 1_100)
            stage.labels(0, 1_100)
            await until(lambda: keeper.next["p.labels"] == 1_100)
            low, estimated, high = (
                value(work, "driftline_model_metric", metric=f"accuracy_{name}", window="1000")
                for name in ("low", "estimated", "high")
            )
            assert 0 < low < estimated < high < 1
            assert value(work, "driftline_model_metric", metric="accuracy_realised") > 0

    asyncio.run(story())
