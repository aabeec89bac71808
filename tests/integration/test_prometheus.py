"""A real Prometheus scrapes a real worker, reads what we ship for it, and tells a real Alertmanager."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import pytest

from connectors.log import Rows
from tests.conftest import need
from tests.deploy.shipped import RULES, boards, queries
from tests.faults.harness import Place, Worker
from tests.faults.load import FEATURES
from tests.integration.pipeline import Pipeline
from tests.parts import alertmanager as alertmanager_parts
from tests.parts import prometheus as prometheus_parts
from tests.parts.alertmanager import Alertmanager
from tests.parts.processes import free_port
from tests.parts.prometheus import Prometheus

LIMIT_S = 60.0
TOKEN = "a token that only this test knows"
DRIFT = {"detectors": ["cusum"], "reference": {"first": 200}, "dependence": "none", "warm_up": 200}
pytestmark = pytest.mark.integration


class Scene(NamedTuple):
    """Everything that runs."""

    pipeline: Pipeline
    prometheus: Prometheus
    alertmanager: Alertmanager


def events(pipeline: Pipeline, first: int, count: int, mean: float) -> None:
    """Append events whose numbers lie around a mean."""
    rng = random.Random(first)
    rows = [
        {"id": f"e{first + i}", "entity": "a", **{name: rng.gauss(mean, 1) for name in FEATURES}}
        for i in range(count)
    ]
    values = [msgspec.json.encode(row) for row in rows]
    pipeline.log.append(pipeline.spec.topic("events"), 0, Rows([b"a"] * count, values))


def until(what: Callable[[], Any]) -> Any:
    """What it gives, once that is something."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)
    return found


@pytest.fixture
def scene(on_sqlite: Place) -> Iterator[Scene]:
    """A worker that watches for drift, scraped with its token."""
    need(prometheus_parts.missing())
    need(alertmanager_parts.missing())
    port, folder = free_port(), on_sqlite.folder
    pipeline = Pipeline(on_sqlite, {"http": {"port": port, "token": TOKEN}, "drift": DRIFT})
    jobs = {"driftline": (f"127.0.0.1:{port}", TOKEN)}
    with closing(pipeline), Alertmanager(folder) as alertmanager, Worker(pipeline.path) as worker:
        worker.wait("worker of")
        with Prometheus(folder, jobs, alertmanager.address, RULES) as prometheus:
            yield Scene(pipeline, prometheus, alertmanager)


def test_a_drift_is_told(scene: Scene) -> None:
    """From the event to the Alertmanager: counted, scraped, judged by our rule, told with its runbook."""
    pipeline, prometheus, alertmanager = scene
    events(pipeline, 0, 2_000, 0.0)
    until(lambda: prometheus.ask('driftline_events_total{outcome="predicted"} == 2000'))
    until(lambda: prometheus.ask('driftline_drift_detected_total{signal="x0"} == 0'))
    assert prometheus.ask('up{job="driftline"} == 1')
    events(pipeline, 2_000, 300, 8.0)

    def told() -> list[dict[str, Any]]:
        wanted = {"alertname": "DriftlineDrift", "pipeline": pipeline.name, "signal": "x0", "feature": "x0"}
        return [each for each in alertmanager.alerts() if wanted.items() <= each["labels"].items()]

    [alert] = until(told)
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["summary"] == f"{pipeline.name}: x0 has drifted"
    assert alert["annotations"]["runbook_url"] == "README.md#driftlinedrift"
    check_all_is_understood(prometheus)


def check_all_is_understood(prometheus: Prometheus) -> None:
    """Every rule is healthy, every query of every dashboard is answered, and the main ones with figures."""
    groups = until(lambda: prometheus.get("/api/v1/rules")["groups"])
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 30
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    answered = {
        (name, title) for name, board in boards().items() for title, q in queries(board) if prometheus.ask(q)
    }
    for title in ("Ready", "Waiting records", "Events and predictions", "A batch", "Commits", "What runs"):
        assert ("overview", title) in answered
    for title in ("Statistic over threshold", "Signals", "Drifts found"):
        assert ("drift", title) in answered
