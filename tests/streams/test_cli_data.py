"""`driftline produce`, `driftline tail` and `driftline topics`."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from streams.partition import partition_of
from tests.streams.cli import EVENTS, Cli


@pytest.fixture(autouse=True)
def events(cli: Cli) -> None:
    """A file of three."""
    cli.write("events.csv", EVENTS)


def tailed(cli: Cli, topic: str = "events") -> list[dict[str, object]]:
    return cli("tail", topic, "--from-start").rows()


def test_cells_become_what_the_spec_has(cli: Cli) -> None:
    """Numbers as they are written, nested paths, booleans; what does not fit stays text."""
    cli("produce", "events.csv", "--time-from-field")
    values = {row["key"]: row["value"] for row in tailed(cli)}
    first = {"id": "e1", "card": "c1", "at": "2026-01-01T00:00:00Z", "amount": 12.5}
    assert values["c1"] == {**first, "where": {"country": "NL"}, "new": True}
    assert values["c2"] == {"id": "e2", "card": "c2", "at": 1767225600, "amount": "many"}


def test_rows_go_where_kafka_would_send_them(cli: Cli) -> None:
    """The key's partition, with the row's own time where that is asked for."""
    cli("produce", "events.csv", "--time-from-field")
    for row in tailed(cli):
        assert row["partition"] == partition_of(str(row["key"]).encode(), 4)
        assert row["timestamp"] == 1767225600000


def test_the_result_is_told(cli: Cli) -> None:
    """In a sentence for people, in JSON for programs."""
    assert cli("produce", "events.csv").out.startswith("produced 3 events in ")
    assert cli("produce", "events.csv", "--json", "--limit", "2").row()["produced"] == 2


@pytest.mark.parametrize("name", ["events.jsonl", "events.ndjson.gz", "-"])
def test_json_lines_are_sent_as_they_are(cli: Cli, tmp_path: Path, name: str) -> None:
    """What is no JSON, too: it is a dead letter of the engine, not ours to drop."""
    lines = b'{"id": "e1",  "card": "c1"}\n\n{"id": \n\xff\n'
    (tmp_path / "events.jsonl").write_bytes(lines)
    (tmp_path / "events.ndjson.gz").write_bytes(gzip.compress(lines))
    cli("produce", name, stdin=lines)
    with closing(cli.log()) as log:
        values = [value for part in range(4) for value in log.read("pay.events", part, 0).values]
    assert set(values) == {b'{"id": "e1",  "card": "c1"}', b'{"id":', b"\xff"}


def test_a_row_with_too_many_cells_is_sent_as_it_is(cli: Cli) -> None:
    """Nobody can tell which cell is which."""
    cli.write("events.csv", "id,card\ne1,c1,what\n")
    cli("produce", "events.csv")
    assert [row["value"] for row in tailed(cli)] == ["e1,c1,what"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("id,\n1,2\n", "a column has no name"),
        ("country,where.country\nNL,NL\n", "the same"),
    ],
)
def test_a_table_that_means_nothing_is_refused(cli: Cli, text: str, reason: str) -> None:
    """With exit code 1, before anything is sent."""
    cli.write("events.csv", text)
    ended = cli("produce", "events.csv")
    assert (ended.code, reason in ended.err) == (1, True)


@pytest.mark.parametrize("name", ["nowhere.csv", "events.parquet"])
def test_a_file_that_cant_be_read_is_named(cli: Cli, name: str) -> None:
    """Whether it is not there or of a kind that we do not read."""
    ended = cli("produce", name)
    assert (ended.code, name in ended.err) == (1, True)


def test_a_rate_is_kept(cli: Cli) -> None:
    """Twelve rows at 40 a second take at least a fifth of one."""
    cli.write("events.csv", "id,card\n" + "e1,c1\n" * 12)
    assert cli("produce", "events.csv", "--rate", "40", "--json").row()["seconds"] >= 0.2


def test_labels_land_beside_their_events(cli: Cli) -> None:
    """In the partition of the entity, typed by the spec."""
    cli("produce", "events.csv")
    cli.write("labels.csv", "id,card,fraud\ne1,c1,true\ne3,c3,0\n")
    assert cli("produce", "labels.csv", "--to", "labels").code == 0
    events = {row["key"]: row["partition"] for row in tailed(cli)}
    assert all(events[row["key"]] == row["partition"] for row in tailed(cli, "labels"))
    assert [row["value"]["fraud"] for row in tailed(cli, "labels")] in ([True, 0], [0, True])  # type: ignore[index]


def test_a_label_without_an_entity_is_refused(cli: Cli) -> None:
    """When there are several partitions; the message says what to add."""
    cli.write("labels.csv", "id,fraud\ne1,true\n")
    ended = cli("produce", "labels.csv", "--to", "labels")
    assert (ended.code, "Add 'card' to each label" in ended.err) == (1, True)
    assert (
        cli(
            "produce",
            "labels.csv",
            "--to",
            "labels",
            "--transport",
            "sqlite:///one.db",
            "--set",
            "partitions=1",
        ).code
        == 0
    )


def test_a_label_may_name_its_prediction(cli: Cli) -> None:
    """Whose id says where it lies."""
    cli.write("labels.csv", "id,fraud\npay.events-2-17,true\n")
    cli("produce", "labels.csv", "--to", "labels", "--set", "labels.by=prediction_id")
    assert [row["partition"] for row in tailed(cli, "labels")] == [2]


def test_tail_shows_the_last(cli: Cli) -> None:
    """Ten, or as many as asked for; with the newest last."""
    cli.write("events.csv", "id,card\n" + "".join(f"e{n},c{n}\n" for n in range(30)))
    cli("produce", "events.csv")
    assert len(cli("tail", "events").rows()) == 10
    assert len(cli("tail", "pay.events", "--limit", "3").rows()) == 3
    assert len(cli("tail", "events", "--from-start").rows()) == 30


def test_tail_proposes_a_topic(cli: Cli) -> None:
    """When there is none of that name."""
    cli("topics", "create")
    ended = cli("tail", "evnts")
    assert (ended.code, 'did you mean "events"?' in ended.err) == (1, True)


def test_topics_are_made_and_listed(cli: Cli) -> None:
    """All nine, with what becomes of their records."""
    assert len(cli("topics", "create", "--json").row()["created"]) == 10
    assert cli("topics", "create").out == "all topics are there\n"
    listed = {topic["what"]: topic for topic in cli("topics", "list", "--json").row()["topics"]}
    assert (listed["journal"]["retention_ms"], listed["snapshots"]["compacted"]) == (-1, True)
    assert listed["dead-letters"]["partitions"] == 4


def test_topics_that_do_not_fit_are_told(cli: Cli) -> None:
    """With exit code 1, whether listed or created."""
    cli("topics", "create")
    for command in ("list", "create"):
        ended = cli("topics", command, "--set", "labels.topic=other", "--set", "partitions=2")
        assert ended.code == (1 if command == "create" else 0)
    assert "other" in cli("topics", "list", "--set", "labels.topic=other").out
