"""`driftline run` starts what serves the API beside itself, and neither hangs on the other's fate."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.faults.harness import Place, Worker
from tests.integration.pipeline import Pipeline
from tests.streams.test_children import runs

pytestmark = pytest.mark.integration

WAIT_S = 30.0


@pytest.fixture
def pipeline(on_sqlite: Place) -> Pipeline:
    return Pipeline(on_sqlite, {"serve": {"port": 0}})


@pytest.fixture
def worker(pipeline: Pipeline) -> Iterator[Worker]:
    with Worker(pipeline.path, beside=True) as started:
        yield started


def address(worker: Worker, after: float = 0.0) -> str:
    """Where the API is, as the log tells."""
    return urlsplit(worker.wait(" on http://", after=after).text.rpartition(" ")[2]).netloc


def answers(place: str) -> bool:
    """Whether there is a health route that says so."""
    connection = HTTPConnection(place, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def silent(place: str) -> bool:
    """Whether nobody answers there any more, within a while."""
    deadline = time.monotonic() + WAIT_S
    while answers(place):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_it_serves_until_the_worker_stops(worker: Worker) -> None:
    """The API is there with the worker, and gone when the worker has ended."""
    place = address(worker)
    assert answers(place)
    assert worker.stop() == 0
    assert not answers(place)


def test_it_goes_with_a_worker_that_is_killed(worker: Worker) -> None:
    """Nothing is left behind, not even by SIGKILL."""
    place = address(worker)
    assert answers(place)
    worker.send(signal.SIGKILL)
    assert silent(place)


def test_alerts_are_delivered_beside_it(on_sqlite: Place) -> None:
    """Where somebody is to be told; it goes with the worker, too."""
    told = {"notify": {"receivers": {"oncall": {"webhook": "http://127.0.0.1:1/"}}}, "serve": {"port": None}}
    with Worker(Pipeline(on_sqlite, told).path, beside=True) as worker:
        worker.wait("delivering alerts of")
        (delivering,) = [int(line.text.rpartition(" ")[2]) for line in worker.said("runs as process")]
        worker.send(signal.SIGKILL)
        deadline = time.monotonic() + WAIT_S
        while runs(delivering):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_scoring_goes_on_when_it_is_killed(pipeline: Pipeline, worker: Worker) -> None:
    """The worker starts it again, and loses nothing meanwhile."""
    first = address(worker)
    serving = int(worker.wait("serve runs as process").text.rpartition(" ")[2])
    pipeline.feed(500)
    began = time.time()
    os.kill(serving, signal.SIGKILL)
    worker.wait("serve ended by signal 9; starting it again in 1 s", after=began)
    pipeline.feed(500)
    pipeline.wait(worker)
    second = address(worker, after=began)
    assert (answers(first), answers(second)) == (first == second, True)
    assert worker.stop() == 0
    assert len(pipeline.records("predictions")) == 1_000
