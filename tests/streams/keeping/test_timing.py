"""What is too slow is seen: counted, said, and where it never ends, ended."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.log import Batch
from engine.shard import Shard
from streams.keeping.hang import Hang
from streams.keeping.timing import SLOW_S, Timing
from tests.engine.cases import batch, event, spec
from tests.parts.waiting import until

ROOT = Path(__file__).resolve().parents[3]

PART = batch("p.events", [event("a"), event("b")])


def test_the_models_share_is_counted() -> None:
    """Predicting and learning, in the event and later; what comes out is what it was."""
    timing, plain = Timing(), Shard(spec(), 0)
    watched = timing.watched(Shard(spec(), 0))
    assert watched.walk(PART).predictions.values == plain.walk(PART).predictions.values
    first = timing.model_seconds
    watched.walk(batch("p.labels", [{"event_id": "a", "label": True}]))
    assert 0 < first < timing.model_seconds
    again = Shard.thaw(watched.spec, 0, b"".join(watched.freeze()))
    assert again.digest() == watched.digest()


def test_a_forecasters_share_is_counted() -> None:
    """Its series are advanced, not run."""
    fields = {"id": {"type": "text"}, "amount": {"type": "number"}}
    given = {"model": {"use": "holt_winters"}, "forecast": {"of": "amount"}}
    timing = Timing()
    timing.watched(Shard(spec(events={"id": "id", "fields": fields}, **given), 0)).walk(PART)
    assert timing.model_seconds > 0


def test_a_slow_record_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Once in a while, with its place; quick ones are not."""
    timing = Timing()
    with caplog.at_level(logging.WARNING, "driftline"):
        timing.end(PART, time.perf_counter() - SLOW_S)
        assert not caplog.records
        for _ in range(3):
            timing.end(PART, time.perf_counter() - 2.5 * SLOW_S)
    assert [r.getMessage().partition(" took")[0] for r in caplog.records] == ["p.events-0, offsets 0 to 1"]
    assert timing.slowest_seconds > SLOW_S


class Held(Hang):
    """A hang that never ends the process of the tests."""

    def beat(self) -> None:
        self.beaten = time.monotonic()


def at_hand() -> Iterator[tuple[Batch, float]]:
    yield PART, time.perf_counter() - 30


def test_what_was_at_hand_is_said_before_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Half-way to the end, once for each time that the loop does not come round."""
    hang = Held(5.0, at_hand)
    hang.limit = 0.1
    with caplog.at_level(logging.ERROR, "driftline"):
        hang.start()
        until(lambda: caplog.records)
        time.sleep(0.5)  # for a second one
        hang.over.set()
        hang.thread.join()
    assert len(caplog.records) == 1
    assert "p.events-0, offsets 0 to 1 has not come back for 30 s" in caplog.text


HANGS = """
import time
from streams.keeping import hang
hang.LEAST_S = 2.0
watch = hang.Hang(0.0, lambda: ())
watch.start()
if {beats}:
    for _ in range(5):
        time.sleep(0.5)
        watch.beat()
    watch.stop()
    time.sleep(2.2)
else:
    sum(1 for _ in iter(int, 1))
"""


@pytest.mark.parametrize("beats", [True, False])
def test_a_loop_that_hangs_is_ended(beats: bool) -> None:
    """Exit code 1, and where it stood on stderr; one that comes round in time, or was stopped, lives on."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS.format(beats=beats)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == (0 if beats else 1)
    assert ("Timeout" in done.stderr) is not beats
