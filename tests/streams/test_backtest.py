"""A backtest finds what was planted where it was planted, and refuses what is too slow or too loud."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from streams.backtest.plan import read
from streams.backtest.plot import write_report
from streams.backtest.run import Backtest, Result, run
from tests.streams.cli import Cli
from tests.streams.quiet import SPEC, START_S, rows, spec

PLANTED = """
- {change: mean, fields: [x], at: 3000, until: 3500}
- {change: missing, fields: [n], at: 0.75, until: 5000}
- {change: label_flip, at: 2026-01-04T16:00:00Z, strength: 0.8}
"""


def written(folder: Path, count: int = 6_000) -> str:
    path = folder / "events.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in islice(rows(), count)))
    return str(path)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What is found of three changes in a quiet stream."""
    folder = tmp_path_factory.mktemp("found")
    (folder / "planted.yaml").write_text(PLANTED)
    return run(Backtest(spec(), written(folder), planted=read(str(folder / "planted.yaml"))))


def test_found_where_it_is(found: Result) -> None:
    """A shifted mean, missing values and turned labels, each by its own signal, within some rows."""
    assert [each["start"] for each in found.changes] == [3000, 4500, 5280]
    for each, signal in zip(found.changes, ("x", "n.missing", "error"), strict=True):
        assert 1 <= each["delay_events"] <= each["signals"][signal] <= 120
        assert found.signals[signal].found == 1
        assert each["delay_ms"] == 60_000 * (each["delay_events"] - 1)
        assert abs(each["said_start"] - each["start"]) <= 120


def test_better_than_blind(found: Result) -> None:
    """Under the same rules those who look at nothing score less."""
    assert set(found.dummies) == {"always", "never", "periodic"}
    assert found.overall.f1 is not None
    assert found.overall.f1 > max(each.f1 or 0 for each in found.dummies.values())


def test_told_as_json(found: Result) -> None:
    """Everything is plain data, and adds up."""
    told = json.loads(json.dumps(found.json()))
    assert told["overall"]["found"] == told["overall"]["planted"] == 3
    assert len(told["alarms"]) == told["overall"]["alarms"]
    assert sum(each["alarms"] for each in told["signals"].values()) == told["overall"]["alarms"]
    assert sum(each["what"] == "false" for each in told["alarms"]) == told["overall"]["false_alarms"]


def test_gate(found: Result) -> None:
    """What is bearable passes; what is not is said."""
    score = found.overall
    assert found.refused(score.delay_max, score.false_alarms) == ""
    assert "later than 1" in found.refused(1, None)


@pytest.mark.parametrize("name", ["r.png", "r.html"])
def test_report(found: Result, tmp_path: Path, name: str) -> None:
    """A timeline with what was planted and found, as a picture or a page."""
    write_report(tmp_path / name, "<b>p</b>", found)
    content = (tmp_path / name).read_bytes()
    if name == "r.png":
        assert content.startswith(b"\x89PNG")
    else:
        assert b"<h1>&lt;b&gt;p&lt;/b&gt;</h1>" in content
        assert b"mean 1 of x at row 3,000" in content


def test_without_changes(tmp_path: Path) -> None:
    """The alarms are told, and none is found to be right."""
    watch = SPEC["drift"] | {"watch": ["features", "missing"]}
    result = run(Backtest(spec(drift=watch), written(tmp_path, 3_000)))
    assert (result.changes, result.overall.planted, result.overall.f1) == ([], 0, None)
    assert result.overall.false_alarms == result.overall.alarms <= 1
    write_report(tmp_path / "r.png", "p", result)


def test_notes(tmp_path: Path) -> None:
    """Why a change may stay unseen is said, not left to be found out."""
    planted = read("[{change: missing, fields: [x], at: 300}]")
    result = run(Backtest(spec(), written(tmp_path, 400), planted=planted))
    assert result.notes == ["x is required: an event in which it is missing becomes a dead letter"]
    assert result.reasons.keys() == {"missing_field"}


TABLE = "id,at,x\n" + "".join(f"e{i},{START_S + i},{10 + i % 7}\n" for i in range(400))
FILE = """\
pipeline: p
events: {id: id, time: at, fields: {id: {type: text}, at: {type: timestamp}, x: {type: number}}}
"""
HASHED = {"PYTHONHASHSEED": "0"}  # so that the command need not start itself anew


def test_the_command(cli: Cli) -> None:
    """Tables for people, JSON for programs, and exit 3 where the gate says no."""
    cli.write("driftline.yaml", FILE + "drift: {}\n")
    cli.write("events.csv", TABLE)
    command = ("backtest", "events.csv", "--inject", "[{change: mean, fields: [x], at: 390, strength: 0.1}]")
    said = cli(*command, env=HASHED)
    assert said.code == 0, said.err
    assert "mean 0.1 of x  390     missed" in said.out
    refused = cli(*command, "--max-delay", "5", "--json", env=HASHED)
    assert (refused.code, refused.row()["overall"]["found"]) == (3, 0)
    assert "refused: missed mean 0.1 of x at row 390" in refused.err


def test_the_command_refuses(cli: Cli) -> None:
    """A spec that watches nothing, a gate without changes, standard input, a report that is the input."""
    cli.write("driftline.yaml", FILE)
    cli.write("events.csv", TABLE)
    nothing = cli("backtest", "events.csv", env=HASHED)
    assert (nothing.code, "--set drift={}" in nothing.err) == (2, True)
    watching = ("--set", "drift={}")
    assert cli("backtest", "events.csv", *watching, "--max-delay", "5", env=HASHED).code == 2
    assert cli("backtest", "-", *watching, "--inject", "[{change: mean, fields: [x]}]", env=HASHED).code == 2
    assert cli("backtest", "events.csv", *watching, "--report", "r.pdf", env=HASHED).code == 1
    assert cli("backtest", "missing.csv", *watching, env=HASHED).code == 1
