"""Small runs of the fault scripts, as anyone may start them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from tests.faults.harness import ROOT
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def figures(*command: str, servers: str | None = None) -> dict[str, Any]:
    """What a fault script prints; its progress is shown when it fails."""
    given = {**os.environ, **({"DRIFTLINE_KAFKA": servers} if servers else {})}
    arguments = [sys.executable, "-m", *command, "--json"]
    done = subprocess.run(arguments, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    found: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return found


def test_kill_on_sqlite() -> None:
    """Three kill -9 under load lose, double and change nothing, drifts included."""
    command = ("tests.faults.kill", "--log", "sqlite", "--events", "6000", "--kills", "3", "--drift")
    found = figures(*command)
    assert found["holds"]
    assert found["kills_under_load"] == 3


def test_kill_on_kafka(kafka: Broker) -> None:
    """Three kill -9 under load lose, double and change nothing, drifts included."""
    command = ("tests.faults.kill", "--log", "kafka", "--events", "6000", "--kills", "3", "--drift")
    found = figures(*command, servers=kafka.servers)
    assert found["holds"]
    assert found["kills_under_load"] == 3


def test_members_on_sqlite() -> None:
    """A standby takes over from a killed and from a frozen worker, and who wakes up is refused."""
    found = figures("tests.faults.members", "--log", "sqlite", "--quick")
    assert (found["frozen"], found["holds"]) == (1, True)


def test_members_on_kafka(kafka: Broker) -> None:
    """A member takes over from a killed and from a frozen one, and who wakes up is refused."""
    found = figures("tests.faults.members", "--log", "kafka", "--quick", servers=kafka.servers)
    assert (found["frozen"], found["holds"]) == (1, True)


def test_losses(kafka: Broker) -> None:
    """What loses events elsewhere loses none here."""
    assert figures("tests.faults.losses", servers=kafka.servers)["lost"] == 0
