"""Prometheus' rules and Alertmanager's settings, judged by promtool and amtool, and by our own tables."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import need
from tests.deploy.shipped import ROOT, RULES, alerts, rules, wrong
from tests.test_docs import README, anchors

TESTS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
SEVERITIES = {"info", "warning", "critical"}


def run(tool: str, *arguments: str | Path) -> None:
    """Run a tool that says with its exit code whether it has something to say."""
    need(None if shutil.which(tool) else f"no {tool} here")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fired() -> Iterator[str]:
    """The alerts that a test sees firing."""
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                if case.get("exp_alerts"):
                    yield case["alertname"]


@pytest.mark.integration
def test_promtool_reads_the_rules() -> None:
    """Names, expressions and templates are as Prometheus wants them."""
    run("promtool", "check", "rules", *RULES)


@pytest.mark.integration
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_what_the_rules_say(path: Path) -> None:
    """Each alert fires where it should, with its words, and is silent where it should be."""
    run("promtool", "test", "rules", path)


def test_every_alert_is_tested() -> None:
    """There is no alert that no test has seen firing."""
    assert set(alerts()) - set(fired()) == set()


@pytest.mark.parametrize("name", alerts())
def test_an_alert_is_worth_waking_for(name: str) -> None:
    """It has a severity, says what and since when, and README says what to do about it."""
    rule: dict[str, Any] = alerts()[name]
    assert name.startswith("Driftline")
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("README.md", name.lower())
    assert anchor in anchors(README)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_name_metrics_that_exist(rule: dict[str, Any]) -> None:
    """Every metric is told by some process or recorded by a rule, with the labels that are asked of it."""
    assert wrong(rule["expr"]) == []


def test_wrong_names_would_be_seen() -> None:
    """The check itself sees a metric that is not there, a label, and a histogram without its suffix."""
    assert wrong('sum by (color) (driftline_ready{pipelin="p"} / driftline_raedy)') == [
        "driftline_raedy",
        "driftline_ready{pipelin}",
        "color",
    ]
    assert wrong("driftline_batch_seconds") == ["driftline_batch_seconds"]


@pytest.mark.integration
def test_amtool_reads_alertmanagers_settings() -> None:
    """Routes, receivers and inhibitions are as Alertmanager wants them."""
    run("amtool", "check-config", ROOT / "deploy/alertmanager.yml")
