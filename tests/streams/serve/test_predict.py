"""Predictions by the API: those of the newest snapshot's model, and nothing changes by asking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors.memory import LOGS, MemoryLog
from streams.serve.models import Models
from tests.parts.serving import Serving
from tests.streams.keepers import KEY, Stage

KNOWN = {"id": "n1", "amount": 7.0, "age": 30}


class Kept:
    """A pipeline in memory, and its worker for a moment."""

    def __init__(self, name: str, **changes: Any) -> None:
        LOGS.pop(name, None)
        saved = {"snapshots": {"every_records": 100, "key": KEY.decode()}}
        self.stage = Stage(MemoryLog(name), transport=f"memory://{name}", **{**saved, **changes})
        self.events = 0

    def work(self, events: int) -> None:
        asyncio.run(self._work(events))

    async def _work(self, events: int) -> None:
        keeper = await self.stage.keeper().opened()
        self.stage.events(self.events, self.events + events)
        self.stage.labels(self.events, self.events + events)
        self.events += events
        await self.stage.settle(keeper, limit=50)
        await keeper.park()

    def lane(self, what: str) -> list[Any]:
        return [json.loads(value or b"") for _, value, _ in self.stage.lane(what)]


def differing(said: dict[str, Any], told: dict[str, Any]) -> set[str]:
    """Where an answer is another than the stream's own, but for what only a recorded event has."""
    names = (said.keys() | told.keys()) - {"prediction_id", "source", "event_time"}
    return {name for name in names if said.get(name, "nothing") != told.get(name, "nothing")}


@pytest.fixture(scope="module")
def kept() -> Kept:
    """A pipeline that has learned from some events."""
    found = Kept("predict", model={"use": "logistic_regression"}, partitions=1)
    found.work(250)
    return found


@pytest.fixture(scope="module")
def server(kept: Kept) -> Iterator[Serving]:
    """The API over it."""
    with Serving(kept.stage.spec) as server:
        yield server


BEGINNINGS: dict[str, dict[str, Any]] = {
    "classes": {"model": {"use": "logistic_regression"}},
    "auto": {"model": {"use": "auto"}},
    "anomalies": {"model": {"use": "gaussian_scorer"}},
    "series": {"model": {"use": "holt_winters"}, "forecast": {"of": "amount", "horizon": 2}, "labels": {}},
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_before_any_snapshot_it_says_what_the_first_event_gets(name: str) -> None:
    """The model as it begins, told as such; nobody has to wait for a worker."""
    empty = Kept(f"predict-empty-{name}", **BEGINNINGS[name])
    with Serving(empty.stage.spec) as server:
        assert server.get("/readyz").json == {"status": "ready"}
        said = [server.post("/v1/predict", {"event": KNOWN}).json for _ in range(2)]
        assert server.post("/v1/predict", {"entity": "n1"}).status == 404
        assert b"model_age_seconds" not in server.get("/metrics").body
    empty.stage.produce("events", KNOWN)
    empty.work(0)
    [told] = empty.lane("predictions")
    as_of = {"partition": 0, "offset": 0, "made_ms": None, "age_seconds": None, "behind_events": 0}
    for each in said:
        assert each.pop("as_of") == as_of
        assert not differing(each, told)


def test_the_first_snapshot_takes_the_place_of_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the same serving process, which has asked the untrained model before; so it does in OIP."""
    monkeypatch.setattr("streams.serve.models.FORGOTTEN_S", 0.0)
    kept = Kept("predict-first", model={"use": "logistic_regression"})
    tensor = {"name": "amount", "datatype": "FP64", "shape": [1], "data": [7.0]}
    found = []
    with Serving(kept.stage.spec) as server:
        for _ in range(2):
            as_of = server.post("/v1/predict", {"event": KNOWN}).json["as_of"]
            told = server.post("/v2/models/p/infer", {"inputs": [tensor]}).json["parameters"]
            found.append((as_of["offset"] > 0, as_of["age_seconds"] is not None, "age_seconds" in told))
            kept.work(250)
    assert found == [(False,) * 3, (True,) * 3]


def test_it_says_what_the_stream_says(kept: Kept, server: Serving) -> None:
    """All that the stream's own prediction tells of the same event, from the state that is saved."""
    kept.stage.produce("events", KNOWN)
    said = server.post("/v1/predict", {"event": KNOWN}).json
    kept.work(0)
    told = kept.lane("predictions")[-1]
    as_of = said.pop("as_of")
    assert not differing(said, told)
    assert (said["prediction_id"], said["source"]) == (None, None)
    assert as_of["behind_events"] == 1
    assert as_of["age_seconds"] >= 0


def test_many_are_predicted_alike(server: Serving) -> None:
    """In their order, each as if it were alone; asking changes nothing."""
    events = [{"id": f"m{n}", "amount": float(n)} for n in range(600)]
    many = server.post("/v1/predict", {"events": events}).json["predictions"]
    alone = [server.post("/v1/predict", {"event": each}).json for each in events[::200]]
    assert [each["event_id"] for each in many] == [each["id"] for each in events]
    assert [each["score"] for each in alone] == [each["score"] for each in many[::200]]


def test_recorded_events_have_a_place(kept: Kept, server: Serving) -> None:
    """The event lies in its topic, and the answer has the id of the stream's own prediction."""
    before = kept.stage.log.bounds("p.events")[0][1]
    said = server.post("/v1/predict", {"event": {**KNOWN, "id": "rec"}, "record": True}).json
    assert said["source"] == {"topic": "p.events", "partition": 0, "offset": before}
    assert said["prediction_id"] == f"p.events-0-{before}"
    assert kept.stage.log.bounds("p.events")[0][1] == before + 1


def test_an_entity_is_known_by_its_newest_event(server: Serving) -> None:
    """Its features come from the snapshot, and are predicted again."""
    known = server.get("/v1/entities/e7").json
    assert known["features"] == {"amount": 7.0}
    assert (known["source"], known["prediction"]["event_id"]) == ("snapshot", "e7")
    said = server.post("/v1/predict", {"entity": "e7"}).json
    assert said["score"] == server.post("/v1/predict", {"event": {"id": "x", "amount": 7.0}}).json["score"]
    assert server.get("/v1/entities/nobody").status == 404
    assert server.post("/v1/predict", {"entity": "nobody"}).status == 404


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        ({}, 422, "missing_field"),
        ({"evnt": {}}, 400, "malformed"),
        ({"event": {"id": "1"}}, 422, "missing_field"),
        ({"event": {"id": "1", "amount": 5000}}, 422, "out_of_range"),
        ({"event": {"id": "1", "amount": 1, "age": {}}}, 422, "wrong_type"),
        ({"events": [KNOWN, 5]}, 422, "wrong_type"),
        (b'{"event": ' + b"[" * 9999 + b"]" * 9999 + b"}", 400, "malformed"),
        (b'{"event": {"id": "1", "x": ' + b"[" * 50 + b"]" * 50 + b"}}", 422, "too_deep"),
        ({"entity": "e7", "record": True}, 422, "malformed"),
    ],
)
def test_what_does_not_fit_is_told(server: Serving, body: Any, status: int, reason: str) -> None:
    """In the words of dead letters."""
    answer = server.post("/v1/predict", body)
    assert (answer.status, answer.json["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_newer_snapshot_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for as long as somebody asks."""
    monkeypatch.setattr("streams.serve.models.REFRESH_S", 0.0)
    monkeypatch.setattr("streams.serve.models.FORGOTTEN_S", 0.0)
    kept = Kept("predict-newer", model={"use": "logistic_regression"})
    kept.work(200)
    with Serving(kept.stage.spec) as server:
        first = server.post("/v1/predict", {"event": KNOWN}).json["as_of"]
        kept.work(200)
        second = server.post("/v1/predict", {"event": KNOWN}).json["as_of"]
    assert second["offset"] > first["offset"]


def test_a_snapshot_of_another_spec_is_told(kept: Kept) -> None:
    """As long as no worker has begun anew under the spec that is served."""
    other = kept.stage.spec.model_copy(
        update={"model": kept.stage.spec.model.model_copy(update={"use": "alma"})}
    )
    with Serving(other) as server:
        answer = server.post("/v1/predict", {"event": KNOWN})
    assert (answer.status, answer.json["reason"]) == (503, "no_snapshot")
    assert "another spec" in answer.json["detail"]


def test_windows_are_looked_at(server: Serving) -> None:
    """Features over windows see what the snapshot remembers, and are not moved by questions."""
    windows = ["amount", {"name": "n", "agg": "count", "of": "amount", "by": "id", "over": "365d"}]
    kept = Kept("predict-windows", model={"use": "logistic_regression"}, features=windows)
    kept.work(150)
    with Serving(kept.stage.spec) as server:
        said = [server.post("/v1/predict", {"event": {"id": "e5", "amount": 5.0}}).json for _ in range(2)]
        assert said[0]["score"] == said[1]["score"]
        assert server.get("/v1/entities/e5").json["features"] == {"amount": 5.0, "n": 1.0}


def test_a_model_is_asked_for_only_where_it_is(kept: Kept) -> None:
    """Nothing is loaded before somebody asks."""
    with Serving(kept.stage.spec) as server:
        models: Models = server.app.state.site.models
        assert models.standings == {}
        assert server.get("/v1/whoami").status == 200
        assert models.standings == {}
        assert models.age_s() is None


def test_it_is_ready_once_there_is_a_model(server: Serving) -> None:
    """And tells how old the model is that it asks."""
    assert server.get("/readyz").json == {"status": "ready"}
    server.post("/v1/predict", {"event": KNOWN})
    assert b'driftline_serve_state{pipeline="p",what="model_age_seconds"}' in server.get("/metrics").body


def test_events_of_the_same_moment_are_answered_each_for_itself(server: Serving) -> None:
    """Those that fit get what they get alone, those that do not an error of their own."""

    def ask(number: int) -> Any:
        event = {"id": f"t{number}", "amount": float(number) if number % 5 else "much"}
        return server.post("/v1/predict", {"event": event})

    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(ask, range(100)))
    assert [answer.status for answer in told] == [422 if n % 5 == 0 else 200 for n in range(100)]
    fine = [n for n in range(100) if n % 5]
    assert [told[n].json["event_id"] for n in fine] == [f"t{n}" for n in fine]
    assert (
        told[7].json["score"]
        == server.post("/v1/predict", {"event": {"id": "x", "amount": 7.0}}).json["score"]
    )
