"""What the API shows of a pipeline's topics and snapshots, asked over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from connectors.log import Rows
from streams.serve.views import alertanswers, answers
from tests.parts.serving import Serving
from tests.streams.serve.storm import TIME, alert, storm
from tests.streams.serve.world import EVENTS, World, lived, send


@pytest.fixture(scope="module")
def world() -> World:
    return lived("views")


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[Serving]:
    with Serving(world.spec) as found:
        yield found


ROUTES: dict[str, type[BaseModel]] = {
    "/v1/status": answers.Status,
    "/v1/series?minutes=5": answers.Series,
    "/v1/metrics": answers.Metrics,
    "/v1/models": answers.Models,
    "/v1/drift": answers.Drift,
    "/v1/drift/amount": answers.SignalOfDrift,
    "/v1/alerts": alertanswers.Alerts,
    "/v1/silences": alertanswers.Silences,
    "/v1/dead-letters": alertanswers.DeadLetters,
    "/v1/audit": alertanswers.Audit,
}


@pytest.mark.parametrize("path", ROUTES)
def test_answers_are_as_described(server: Serving, path: str) -> None:
    """Every answer is what the API's description says, no field more or less; and the second is, too."""
    for _ in range(2):
        found = server.get(path)
        assert found.status == 200
        ROUTES[path].model_validate_json(found.body)


@pytest.mark.parametrize("path", [path for path in ROUTES if path[4:10] not in ("status", "series")])
def test_another_process_says_the_same(world: World, server: Serving, path: str) -> None:
    """Nothing is known by one server only: another one, started later, tells the same."""
    with Serving(world.spec) as other:
        assert other.get(path).json == server.get(path).json


def test_status(server: Serving) -> None:
    """Totals are those of the topics; nothing is behind; the alerts that fire are counted."""
    found = server.get("/v1/status").json
    totals = found["totals"]
    assert (totals["events"], totals["predictions"], totals["labels"]) == (EVENTS + 8, EVENTS, EVENTS)
    assert totals["dead_letters"] == 8
    assert found["lag"] == {"records": 0, "seconds": 0.0}
    assert found["latency_ms"]["p50"] >= 1_000
    assert found["model"]["task"] == "binary"
    assert sum(found["alerts"].values()) == server.get("/v1/alerts?status=firing").json["total"] > 0


def test_status_of_a_pipeline_that_falls_behind() -> None:
    """What is there and not taken is counted, and how long the first of it waits."""
    world = World("behind")
    with Serving(world.spec) as server:
        empty = server.get("/v1/status").json
        assert (empty["commit_age_seconds"], empty["snapshot"], empty["latency_ms"]["p50"]) == (None,) * 3
        world.feed(30)
        server.app.state.site.own._state.clear()  # as after a restart
        found = server.get("/v1/status").json
        assert found["lag"]["records"] == 60
        assert 19 < found["lag"]["seconds"] < 3_600


def test_series(world: World, server: Serving) -> None:
    """The steps hold all that was taken and predicted, and say how long it waited."""
    newest = world.log.read(world.spec.topic("predictions"), 0, EVENTS - 1).timestamps[0]
    while (found := server.get("/v1/series?minutes=15").json)["at_ms"][-1] <= newest:
        time.sleep(0.5)
    seconds = found["step_ms"] / 1000
    columns = [found[name] for name in ("at_ms", "events", "predictions", "lag_records", "latency_ms_p50")]
    assert len({len(column) for column in columns}) == 1
    assert found["complete"]
    assert sum(found["events"]) * seconds == pytest.approx(EVENTS + 8, abs=1)
    assert sum(found["predictions"]) * seconds == pytest.approx(EVENTS, abs=1)
    assert any(value is not None for value in found["latency_ms_p50"])


def test_metrics(server: Serving) -> None:
    """The curve covers all outcomes of a short topic, and agrees with the engine's own figure over all."""
    found = server.get("/v1/metrics?metric=accuracy").json
    assert found["events"][-1] == EVENTS
    counts = [b - a for a, b in zip([0, *found["events"]], found["events"], strict=False)]
    mean = sum(n * value for n, value in zip(counts, found["values"], strict=True)) / EVENTS
    assert mean > 0.9
    assert {"life", "500"} <= set(found["latest"])
    assert any(mark["kind"] == "drift" and "amount" in mark["text"] for mark in found["marks"])


def test_the_curve_is_what_outcomes_say(world: World, server: Serving) -> None:
    """Counted by hand from the topic."""
    values = world.log.read(world.spec.topic("outcomes"), 0, 0, 256).values
    hits = [msgspec.json.decode(value or b"")["correct"] for value in values]
    assert server.get("/v1/metrics").json["values"][0] == pytest.approx(sum(hits) / 256)


def test_another_version() -> None:
    """Where the spec changed is told by curve, model and audit; it is found among many commits."""
    world = World("versions", drift=None)
    world.feed(150)
    world.work(limit=3)
    assert len(world.stage.entries()) > 40
    world.feed(5)
    world.change(drift=None, model={"use": "naive_bayes"})
    first = next(entry for entry in world.stage.entries() if entry.spec == world.spec.fingerprint)
    world.feed(5)
    world.work()
    with Serving(world.spec) as server:
        (mark,) = (each for each in server.get("/v1/metrics").json["marks"] if each["kind"] == "version")
        assert mark["id"] == f"0-{first.seq - 1}"
        assert server.get("/v1/models").json["models"][0]["since_ms"] == mark["at_ms"]
        told = [each for each in server.get("/v1/audit").json["entries"] if each["what"] == "spec changed"]
        assert [(each["place"], each["detail"]["fresh"]) for each in told] == [
            (f"journal/{mark['id']}", True)
        ]


def test_an_unknown_metric(server: Serving) -> None:
    """It is told which there are."""
    found = server.get("/v1/metrics?metric=acuracy")
    assert found.status == 422
    assert 'did you mean "accuracy"' in found.json["detail"]


def test_models(server: Serving) -> None:
    """Today one variant, with what its shards have counted."""
    (found,) = server.get("/v1/models").json["models"]
    assert (found["variant"], found["stage"], found["share"]) == ("main", "live", 1.0)
    assert 500 <= found["predictions"] <= EVENTS


def test_drift(server: Serving) -> None:
    """The loudest first; filters leave what they say; the state follows records behind the snapshot."""
    found = server.get("/v1/drift").json
    assert found["watching"]
    assert found["total"] == len(found["signals"]) == sum(found["counts"].values())
    assert found["as_of"]["behind_events"] >= 0
    amount = next(row for row in found["signals"] if row["signal"] == "amount")
    assert amount["state"] == "drifting"
    assert abs(amount["since"]["offset"] - 900) < 50
    assert server.get("/v1/drift?search=AMO").json["total"] == 1
    assert server.get("/v1/drift?state=warming").json["total"] == found["counts"]["warming"]
    assert len(server.get("/v1/drift?limit=2&offset=1").json["signals"]) == 2


def test_a_signal(server: Serving) -> None:
    """How it was and is spread, and its drift records whole."""
    found = server.get("/v1/drift/amount").json
    assert found["reference"]["n"] == 300
    assert abs(found["reference"]["figures"]["mean"] - 100) < 10
    for side in ("reference", "current"):
        assert sum(found["histogram"][side]) == pytest.approx(1.0, abs=0.02)
    assert found["drifts"][0]["signal"] == "amount"
    assert found["drifts"][0]["change"] == "mean"


@pytest.mark.parametrize("path", ["/v1/drift/amont", "/v1/alerts/0123456789abcdef", "/v1/alerts/xyz"])
def test_what_is_not_there(server: Serving, path: str) -> None:
    """404, and what there is instead."""
    found = server.get(path)
    assert found.status == 404
    assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/drift?state=loud",
        "/v1/alerts?status=burning",
        "/v1/alerts?limit=0",
        "/v1/dead-letters?reason=sad",
        "/v1/series?minutes=0",
    ],
)
def test_what_can_not_be_asked(server: Serving, path: str) -> None:
    """422, as a problem."""
    found = server.get(path)
    assert (found.status, found.headers["content-type"]) == (422, "application/problem+json")


def test_a_pipeline_without_drift() -> None:
    """Nothing is watched, and that is said."""
    world = World("undrifted", drift=None)
    with Serving(world.spec) as server:
        found = server.get("/v1/drift").json
        assert (found["watching"], found["signals"]) == (False, [])


def test_before_there_are_topics() -> None:
    """503 that says what to do, and no hang."""
    world = World("nothing")
    del world.log.state.topics[world.spec.topic("journal")]
    del world.log.state.records[world.spec.topic("journal")]
    with Serving(world.spec) as server:
        for path in ROUTES:
            assert server.get(path).status in (200, 404, 503), path
        told = server.get("/v1/status")
        assert (told.status, "`driftline doctor`" in told.json["detail"]) == (503, True)


def test_the_description_names_what_comes(server: Serving) -> None:
    """A program that writes clients finds the fields of every answer."""
    described = server.get("/openapi.json").json
    for path, kind in ROUTES.items():
        route = path.partition("?")[0].replace("/amount", "/{signal}")
        told = described["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert told["$ref"].endswith(f"/{kind.__name__}"), route
        assert set(described["components"]["schemas"][kind.__name__]["properties"]) == set(kind.model_fields)


# -- alerts --------------------------------------------------------------------------------------------


def drifting(server: Serving) -> dict[str, Any]:
    alerts = server.get("/v1/alerts?status=firing").json["alerts"]
    found: dict[str, Any] = next(each for each in alerts if each["labels"]["alertname"] == "Drift")
    return found


def test_an_alert(server: Serving) -> None:
    """With its history, and the whole record of the drift behind it."""
    alert = drifting(server)
    found = server.get(f"/v1/alerts/{alert['fingerprint']}").json
    alertanswers.AlertWithHistory.model_validate(found)
    assert found["history"][-1]["revision"] == alert["revision"]
    assert found["drift"]["signal"] == alert["labels"]["signal"]


def test_filters_of_alerts(server: Serving) -> None:
    """By status and severity; the total is of those that fit."""
    every = server.get("/v1/alerts").json
    assert server.get("/v1/alerts?severity=info").json["total"] == 0
    assert server.get("/v1/alerts?severity=warning,critical").json["total"] == every["total"]
    assert len(server.get("/v1/alerts?limit=1&offset=1").json["alerts"]) == 1


def test_alerts_that_come_and_go() -> None:
    """The newest state counts; what a tombstone removed is not there any more; nonsense is left out."""
    world = World("come")
    topic = world.spec.topic("alerts")

    def put(*alerts: Any) -> None:
        world.log.append(topic, 0, Rows([each.key for each in alerts], [each.json() for each in alerts]))

    with Serving(world.spec) as server:
        put(alert("a"), alert("b"))
        assert server.get("/v1/alerts").json["counts"]["firing"] == 2
        put(alert("a", status="resolved", revision=1))
        world.log.append(topic, 0, Rows([b"nonsense"], [b"{"]))
        found = server.get("/v1/alerts").json
        assert [each["status"] for each in found["alerts"]] == ["firing", "resolved"]
        history = server.get(f"/v1/alerts/{alert('a').fingerprint}").json["history"]
        assert [each["revision"] for each in history] == [0, 1]
        world.log.append(topic, 0, Rows([alert("b").key], [None]))
        book = next(
            each for kind, each in server.app.state.site.own._state["books"].items() if "Alerts" in str(kind)
        )
        server.get("/v1/alerts")
        book.book.again_at = 1.0  # as after ten seconds
        assert server.get("/v1/alerts").json["counts"]["firing"] == 0


def test_a_storm() -> None:
    """Of ten thousand alerts an answer holds as many as asked for, the worst first, and counts all."""
    world = World("storm")
    storm(world.log, world.spec.topic("alerts"), 10_000)
    with Serving(world.spec) as server:
        found = server.get("/v1/alerts").json
        assert (found["total"], found["counts"]["firing"], len(found["alerts"])) == (10_000, 3_334, 200)
        assert [each["time"] for each in found["alerts"][:2]] == [TIME + 9_999, TIME + 9_996]
        assert len(server.get("/v1/audit?limit=100").json["entries"]) == 100


# -- orders --------------------------------------------------------------------------------------------


def test_acknowledge_and_resolve(world: World, server: Serving) -> None:
    """The order lies on the topic, the worker takes it, and the alert says who did it and why."""
    alert = drifting(server)["fingerprint"]
    sent = send(server, f"/v1/alerts/{alert}/acknowledge", {"by": "ada", "why": "looking"})
    assert (sent.status, sent.json) == (202, {"sent": [{"partition": 0}]})
    assert world.orders()[-1] | {"do": "acknowledge", "alert": alert, "by": "ada"} == world.orders()[-1]
    audit = server.get("/v1/audit").json["entries"]
    assert audit[0]["detail"]["state"] == "waiting"
    world.work()
    found = server.get(f"/v1/alerts/{alert}").json
    assert (found["status"], found["by"], found["why"]) == ("acknowledged", "ada", "looking")
    assert send(server, f"/v1/alerts/{alert}/resolve").status == 202
    world.work()
    assert server.get(f"/v1/alerts/{alert}").json["status"] == "resolved"
    again = send(server, f"/v1/alerts/{alert}/acknowledge", {})
    assert again.status == 409
    told = server.get("/v1/audit").json["entries"]
    taken = {each["what"]: each["detail"]["state"] for each in told if each["place"].startswith("control")}
    assert taken == {"acknowledge": "taken", "resolve": "taken"}
    assert "alert acknowledged" in {each["what"] for each in told}


def test_silences() -> None:
    """Made, listed, taken by the worker, ended; each by an order."""
    world = World("silences", partitions=2)
    with Serving(world.spec) as server:
        asked = {
            "matchers": [{"name": "signal", "value": "am.*", "regex": True}],
            "for": "2h",
            "why": "works",
        }
        made = send(server, "/v1/silences", asked)
        alertanswers.SilenceSent.model_validate(made.json)
        assert (made.status, len(made.json["sent"])) == (202, 2)
        (found,) = server.get("/v1/silences").json["silences"]
        assert (found["id"], found["active"], found["why"]) == (made.json["id"], True, "works")
        assert send(server, f"/v1/silences/{found['id']}", method="DELETE").status == 202
        assert not server.get("/v1/silences").json["silences"][0]["active"]
        assert send(server, f"/v1/silences/{found['id']}", method="DELETE").status == 409
        assert send(server, "/v1/silences/nobody", method="DELETE").status == 404
        assert [each["do"] for each in world.orders()] == ["silence", "unsilence"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"name": "a", "value": "(", "regex": True}]}, "matchers"),
        ({"for": None}, "until"),
        ({"until": "2020-01-01T00:00:00Z", "for": None}, "over already"),
        ({"for": "soon"}, "duration"),
        ({"why": ""}, "why"),
        ({"wyh": "x"}, "wyh"),
    ],
)
def test_a_silence_that_can_not_be(server: Serving, wrong: dict[str, Any], word: str) -> None:
    """422 that says what is wrong, and nothing is sent."""
    asked = {"matchers": [{"name": "a", "value": "b"}], "for": "1h", "why": "works", **wrong}
    found = send(server, "/v1/silences", {key: value for key, value in asked.items() if value is not None})
    assert found.status == 422
    assert word in found.body.decode()


def test_rebaseline(world: World, server: Serving) -> None:
    """Sent to the shards that know the signals; an unknown one is refused."""
    sent = send(server, "/v1/rebaseline", {"signals": ["amount"], "why": "new prices"})
    assert (sent.status, sent.json["sent"]) == (202, [{"partition": 0}])
    assert world.orders()[-1]["signals"] == ["amount"]
    assert send(server, "/v1/rebaseline", {"signals": ["amont"], "why": "x"}).status == 404
    assert any(mark["kind"] == "rebaseline" for mark in server.get("/v1/metrics").json["marks"])


def test_a_body_that_is_no_json(server: Serving) -> None:
    """A form, as another site could send it, is refused."""
    assert server.post("/v1/rebaseline", {"why": "x"}).status == 415


# -- dead letters --------------------------------------------------------------------------------------


def test_dead_letters(server: Serving) -> None:
    """The newest first, with what was refused, why and from where; and by reason."""
    found = server.get("/v1/dead-letters").json
    assert (found["total"], found["reasons"]) == (8, {"wrong_type": 4, "out_of_range": 4})
    first = found["letters"][0]
    assert (first["reason"], first["key"], first["replayed"]) == ("out_of_range", None, False)
    assert '"far"' in first["value"]
    some = server.get("/v1/dead-letters?reason=wrong_type&limit=1&offset=3").json
    assert (some["total"], len(some["letters"])) == (4, 1)


def test_replay() -> None:
    """One by its place, then the rest by reason; what was sent again is known as such."""
    world = World("replay")
    world.stage.produce("events", {"id": "bad", "amount": "x"}, {"id": "worse", "amount": "y"})
    world.work()
    with Serving(world.spec) as server:
        assert send(server, "/v1/dead-letters/replay", {"all": True, "dry": True}).json["replayed"] == {
            "p.events": 2
        }
        done = send(server, "/v1/dead-letters/replay", {"places": ["0-0"]})
        alertanswers.Replayed.model_validate(done.json)
        assert done.json["replayed"] == {"p.events": 1}
        assert [each["replayed"] for each in server.get("/v1/dead-letters").json["letters"]] == [False, True]
        rest = send(server, "/v1/dead-letters/replay", {"reason": "wrong_type"}).json
        assert (rest["replayed"], rest["already"]) == ({"p.events": 1}, 1)
        assert send(server, "/v1/dead-letters/replay", {"places": ["0-99"]}).status == 404
        for wrong in ({}, {"all": True, "reason": "wrong_type"}, {"reason": "sad"}, {"places": ["x"]}):
            assert send(server, "/v1/dead-letters/replay", wrong).status == 422
