"""Changes are read with care, and planted at the rows that are meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import SpecError
from streams.backtest.plan import Planting, read
from streams.rows import Row
from tests.streams.quiet import rows, spec


@pytest.fixture
def events(tmp_path: Path) -> str:
    """A quiet stream."""
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, rows())))
    return str(path)


def test_labels_of_their_own(events: str, tmp_path: Path) -> None:
    """Labels in a file are turned with the events that they are for, and nothing else is."""
    labels = tmp_path / "labels.jsonl"
    lines = [{"event_id": row["id"], "label": row["y"], "label_time": row["at"] + 600} for row in rows()]
    labels.write_text("\n".join(map(json.dumps, lines)))
    wanted = spec(labels={"wait": "1d"})
    planting = Planting(wanted, read("[{change: label_flip, at: 4000, strength: 1}]"), events, str(labels))
    given = (Row(json.dumps(line).encode(), dict(line)) for line in lines)
    turned = [json.loads(row.value)["label"] for row in planting.labels(given)]
    assert turned == [line["label"] != (i >= 4_000) for i, line in enumerate(lines)]


def test_again_the_same(events: str) -> None:
    """Where a share of rows is changed it is the same share, with another seed another one."""

    def changed(seed: int) -> list[bytes]:
        text = f"{{seed: {seed}, changes: [{{change: categories, fields: [country], to: D}}]}}"
        planting = Planting(spec(), read(text), events, None)
        return [row.value for row in planting.events(Row(json.dumps(row).encode(), row) for row in rows())]

    assert changed(1) == changed(1)
    assert changed(1) != changed(2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[{change: mean, fields: [xx]}]", "names 'xx', which is not in events.fields; did you mean \"x\""),
        ("[{change: maen, fields: [x]}]", "there is no change 'maen'; did you mean \"mean\""),
        ("[{change: mean, field: [x]}]", 'unknown key; did you mean "fields"'),
        ("[{change: mean, fields: [x], at: 9000}]", "at: 9000 lies behind the last of 6,000 rows"),
        (
            "[{change: mean, fields: [x], at: 2030-01-01}]",
            "at: 2030-01-01 lies behind the last of 6,000 rows",
        ),
        ("[{change: mean, fields: [x], at: 500, until: 200}]", "until: 200 lies before at: 500"),
        ("[{change: mean, fields: [x], at: 1}]", "x has no values before row 1"),
        ("[", "this is not YAML"),
        ("[]", "at least 1 item"),
        ("no.yaml", "no.yaml can't be read"),
    ],
)
def test_wrong_changes(events: str, given: str, said: str) -> None:
    """What is wrong is said with the place and what may have been meant."""
    with pytest.raises(SpecError) as raised:
        Planting(spec(), read(given), events, None)
    assert said in str(raised.value)


def test_nothing_to_flip(events: str) -> None:
    """Labels that are nowhere can't be turned."""
    with pytest.raises(SpecError, match="name their file with --labels"):
        Planting(spec(labels={}), read("[{change: label_flip}]"), events, None)
