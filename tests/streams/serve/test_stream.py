"""Events as they come, over a connection that stays open."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.log import Rows
from streams.serve import tokens
from streams.serve.views import alertanswers, answers, hub
from tests.parts.serving import Serving
from tests.parts.waiting import until
from tests.streams.serve.listening import Listener
from tests.streams.serve.storm import alert
from tests.streams.serve.world import World


def fire(world: World, *signals: str, **changes: Any) -> None:
    alerts = [alert(signal, **changes) for signal in signals]
    rows = Rows([each.key for each in alerts], [each.json() for each in alerts])
    world.log.append(world.spec.topic("alerts"), 0, rows)


@pytest.fixture(scope="module")
def world() -> World:
    return World("stream")


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[Serving]:
    with Serving(world.spec) as found:
        yield found


def test_it_tells_what_comes(world: World, server: Serving) -> None:
    """The status at once; then an alert and a prediction as they are written."""
    with Listener(server) as listener:
        assert listener.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        answers.Status.model_validate(listener.first("status"))
        fire(world, "amount")
        found = listener.first("alert")
        assert alertanswers.Alert.model_validate(found).labels["signal"] == "amount"
        world.feed(30)
        world.work()
        told, found = 0, {"prediction_id": ""}
        while not found["prediction_id"].endswith("-29"):
            found = listener.first("prediction")
            assert found["recorded_ms"] > 0
            told += 1 + found["skipped"]
        assert told == 30


def test_only_what_was_asked_for(world: World, server: Serving) -> None:
    """A client that wants the status hears nothing else."""
    with Listener(server, "?topics=status") as listener:
        events = listener.events()
        next(events)
        fire(world, "other")
        assert [next(events)[0] for _ in range(2)] == ["status", "status"]


def test_who_comes_later_hears_no_older_ones(world: World, server: Serving) -> None:
    """Also where those who were there before did not want alerts."""
    with Listener(server, "?topics=status") as first:
        next(first.events())
        fire(world, "before")
        for _, _ in zip(range(2), first.events(), strict=False):
            pass
        with Listener(server, "?topics=alerts") as listener:
            fire(world, "after")
            assert listener.first("alert")["labels"]["signal"] == "after"


@pytest.mark.parametrize("way", ["header", "query"])
def test_coming_back(world: World, server: Serving, way: str) -> None:
    """Who names the last event is told the alerts that came since, and no older ones."""
    with Listener(server) as listener:
        listener.first("status")
    fire(world, f"missed-{way}")
    query, headers = (
        ("", {"Last_Event_ID": listener.id}) if way == "header" else (f"?after={listener.id}", {})
    )
    with Listener(server, query, **headers) as again:
        assert again.first("alert")["labels"]["signal"] == f"missed-{way}"


def test_an_alert_is_told_once(world: World, server: Serving) -> None:
    """Also to who comes back before the others have heard of it."""
    with Listener(server) as first:
        first.first("status")
        fire(world, "once")
        with Listener(server, "?topics=alerts,status", Last_Event_ID=first.id) as again:
            told = itertools.takewhile(lambda each: each[0] == "alert", again.events())
            assert [data["labels"]["signal"] for _, data in told] == ["once"]


def test_another_server_goes_on(world: World, server: Serving) -> None:
    """The id means the same to every server, also to one that was started later."""
    with Listener(server) as listener:
        listener.first("status")
    fire(world, "elsewhere")
    with Serving(world.spec) as other, Listener(other, Last_Event_ID=listener.id) as again:
        assert again.first("alert")["labels"]["signal"] == "elsewhere"


def test_coming_back_after_a_long_time() -> None:
    """Of very many alerts the newest are told, and how many there were besides; predictions are counted."""
    world = World("stream-long")
    with Serving(world.spec) as server:
        with Listener(server) as listener:
            listener.first("status")
        until(lambda: not server.app.state.site.own.hub.clients)
        world.feed(40)
        world.work()
        fire(world, *(f"many{i}" for i in range(hub.MISSED_MAX + 7)))
        with Listener(server, Last_Event_ID=listener.id) as again:
            assert "7 more alerts" in again.first("problem")["detail"]
            alerts = [data for name, data in itertools.islice(again.events(), hub.MISSED_MAX)]
            assert alerts[-1]["labels"]["signal"] == f"many{hub.MISSED_MAX + 6}"
            world.feed(10)
            world.work()
            assert again.first("prediction")["skipped"] >= 40


def test_what_fails_in_the_reader_ends_the_streams(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is left waiting for ever, and the log says why."""
    with Serving(world.spec) as server, Listener(server) as listener:
        listener.first("status")
        server.app.state.site.own.hub.status = None  # which no log error tells of
        assert len(list(listener.events())) < 100
    assert "the stream's reader failed" in caplog.text


@pytest.mark.parametrize("query", ["?topics=gossip", "?after=yesterday", "?after=a0.1p0.x"])
def test_what_can_not_be_heard(server: Serving, query: str) -> None:
    """422, as a problem, before any stream begins."""
    with Listener(server, query) as listener:
        assert listener.answer.status == 422


def test_who_is_slow_is_let_go() -> None:
    """A client's queue is bounded: when it is full nothing waits for it any more."""
    client = hub.Client({"status"}, None)
    for _ in range(hub.WAITING_MAX + 1):
        client.offer(b"x")
    assert client.is_over
    assert client.waiting.qsize() == 1
    assert client.waiting.get_nowait() is None


def test_nothing_is_read_while_nobody_listens(server: Serving) -> None:
    """The reader ends with the last client."""
    with Listener(server) as listener:
        listener.first("status")
    found = server.app.state.site.own.hub
    until(found.task.done)
    assert not found.clients


def test_it_ends_with_the_server(world: World) -> None:
    """A stream that is open does not keep the process."""
    with Serving(world.spec) as other:
        listener = Listener(other)
        listener.first("status")
    assert not other.thread.is_alive()
    listener.__exit__()


def test_a_token_is_needed(tmp_path: Path) -> None:
    """As for everything that can be read."""
    secret, token = tokens.made("eve", ("label",), None)
    tokens.write(tmp_path / "tokens.json", [token])
    world = World("stream-tokens", serve={"tokens": str(tmp_path / "tokens.json")})
    with Serving(world.spec) as server:
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {secret}"}, 403)):
            with Listener(server, **headers) as listener:
                assert listener.answer.status == status


def test_an_idle_stream_is_thin(server: Serving) -> None:
    """What a page is sent in a minute in which nothing happens, by what it is sent in two seconds."""
    with Listener(server) as listener:
        sizes = [len(json.dumps(data)) for _, (name, data) in zip(range(3), listener.events(), strict=False)]
        assert max(sizes) * 60 < 100_000
