"""How long is it from an alert's record on its topic to the webhook?

    python -m benchmarks.alert_to_webhook --log kafka --json

A real `driftline notify` with its defaults, but for the bound on messages a minute, which would hold so many
alerts back; each alert is a message of its own. The clock runs from before the record is appended until the
request has arrived, so `group_wait` (250 ms) is a part of it. `restart_ms` is how long alerts wait that were
written while nobody delivered, from the start of the process.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np

from connectors import open_log
from connectors.log import Log, Rows
from engine.alerts.record import Alert, fingerprint, iso
from tests.faults.harness import make_topics, obey_signals, options, place, read_spec, report, write_spec
from tests.parts.delivering import Notify
from tests.parts.hook import Hook
from tests.parts.waiting import until

PAUSE_S = 0.1  # between two alerts


def alert(number: int) -> Alert:
    """One that nobody has heard of."""
    now = time.time_ns() // 1_000_000
    labels = {"alertname": "Drift", "severity": "warning", "pipeline": "p", "feature": f"f{number}"}
    about = {"summary": f"f{number} is not what it was"}
    key = fingerprint(labels)
    return Alert(
        status="firing", labels=labels, annotations=about, starts_at=iso(now), fingerprint=key, time=now
    )


def run(log_name: str, count: int) -> dict[str, Any]:
    with place(log_name) as at, Hook() as hook:
        asked = {"receivers": {"oncall": {"webhook": hook.url, "secret": "secret"}}, "group_by": ["feature"]}
        path = write_spec(at, {"notify": {**asked, "messages_per_minute_max": 1_000_000}})
        spec = read_spec(path)
        make_topics(spec)
        log, topic = open_log(at.url), spec.topic("alerts")
        with Notify(path) as notify:
            notify.wait("delivering alerts")
            sent = {}
            for number in range(count):
                sent[f"f{number}"] = fire(log, topic, number)
                time.sleep(PAUSE_S)
            until(lambda: len(hook.got) == count)
        took = [(arrived - sent[name]) * 1000 for name, arrived in arrivals(hook).items() if name in sent]
        fire(log, topic, count)
        began = time.time()
        with Notify(path):
            until(lambda: len(hook.got) == count + 1)
        log.close()
    return {
        "log": log_name,
        "alerts": len(took),
        "alert_to_webhook_ms_p50": round(float(np.percentile(took, 50)), 1),
        "alert_to_webhook_ms_p99": round(float(np.percentile(took, 99)), 1),
        "alert_to_webhook_ms_max": round(max(took), 1),
        "restart_ms": round((hook.got[-1].at - began) * 1000),
    }


def fire(log: Log, topic: str, number: int) -> float:
    """Append an alert; return when that began."""
    one, began = alert(number), time.time()
    log.append(topic, 0, Rows([one.key], [one.json()]))
    return began


def arrivals(hook: Hook) -> dict[str, float]:
    """When each alert arrived first."""
    found: dict[str, float] = {}
    for got in hook.got:
        for each in msgspec.json.decode(got.body)["alerts"]:
            found.setdefault(each["labels"]["feature"], got.at)
    return found


def main() -> None:
    parser = options("from an alert's record to the webhook", events=200)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    report(run(asked.log, asked.events or (50 if asked.quick else 200)), asked.json)


if __name__ == "__main__":
    main()
