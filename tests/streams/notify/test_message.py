"""Messages: Alertmanager's envelope, and what people read."""

from __future__ import annotations

import msgspec
import pytest

from engine.alerts.record import Care
from engine.errors import SpecError
from streams.notify.message import parcel
from streams.notify.routes import ways
from streams.notify.text import body, title
from streams.specs.specfile import load
from tests.streams.cli import SPEC, Cli
from tests.streams.notify.alerts import alert, notify, over

ENVELOPE = ["version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels"]
ENVELOPE += ["commonAnnotations", "externalURL", "alerts"]
ALERT = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
ROUTES = [
    {"match": {"severity": "critical"}, "to": ["oncall"], "continue": True, "group_by": ["model"]},
    {"match": {"severity": ["critical", "warning"]}, "to": ["team", "oncall"]},
]
TWO = {"oncall": {"webhook": "http://a"}, "team": {"webhook": "http://b"}, "rest": {"webhook": "http://c"}}


def test_envelope() -> None:
    """Version 4, key by key; each alert has all that Alertmanager's have, and our evidence."""
    given = notify(link="http://page")
    first, second = alert(), over(alert(feature="age"))
    way = ways(given, first.labels)["oncall"]
    told = msgspec.json.decode(parcel([first, second], way, "oncall", given).body)
    assert list(told) == ENVELOPE
    assert (told["version"], told["status"], told["groupKey"]) == ("4", "firing", '{}:{alertname="Drift"}')
    assert "feature" not in told["commonLabels"]
    assert told["groupLabels"] == {"alertname": "Drift"}
    assert set(told["alerts"][0]) >= ALERT
    assert told["alerts"][0]["annotations"]["dashboard_url"] == f"http://page/#alert={first.fingerprint}"
    assert [each["status"] for each in told["alerts"]] == ["firing", "resolved"]
    assert told["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert told["alerts"][0]["evidence"]["p_value"] == 1e-9


def test_an_acknowledged_alert_fires_in_the_envelope() -> None:
    """Alertmanager has no third state; ours stands beside it."""
    one = alert(status="acknowledged", acknowledged=Care("ada", "on it"))
    given = notify()
    (told,) = msgspec.json.decode(parcel([one], ways(given, one.labels)["oncall"], "oncall", given).body)[
        "alerts"
    ]
    mine = told["driftline"]
    assert (told["status"], mine["status"], mine["acknowledged"]["by"]) == ("firing", "acknowledged", "ada")


def test_routes() -> None:
    """The first that matches decides, unless it says to go on; the rest goes to everybody."""
    given = notify(receivers=TWO, routes=ROUTES)
    found = {s: ways(given, {"severity": s, "model": "m"}) for s in ("critical", "warning", "info")}
    assert {s: sorted(to) for s, to in found.items()} == {
        "critical": ["oncall", "team"],
        "warning": ["oncall", "team"],
        "info": ["oncall", "rest", "team"],
    }
    assert found["critical"]["oncall"].key == '{}/{severity="critical"}:{model="m"}'
    assert found["critical"]["team"].key == '{}/{severity=~"critical|warning"}:{alertname=""}'


def test_text() -> None:
    """What, since when, the evidence, what to do, where."""
    about = {
        "summary": "amount is not what it was",
        "value": "7.1",
        "threshold": "6",
        "runbook_url": "http://run",
    }
    told = body([alert(annotations=about)], 0, "http://page")
    assert title([alert(annotations=about)], "p") == "[warning] p: amount is not what it was"
    assert "since 2026-01-28 09:00:00 UTC, value 7.1 against 6" in told
    assert "evidence: p value 1e-09, effect size 0.4, 120 records, offsets 3 to 122" in told
    assert "what to do: http://run" in told
    assert "where: http://page/#alert=" in told
    assert "until 2026-01-28 09:01:00 UTC" in body([over(alert())], 0, None)
    assert "and 7 more" in body([alert()], 7, None)


WRONG = {
    "to: [oncal]": "notify.to: 'oncal', which is not in notify.receivers; did you mean \"oncall\"?",
    "receivers: {oncall: {webhook: ftp://x}}": "webhook is no address; it begins with http:// or https://",
    "receivers: {oncall: {webhook: http://x, apprise: 'a://b'}}": "a receiver is one of webhook,",
    "receivers: {oncall: {alertmanager: http://x, secret: s}}": "secret goes with webhook",
    "receivers: {oncall: {webhok: http://planted}}": 'did you mean "webhook"?',
    "receivers: {oncall: http://planted-secret}": "got a secret",
    "receivers: {oncall: {webhook: planted-secret}}": "webhook is no address",
}


@pytest.mark.parametrize("section", WRONG)
def test_wrong_receivers_are_refused(cli: Cli, section: str) -> None:
    """With the line, and what is meant, perhaps; never with an address."""
    more = "" if section.startswith("receivers") else "\n  receivers: {oncall: {webhook: http://planted}}"
    cli.write("driftline.yaml", f"{SPEC}notify:\n  {section}{more}\n")
    with pytest.raises(SpecError) as caught:
        load(cli.folder / "driftline.yaml", {}, {})
    assert WRONG[section].removeprefix("notify.to: ") in str(caught.value)
    assert "planted" not in str(caught.value)


def test_check_hides_addresses(cli: Cli) -> None:
    """They hold tokens more often than not."""
    cli.write(
        "driftline.yaml", f"{SPEC}notify: {{receivers: {{team: {{apprise: 'slack://planted/a/b'}}}}}}\n"
    )
    shown = cli("check", "--json").out
    assert "planted" not in shown
    assert "(hidden)" in shown
