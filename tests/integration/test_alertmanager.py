"""Delivery to the real Alertmanager, and its own webhook beside ours."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors import open_log
from connectors.log import Log
from engine.alerts.record import Alert, Care, iso
from engine.spec import Spec
from streams import topics
from streams.notify.trial import trial
from tests.conftest import need
from tests.parts import alertmanager as parts
from tests.parts.alertmanager import Alertmanager
from tests.parts.delivering import Delivering
from tests.parts.hook import Got, Hook
from tests.parts.waiting import until
from tests.streams.notify.alerts import alert, over, publish, spec

pytestmark = pytest.mark.integration

SETTINGS = """
global: {{resolve_timeout: 2s}}
route: {{receiver: hook, group_by: [alertname], group_wait: 50ms, group_interval: 300ms}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """Whom Alertmanager tells."""
    with Hook() as server:
        yield server


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[Alertmanager]:
    """A real Alertmanager, which takes what it is not shown again for resolved after two seconds."""
    need(parts.missing())
    with Alertmanager(tmp_path_factory.mktemp("alertmanager"), SETTINGS.format(url=hook.url)) as server:
        yield server


@pytest.fixture
def asked(real: Alertmanager, request: pytest.FixtureRequest) -> Spec:
    """A pipeline that shows it its alerts."""
    receiver = {"webhook": None, "secret": None, "alertmanager": real.url, "timeout": "5s"}
    return spec(f"memory://am-{request.node.name}", "", receiver=receiver, resend="1s")


@pytest.fixture
def log(asked: Spec) -> Log:
    opened = open_log(asked.transport)
    topics.create(opened, asked)
    return opened


def named(real: Alertmanager, name: str) -> list[dict[str, Any]]:
    return [found for found in real.alerts() if found["labels"]["alertname"] == name]


def messages(hook: Hook, name: str) -> list[Got]:
    """What Alertmanager told of one alert name."""
    return [got for got in hook.got if got.message["groupLabels"].get("alertname") == name]


def test_what_fires_goes_on_firing(asked: Spec, log: Log, real: Alertmanager, hook: Hook) -> None:
    """One that began months ago, for longer than it would take it for resolved; then its end is told."""
    one = alert("Long")
    with Delivering(asked):
        publish(log, one)
        until(lambda: len(messages(hook, "Long")) == 1)
        time.sleep(3.0)
        (there,) = named(real, "Long")
        publish(log, over(one))
        until(lambda: len(messages(hook, "Long")) == 2)
    assert (there["fingerprint"], there["startsAt"]) == (one.fingerprint, one.starts_at)
    assert [got.message["status"] for got in messages(hook, "Long")] == ["firing", "resolved"]


def test_a_restart_tells_nothing_twice(asked: Spec, log: Log, real: Alertmanager, hook: Hook) -> None:
    """Shown anew it is the same alert; one that was resolved meanwhile ends."""
    publish(log, alert("Again"))
    for _ in range(2):
        with Delivering(asked):
            until(lambda: len(named(real, "Again")) == 1)
    publish(log, over(alert("Again")))
    with Delivering(asked):
        until(lambda: len(messages(hook, "Again")) == 2)
    assert [got.message["status"] for got in messages(hook, "Again")] == ["firing", "resolved"]


def test_odd_alerts_are_taken(asked: Spec, log: Log, real: Alertmanager) -> None:
    """Times to come, empty and strange labels; and with one that it refuses the others still arrive."""
    ahead = iso(int(time.time() * 1000) + 3_600_000)
    odd = [
        alert("Odd", "ahead", starts_at=ahead),
        alert("Odd", "", annotations={"summary": "", "value": "ünï"}),
        alert("Odd", 'quote"\n'),
        alert("Odd", "refused", labels={"no-label name": "x"}),
        over(alert("Odd", "over before it began", starts_at=ahead), ends_at=iso(1)),
    ]
    with Delivering(asked) as delivering:
        publish(log, *odd)
        until(lambda: delivering.counts.outcomes["oncall", "dead"] == 1)
        until(lambda: len(named(real, "Odd")) == 3)
    assert {found["labels"].get("feature", "") for found in named(real, "Odd")} == {"ahead", "", 'quote"\n'}


def test_acknowledged_and_silenced_alerts(asked: Spec, log: Log, real: Alertmanager) -> None:
    """They are silent there, too, until they are not; what was silent from the first it never sees."""
    one, quiet = alert("Quiet"), alert("Quiet", "muted", muted="silence:1")
    with Delivering(asked):
        publish(log, one, quiet)
        until(lambda: len(named(real, "Quiet")) == 1)
        publish(log, msgspec.structs.replace(one, status="acknowledged", acknowledged=Care("ada", "on it")))
        until(lambda: state(real) == "suppressed")
        (there,) = named(real, "Quiet")
        time.sleep(5.0)  # longer than a silence lasts that nobody keeps
        assert state(real) == "suppressed"
        publish(log, one)
        until(lambda: state(real) == "active")
    assert there["annotations"]["acknowledged_by"] == "ada"


def state(real: Alertmanager) -> str:
    (there,) = named(real, "Quiet")
    return str(there["status"]["state"])


def test_our_message_is_like_its_own(asked: Spec, log: Log, real: Alertmanager, hook: Hook) -> None:
    """Both tell a receiver of the same alert: the same keys, of the same kinds, and the same values."""
    told = spec(f"{asked.transport}-2", hook.url)
    one = alert("Same")
    with Delivering(asked):
        publish(log, one)
        until(lambda: len(messages(hook, "Same")) == 1)
    theirs = messages(hook, "Same")[0].message
    ours = _ours(told, hook, one)
    assert {key: type(value) for key, value in ours.items()} == {k: type(v) for k, v in theirs.items()}
    assert ours["groupKey"] == theirs["groupKey"]
    same = ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint")
    ((ours_first,), (theirs_first,)) = ours["alerts"], theirs["alerts"]
    ours_first["startsAt"] = ours_first["startsAt"].replace(".000Z", "Z")  # Go writes no zeros
    assert {key: ours_first[key] for key in same} == {key: theirs_first[key] for key in same}


def _ours(told: Spec, hook: Hook, one: Alert) -> Any:
    log = open_log(told.transport)
    topics.create(log, told)
    with Delivering(told):
        publish(log, one)
        until(lambda: len(messages(hook, "Same")) == 2)
    return messages(hook, "Same")[1].message


def test_it_may_be_away(asked: Spec, log: Log, real: Alertmanager) -> None:
    """Nothing is lost: it is shown what fires once it is back."""
    real.stop()
    try:
        with Delivering(asked) as delivering:
            publish(log, alert("Away"))
            until(lambda: delivering.counts.outcomes["oncall", "failed"] > 0)
            real.start()
            until(lambda: len(named(real, "Away")) == 1)
    finally:
        real.start()


def test_amtool_sees_the_test_alert(asked: Spec, real: Alertmanager, tmp_path: Path) -> None:
    """`driftline alerts test`, and Alertmanager's own command."""
    (answer,) = trial(asked)
    command = ["amtool", "alert", "query", "alertname=DriftlineTest", "--output=json"]
    found = subprocess.run(
        [*command, f"--alertmanager.url={real.url}"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    (there,) = json.loads(found.stdout)
    assert (answer.ok, there["labels"]["severity"]) == (True, "warning")
