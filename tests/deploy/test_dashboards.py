"""Grafana's dashboards: what they ask for exists, Prometheus understands it, and they fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.shipped import boards, queries, wrong
from tests.deploy.test_rules import run

BOARDS = boards()
each_board = pytest.mark.parametrize("name", BOARDS)


@each_board
def test_they_name_metrics_that_exist(name: str) -> None:
    """Every metric of every panel, mark and variable is there, with its labels."""
    assert {title: found for title, expr in queries(BOARDS[name]) if (found := wrong(expr))} == {}


@pytest.mark.integration
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    """What dashboards ask, as rules, so that promtool reads it."""
    asked = sorted({expr for board in BOARDS.values() for _, expr in queries(board)})
    found = [{"record": f"asked:{i}", "expr": expr} for i, expr in enumerate(asked)]
    path = tmp_path / "asked.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": found}]}))
    assert len(found) > 60
    run("promtool", "check", "rules", "--lint=none", path)


@each_board
def test_panels_fit(name: str) -> None:
    """Each has its own number, a title, a sentence and a query, and none lies on another."""
    taken: set[tuple[int, int]] = set()
    panels: list[dict[str, Any]] = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["targets"]


@each_board
def test_they_work_with_any_prometheus(name: str) -> None:
    """All asks go to the source that is chosen, and links lead to dashboards that are there."""
    board = BOARDS[name]
    sources = [panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"]
    assert set(sources) == {"${source}"}
    assert board["uid"] == f"driftline-{name}"
    assert {link["url"] for link in board["links"]} == {f"/d/driftline-{n}" for n in BOARDS if n != name}
