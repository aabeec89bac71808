"""`driftline alerts test`, and what is sent by apprise, to real servers."""

from __future__ import annotations

import json

import pytest

from streams.notify.trial import trial
from tests.parts.hook import Hook
from tests.streams.cli import SPEC, Cli
from tests.streams.notify.alerts import spec


def test_it_goes_where_the_routes_lead(cli: Cli) -> None:
    """And says what came of it, with exit 1 if one did not take it."""
    with Hook() as hook, Hook() as other:
        other.answers = [500]
        receivers = f"receivers: {{oncall: {{webhook: '{hook.url}'}}, team: {{webhook: '{other.url}'}}}}"
        routes = "routes: [{match: {severity: critical}, to: [oncall]}]"
        cli.write("driftline.yaml", f"{SPEC}notify: {{{receivers}, {routes}}}\n")
        assert cli("alerts", "test", "--severity", "critical").code == 0
        both = cli("alerts", "test", "--json")
        (alert,) = hook.got[0].message["alerts"]
    assert alert["labels"] == {
        "alertname": "DriftlineTest",
        "severity": "critical",
        "pipeline": "pay",
        "test": "true",
    }
    told = {answer["receiver"]: (answer["ok"], answer["said"]) for answer in json.loads(both.out)}
    assert (both.code, told["oncall"][0], told["team"][0]) == (1, True, False)
    assert told["team"][1].endswith("answered 500")


def test_one_receiver_by_name(cli: Cli) -> None:
    """Whatever the routes say; a name that there is not is told with the nearest."""
    with Hook() as hook:
        cli.write("driftline.yaml", f"{SPEC}notify: {{receivers: {{oncall: {{webhook: '{hook.url}'}}}}}}\n")
        assert cli("alerts", "test", "--receiver", "oncall").code == 0
        wrong = cli("alerts", "test", "--receiver", "oncal")
    assert (wrong.code, 'did you mean "oncall"?' in wrong.err) == (2, True)


def test_nobody_to_tell(cli: Cli) -> None:
    """A spec without receivers says so."""
    ended = cli("alerts", "test")
    assert (ended.code, "nobody to tell" in ended.err) == (2, True)
    assert cli("notify").code == 2


def test_apprise_tells_people() -> None:
    """A title and a text, by apprise's own plain POST."""
    with Hook() as hook:
        to = hook.url.replace("http://", "json://")
        asked = spec("memory://none", "", receiver={"webhook": None, "secret": None, "apprise": to})
        (answer,) = trial(asked)
        told = hook.got[0].message
    assert (answer.ok, answer.kind, answer.said) == (True, "apprise", "taken")
    assert told["title"] == "[warning] p: this is a test: nothing is wrong"
    assert told["message"].startswith("WARNING DriftlineTest: this is a test")
    assert told["type"] == "warning"


@pytest.mark.parametrize(
    ("address", "said"),
    [("json://127.0.0.1:9/planted", "did not take it"), ("nosuch://planted/x", "does not understand")],
)
def test_apprise_fails_in_few_words(address: str, said: str) -> None:
    """No word of the address but its beginning."""
    asked = spec("memory://none", "", receiver={"webhook": None, "secret": None, "apprise": address})
    (answer,) = trial(asked)
    assert (answer.ok, said in answer.said, "planted" in answer.said) == (False, True, False)
