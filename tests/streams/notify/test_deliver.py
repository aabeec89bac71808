"""Delivery from the topic of alerts to a real HTTP server, on the log in memory."""

from __future__ import annotations

import base64
import hmac
import itertools
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors import open_log
from connectors.log import Log, Rows
from connectors.webhook import key_of, signature
from engine.spec import Spec
from streams import topics
from streams.deadletters import Replay, letters
from streams.notify.counts import exposition
from tests.parts.delivering import Delivering
from tests.parts.hook import Got, Hook
from tests.parts.waiting import until
from tests.streams.notify.alerts import alert, deliveries, over, publish, spec
from tests.test_docs import README

NAMES = itertools.count()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver."""
    with Hook() as server:
        yield server


@pytest.fixture
def at() -> str:
    """A log in memory that nobody else has."""
    return f"memory://delivery-{next(NAMES)}"


def made(of: Spec) -> Log:
    log = open_log(of.transport)
    topics.create(log, of)
    return log


def features(got: Got) -> set[str]:
    return {each["labels"]["feature"] for each in got.message["alerts"]}


def test_a_webhook_is_told_and_signed(hook: Hook, at: str) -> None:
    """One message, which is from us to the last byte, and counted."""
    log = made(asked := spec(at, hook.url))
    with Delivering(asked) as delivering:
        publish(log, alert())
        (got,) = hook.wait(1)
        until(lambda: delivering.counts.outcomes["oncall", "sent"] == 1)
        told = exposition(delivering.counts).decode()
    wanted = signature(key_of("whsec_c2VjcmV0"), got.id, got.headers["webhook-timestamp"], got.body)
    assert got.headers["webhook-signature"] == wanted
    assert got.headers["content-type"] == "application/json"
    assert 'driftline_notifications_total{outcome="sent",pipeline="p",receiver="oncall"} 1.0' in told
    assert 'driftline_notification_seconds_count{pipeline="p",receiver="oncall"} 1.0' in told


def test_readme_tells_how_to_verify(hook: Hook, at: str) -> None:
    """Its lines take what comes from us, and nothing that was changed, or is old."""
    found = re.search(r"^```python\n(# key: .*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    known: dict[str, Any] = {"base64": base64, "hmac": hmac, "time": time}
    exec(found[1], known)
    log = made(asked := spec(at, hook.url))
    with Delivering(asked):
        publish(log, alert())
        (got,) = hook.wait(1)
    old = {**got.headers, "webhook-timestamp": "1769590800"}
    cases = [(b"secret", got.headers, got.body), (b"other", got.headers, got.body)]
    cases += [(b"secret", got.headers, got.body + b" "), (b"secret", old, got.body)]
    assert [known["is_ours"](*case) for case in cases] == [True, False, False, False]


@pytest.mark.parametrize("answer", [500, 429, "hang", "close"])
def test_what_was_not_taken_is_sent_again(hook: Hook, at: str, answer: int | str) -> None:
    """The same message under the same name, whatever went wrong."""
    log = made(asked := spec(at, hook.url, receiver={"timeout": "1s"} if answer == "hang" else {}))
    hook.answers = [answer, answer]
    with Delivering(asked):
        publish(log, alert())
        got = hook.wait(3)
        until(lambda: any(entry.get("status") == "sent" for entry in deliveries(log, asked).values()))
    assert len({(each.id, each.body) for each in got}) == 1
    assert len(got) == 3


def test_retry_after_is_honoured(hook: Hook, at: str) -> None:
    """Whoever asks for a second gets a second."""
    log = made(asked := spec(at, hook.url))
    hook.answers, hook.headers = [503], {"Retry-After": "2"}
    with Delivering(asked):
        publish(log, alert())
        first, second = hook.wait(2)
    assert second.at - first.at >= 2


@pytest.mark.parametrize("answer", [400, 404, 302])
def test_what_is_refused_becomes_a_dead_letter(
    hook: Hook, at: str, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It says what, where and why, but not the address; sent again, it arrives with its old name."""
    log = made(asked := spec(at, hook.url))
    hook.answers, hook.headers = [answer], {"Location": hook.url}
    with caplog.at_level(logging.INFO), Delivering(asked) as delivering:
        publish(log, alert())
        until(lambda: delivering.counts.outcomes["oncall", "dead"] == 1)
        until(lambda: len(list(letters(log, asked))) == 1)
        (dead,) = letters(log, asked)
        replay(log, asked)
        first, again = hook.wait(2)
        until(lambda: deliveries(log, asked)[f"again/{first.id}"]["status"] == "sent")
        replay(log, asked)
    assert (dead.reason, f"answered {answer}" in dead.message) == ("delivery_failed", True)
    assert (again.id, again.body, len(hook.got)) == (first.id, first.body, 2)
    assert not [line for line in (dead.message, caplog.text) if "secret-path" in line or "c2VjcmV0" in line]


def replay(log: Log, of: Spec) -> None:
    """As `driftline dead-letters replay` does."""
    Replay(log, of, lambda letter: letter.reason == "delivery_failed").run()


def test_who_is_away_holds_up_nobody(hook: Hook, at: str) -> None:
    """A receiver that hangs, beside one that answers."""
    receivers = {"oncall": {"webhook": hook.url}, "away": {"webhook": "http://127.0.0.1:9", "timeout": "5s"}}
    with Hook() as slow:
        slow.answers = ["hang"] * 9
        receivers["slow"] = {"webhook": slow.url, "timeout": "90s"}
        log = made(asked := spec(at, hook.url, receivers=receivers))
        with Delivering(asked):
            began = time.monotonic()
            publish(log, alert())
            hook.wait(1)
            publish(log, alert(feature="age"))
            hook.wait(2)
            assert time.monotonic() - began < 60


def test_nothing_is_told_twice_after_a_restart(hook: Hook, at: str) -> None:
    """What was told stays told; what came and went meanwhile is told; and only that."""
    log = made(asked := spec(at, hook.url))
    with Delivering(asked):
        publish(log, alert())
        hook.wait(1)
    publish(log, alert(revision=1), alert(feature="age"), over(alert(feature="age")))
    with Delivering(asked):
        hook.wait(2)
        publish(log, over(alert()))
        hook.wait(3)
    assert [features(got) for got in hook.got] == [{"amount"}, {"age", "amount"}, {"amount"}]
    assert [each["status"] for each in hook.got[1].message["alerts"]] == ["resolved", "firing"]


def test_records_of_what_is_gone_are_deleted(hook: Hook, at: str) -> None:
    """The topic of deliveries is as small as that of alerts."""
    log = made(asked := spec(at, hook.url))
    with Delivering(asked):
        publish(log, alert())
        hook.wait(1)
    assert len(deliveries(log, asked)) == 2
    log.append("p.alerts", 0, Rows([alert().key], [None]))
    with Delivering(asked):
        until(lambda: list(deliveries(log, asked)) == ["since/oncall"])


def test_strange_records_are_passed_over(hook: Hook, at: str) -> None:
    """What is no alert is logged, and holds up nobody."""
    log = made(asked := spec(at, hook.url))
    log.append("p.deliveries", 0, Rows([b"oncall/1", b"since/oncall"], [b"nonsense", b"{}"]))
    with Delivering(asked):
        log.append("p.alerts", 0, Rows([b"a", b"b"], [b"nonsense", b'{"status": "firing"}']))
        publish(log, alert())
        assert features(hook.wait(1)[0]) == {"amount"}
