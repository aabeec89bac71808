"""A real Prometheus scrapes a worker and what it starts beside itself, reads what we ship for it, and tells a
real Alertmanager; which is told by the pipeline itself, too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
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
from tests.parts.waiting import until

TOKEN = "a token that only this test knows"
DRIFT = {"detectors": ["cusum"], "reference": {"first": 200}, "dependence": "none", "warm_up": 200}
SHOWN = {  # panels that have something to show here
    *(("overview", title) for title in ("Ready", "Waiting records", "Events and predictions", "A batch")),
    *(
        ("alerts", title)
        for title in ("Alerts firing", "Messages", "Time to the receiver's answer", "Requests")
    ),
    *(("drift", title) for title in ("Statistic over threshold", "Signals", "Drifts found")),
}
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


@pytest.fixture
def scene(on_sqlite: Place) -> Iterator[Scene]:
    """A worker that watches for drift, scraped with its token."""
    need(prometheus_parts.missing())
    need(alertmanager_parts.missing())
    ports, folder = {name: free_port() for name in ("driftline", "serve", "notify")}, on_sqlite.folder
    jobs = {name: (f"127.0.0.1:{port}", TOKEN) for name, port in ports.items()}
    with Alertmanager(folder) as alertmanager:
        receivers = {"am": {"alertmanager": alertmanager.url}}
        changes = {
            "http": {"port": ports["driftline"], "token": TOKEN},
            "serve": {"port": ports["serve"]},
            "notify": {"port": ports["notify"], "receivers": receivers},
            "drift": DRIFT,
            "alerts": [{"when": "drift"}, {"when": "no_data > 1s", "name": "Nothing"}],
        }
        pipeline = Pipeline(on_sqlite, changes)
        with (
            closing(pipeline),
            Worker(pipeline.path, beside=True) as worker,
            Prometheus(folder, jobs, alertmanager.address, RULES) as prometheus,
        ):
            worker.wait("worker of")
            yield Scene(pipeline, prometheus, alertmanager)


def test_a_drift_is_told(scene: Scene) -> None:
    """From the event to the Alertmanager, by delivery and by our rule; and the worker tells of itself."""
    pipeline, prometheus, alertmanager = scene

    def told(**labels: str) -> list[dict[str, Any]]:
        wanted = {"pipeline": pipeline.name, **labels}
        return [each for each in alertmanager.alerts() if wanted.items() <= each["labels"].items()]

    events(pipeline, 0, 2_000, 0.0)
    until(lambda: prometheus.ask('driftline_events_total{outcome="predicted"} == 2000'))
    until(lambda: prometheus.ask('driftline_drift_detected_total{signal="x0"} == 0'))
    until(lambda: told(alertname="Nothing", source="worker"))
    events(pipeline, 2_000, 300, 8.0)
    until(lambda: told(alertname="Drift", feature="x0"))
    until(lambda: len(prometheus.ask("up == 1")) == 3)
    [alert] = until(lambda: told(alertname="DriftlineDrift", signal="x0", feature="x0"))
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
    asked = [(name, *each) for name, board in boards().items() for each in queries(board)]
    until(lambda: {(name, title) for name, title, query in asked if prometheus.ask(query)} >= SHOWN)
