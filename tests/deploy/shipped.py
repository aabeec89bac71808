"""What `deploy/` ships for Prometheus and Grafana, read as they read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from streams.telemetry.metrictable import NOTIFY, SERVE, WORKER
from tests.deploy.promql import named

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
BOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
TABLE = WORKER | NOTIFY | SERVE
SUFFIXES = {"_bucket": {"le"}, "_sum": set[str](), "_count": set[str]()}
SCRAPED = {"job", "instance"}  # Prometheus adds them
OWN = {"up": set[str](), "ALERTS": {"alertname", "alertstate", "severity"}}  # Prometheus' own metrics
ASKED = re.compile(r"^label_values\((.*), *(\w+)\)$")
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$metric": "accuracy"}


def rules() -> list[dict[str, Any]]:
    """Every rule of every file."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def boards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in BOARDS}


def queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each expression of a dashboard with the title of what shows it, its variables filled in."""
    found = [(panel["title"], t["expr"]) for panel in board["panels"] for t in panel.get("targets", ())]
    found += [(each["name"], each["expr"]) for each in board["annotations"]["list"]]
    for each in board["templating"]["list"]:
        if each["type"] == "query" and (asked := ASKED.match(each["definition"])):
            found.append((each["name"], f"count by ({asked[2]}) ({asked[1]})"))
    for title, expr in found:
        yield title, re.sub(r"\$\w+", lambda variable: VARIABLES.get(variable[0], ".*"), expr)


def labels_of(metric: str) -> set[str] | None:
    """The labels that a metric has; None if there is no such metric."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    if metric in recorded:
        return set(metric.split(":")[0].split("_"))
    if metric in OWN:
        return OWN[metric] | SCRAPED
    stem = next((metric.removesuffix(s) for s in SUFFIXES if metric.endswith(s)), metric)
    kind = TABLE[stem][0] if stem in TABLE else None
    if kind == "histogram" and stem != metric:
        return {*TABLE[stem][1], *SUFFIXES[metric.removeprefix(stem)], *SCRAPED}
    if metric not in TABLE or kind == "histogram":
        return None
    return {*TABLE[metric][1], *SCRAPED}


def wrong(expr: str) -> list[str]:
    """What an expression names and nothing tells."""
    found = named(expr)
    there = {metric: labels_of(metric) for metric, _ in found.metrics}
    every = set().union(*(labels for labels in there.values() if labels is not None))
    missing = [metric for metric, labels in there.items() if labels is None]
    odd = [
        f"{metric}{{{label}}}"
        for metric, labels in found.metrics
        for label in sorted(labels - (there[metric] or labels))
    ]
    return [*missing, *odd, *sorted(found.grouped - every)]
