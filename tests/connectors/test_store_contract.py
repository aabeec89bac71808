"""What every `Store` must do: commit all or nothing, and only for the newest owner."""

from __future__ import annotations

import pytest

from connectors import kafka_frames
from connectors.log import Batch, Gone, Misfit, Refused, Rows, Store
from engine.batch import Lines
from tests.connectors.worlds import World, make_topic, rows, values


@pytest.fixture
def topics(world: World) -> dict[str, str]:
    """The topics of a pipeline with two shards, by their short names."""
    named = {name: make_topic(world, name, 2) for name in ("events", "out", "journal")}
    return named | {
        "snapshots": make_topic(world, "snapshots", 2, True),
        "narrow": make_topic(world, "narrow"),
    }


async def run(store: Store, topic: str, first: int, end: int) -> list[Batch]:
    return [batch async for batch in store.read(topic, first, end)]


def flat(batches: list[Batch]) -> list[bytes | None]:
    return [value for batch in batches for value in batch.values]


def test_commit_and_open(world: World, topics: dict[str, str]) -> None:
    """Outputs, positions and entry are there after a commit; the next owner gets the newest entry."""

    async def story() -> None:
        store = await world.owner()
        assert await store.open() is None
        await store.commit({topics["out"]: rows(b"a", b"b")}, {topics["events"]: 7}, b"one")
        at = await store.commit({topics["out"]: rows(b"c")}, {topics["events"]: 9}, b"two")
        assert await (await world.owner()).open() == (at, b"two")

    world.play(story())
    assert values(world.log, topics["out"]) == [b"a", b"b", b"c"]
    assert values(world.log, topics["journal"]) == [b"one", b"two"]
    assert world.positions() == {(topics["events"], 0): 9}


def test_entry_alone(world: World, topics: dict[str, str]) -> None:
    """A commit may have neither outputs nor positions."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        at = await store.commit({topics["out"]: rows()}, {}, b"one")
        assert await (await world.owner()).open() == (at, b"one")

    world.play(story())
    assert values(world.log, topics["out"]) == []


def test_old_owner_is_refused(world: World, topics: dict[str, str]) -> None:
    """Once a new owner has opened, the old one can commit nothing any more, and leaves no trace."""

    async def story() -> None:
        old, new = await world.owner(), None
        await old.open()
        await old.commit({topics["out"]: rows(b"a")}, {topics["events"]: 1}, b"one")
        new = await world.owner()
        await new.open()
        with pytest.raises(Refused, match="another"):
            await old.commit({topics["out"]: rows(b"zombie")}, {topics["events"]: 2}, b"zombie")
        with pytest.raises(Refused):
            await old.commit({}, {}, b"zombie again")
        await new.commit({topics["out"]: rows(b"b")}, {topics["events"]: 2}, b"two")

    world.play(story())
    assert values(world.log, topics["out"]) == [b"a", b"b"]
    assert values(world.log, topics["journal"]) == [b"one", b"two"]


def test_all_or_nothing(world: World, topics: dict[str, str]) -> None:
    """If one output can't be written, none is; after opening anew the shard goes on."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        at = await store.commit({}, {}, b"one")
        bad = {topics["out"]: rows(b"a"), f"{world.prefix}.nope": rows(b"b")}
        with pytest.raises(Misfit, match="nope"):
            await store.commit(bad, {topics["events"]: 1}, b"bad")
        with pytest.raises(Refused):
            await store.commit({}, {}, b"without open")
        assert await store.open() == (at, b"one")
        await store.commit({topics["out"]: rows(b"c")}, {}, b"two")

    world.play(story())
    assert values(world.log, topics["out"]) == [b"c"]
    assert values(world.log, topics["journal"]) == [b"one", b"two"]
    assert world.positions() == {}


def test_close_and_open(world: World, topics: dict[str, str]) -> None:
    """A closed store commits nothing; it can be opened again."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        at = await store.commit({}, {}, b"one")
        await store.close()
        with pytest.raises(Refused):
            await store.commit({}, {}, b"closed")
        assert await store.open() == (at, b"one")

    world.play(story())


def test_shards_are_apart(world: World, topics: dict[str, str]) -> None:
    """Each shard has its own journal and its own partition of the outputs."""

    async def story() -> None:
        for partition in (0, 1):
            store = await world.owner(partition)
            assert await store.open() is None
            await store.commit({topics["out"]: rows(b"%d" % partition)}, {}, b"entry %d" % partition)

    world.play(story())
    assert [values(world.log, topics["out"], partition) for partition in (0, 1)] == [[b"0"], [b"1"]]
    assert [values(world.log, topics["journal"], partition) for partition in (0, 1)] == [
        [b"entry 0"],
        [b"entry 1"],
    ]


def test_narrow_outputs(world: World, topics: dict[str, str]) -> None:
    """A topic of outputs may have fewer partitions than there are shards."""

    async def story() -> None:
        store = await world.owner(1)
        await store.open()
        await store.commit({topics["narrow"]: rows(b"a")}, {}, b"one")

    world.play(story())
    assert values(world.log, topics["narrow"]) == [b"a"]


def test_keys_and_headers(world: World, topics: dict[str, str]) -> None:
    """Outputs keep their keys and headers."""
    output = Rows([b"k", None], [b"a", b"b"], [[("ce_id", b"1")], []])

    async def story() -> None:
        store = await world.owner()
        await store.open()
        await store.commit({topics["out"]: output}, {}, b"one")

    world.play(story())
    found = list(world.log.read(topics["out"], 0, 0).records())
    assert [(r.key, r.value, list(r.headers)) for r in found] == [
        (b"k", b"a", [("ce_id", b"1")]),
        (None, b"b", []),
    ]


@pytest.mark.parametrize("compiled", [False, True])
def test_lines(world: World, topics: dict[str, str], compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs that are kept as lines arrive as records, commit after commit, with and without kernels."""
    monkeypatch.setattr(kafka_frames, "_kernel", None)
    if compiled:
        kafka_frames.warm()
    stored = [[b'"%d:%d:%s"' % (part, at, b"x" * 500) for at in range(3_000)] for part in range(3)]

    async def story() -> None:
        store = await world.owner()
        await store.open()
        for part in stored:
            lines = Lines()
            for start in range(0, len(part), 250):
                chunk = part[start : start + 250]
                lines.add([b"k"] * len(chunk), b"".join(value + b"\n" for value in chunk), None)
            await store.commit({topics["out"]: lines}, {}, b"one")
        await store.send({topics["narrow"]: lines})

    world.play(story())
    assert values(world.log, topics["out"]) == [value for part in stored for value in part]
    assert values(world.log, topics["narrow"]) == stored[-1]


def test_read_runs(world: World, topics: dict[str, str]) -> None:
    """Runs are read exactly: one after the other, from the middle, and across appends."""
    for part in range(3):
        world.log.append(
            topics["events"], 0, rows(*[b"%d" % at for at in range(part * 700, part * 700 + 700)])
        )

    async def story() -> None:
        store = await world.owner()
        await store.open()
        for first, end in ((0, 3), (3, 5), (5, 1500), (1500, 1500), (10, 12), (699, 701), (0, 2100)):
            batches = await run(store, topics["events"], first, end)
            assert flat(batches) == [b"%d" % at for at in range(first, end)]
            edges = [first, *[batch.end for batch in batches]]
            assert edges[:-1] == [batch.first for batch in batches]
            assert edges[-1] == end
        assert await store.bounds(topics["events"]) == (0, 2100)

    world.play(story())


def test_read_own_journal(world: World, topics: dict[str, str]) -> None:
    """The journal reads back in full, although offsets between its entries may be taken by markers."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        ends = [await store.commit({}, {}, b"%d" % at) + 1 for at in range(30)]
        await store.open()
        assert flat(await run(store, topics["journal"], 0, ends[-1])) == [b"%d" % at for at in range(30)]
        assert flat(await run(store, topics["journal"], ends[9], ends[19])) == [
            b"%d" % at for at in range(10, 20)
        ]

    world.play(story())


def test_read_what_is_gone(world: World, topics: dict[str, str]) -> None:
    """A run whose records were deleted is Gone; it does not come back shorter."""
    for value in (b"a", b"b", b"c"):
        world.log.append(topics["events"], 0, rows(value))
    world.forget(topics["events"], 2)

    async def story() -> None:
        store = await world.owner()
        await store.open()
        with pytest.raises(Gone, match="events"):
            await run(store, topics["events"], 0, 3)
        assert flat(await run(store, topics["events"], 2, 3)) == [b"c"]

    world.play(story())


def test_put(world: World, topics: dict[str, str]) -> None:
    """Chunks are put beside the commits, read back by offset, and deleted by key."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        first = await store.put(topics["snapshots"], b"1/0", b"x" * 500_000)
        last = await store.put(topics["snapshots"], b"1/1", b"y" * 500_000)
        await store.commit({}, {}, b"one")
        assert flat(await run(store, topics["snapshots"], first, last + 1)) == [
            b"x" * 500_000,
            b"y" * 500_000,
        ]
        await store.put(topics["snapshots"], b"1/0", None)
        end = (await store.bounds(topics["snapshots"]))[1]
        newest: dict[bytes | None, bytes | None] = {}
        for batch in await run(store, topics["snapshots"], 0, end):
            newest.update(zip(batch.keys, batch.values, strict=True))
        assert newest.get(b"1/0") is None
        assert newest[b"1/1"] == b"y" * 500_000

    world.play(story())


def test_send(world: World, topics: dict[str, str]) -> None:
    """What is sent is there at once, without a commit."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        await store.send({topics["out"]: rows(b"a", b"b"), topics["narrow"]: rows(b"c")})

    world.play(story())
    assert values(world.log, topics["out"]) == [b"a", b"b"]
    assert values(world.log, topics["narrow"]) == [b"c"]
    assert values(world.log, topics["journal"]) == []


def test_large_commit(world: World, topics: dict[str, str]) -> None:
    """A commit of many thousand outputs keeps their order."""
    written = [b"%d" % at * 20 for at in range(12_000)]

    async def story() -> None:
        store = await world.owner()
        await store.open()
        await store.commit({topics["out"]: rows(*written)}, {topics["events"]: 12_000}, b"one")

    world.play(story())
    assert values(world.log, topics["out"]) == written
