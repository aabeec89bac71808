"""How many predictions does the API give beside a busy worker, and what does all of it cost the worker?

    python -m benchmarks.api --json

The pipeline of `benchmarks.end_to_end` on SQLite, on the cores that there are. `wrk` has to be there.

requests_per_second   POST /v1/predict with one event each, to one serving process by 16 connections, while a
                      worker scores at half of its capacity, which was measured before. Each connection pauses
                      for 2 to 8 ms after an answer, as callers with something else to do: some 2,000 a second
latency_ms_p99        of these requests
most_...              the same without pauses: as many as there can be, and what they have to wait then
worker_ratio          the worker's speed while it judges alerts, is scraped each second, and a page shows its
                      stream, over its speed without any of that; in turns, the median
worker_cpu_ratio      the same of events for each second of the worker's own processor time, however busy the
                      machine is
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.blocks import fill
from benchmarks.end_to_end import taken, timestamps, wait_for
from connectors import open_log
from engine.spec import Spec
from tests.faults.harness import (
    COMMAND,
    Place,
    Program,
    Worker,
    make_topics,
    median,
    obey_signals,
    options,
    place,
    read_spec,
    report,
    say,
    write_spec,
)
from tests.faults.load import FEATURES
from tests.parts.processes import free_port

CONNECTIONS = 16
SETTINGS: dict[str, Any] = {
    "events": {"id": None, "key": None, "fields": {name: {"type": "number"} for name in FEATURES}},
    "labels": {"in_event": "y"},
}
ALERTS = [
    {"when": "accuracy < 0.5", "over": 1000, "at_least": 200},
    {"when": "missing of x1 > 5%", "over": 1000},
    {"when": "error_rate rises 20%", "over": "1h"},
    {"when": "lag > 100000000", "for": "1m"},
]
LUA = """
local events = {}
for n = 1, 64 do
  local x = {}
  for i = 0, 7 do x[#x + 1] = string.format('"x%d": %.3f', i, math.sin(n * 8 + i)) end
  events[n] = wrk.format("POST", "/v1/predict", {Host = "localhost", ["Content-Type"] = "application/json"},
    '{"event": {' .. table.concat(x, ", ") .. '}}')
end
local at = 0
PAUSES
request = function() at = at % 64 + 1; return events[at] end
done = function(summary, latency, requests)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write
  wrong = wrong + summary.errors.status + summary.errors.timeout
  io.write(string.format("FIGURES %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), wrong))
end
"""


PAUSES = "delay = function() return math.random(2, 8) end"


class Asked(NamedTuple):
    """What the load generator saw."""

    per_second: float
    p50_ms: float
    p99_ms: float
    wrong: int


def prepare(at: Place, **changes: Any) -> tuple[Path, Spec]:
    path = write_spec(at, {**SETTINGS, **changes})
    spec = read_spec(path)
    make_topics(spec)
    return path, spec


@contextlib.contextmanager
def served(path: Path) -> Iterator[None]:
    """`driftline serve`, for as long as the `with` lasts."""
    command = [str(COMMAND), "serve", "--spec", str(path), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=path.parent) as process:
        try:
            yield
        finally:
            process.terminate()


# -- predictions -------------------------------------------------------------------------------------


def predictions(at: Place, capacity: float, seconds: int) -> tuple[Asked, Asked, float]:
    """What the API gives beside a worker at half its capacity, with pauses and without; and the worker."""
    port = free_port()
    path, spec = prepare(at, serve={"port": port, "requests_per_minute": 10**9}, snapshots={"every": "5s"})
    log, (half, life) = open_log(at.url), (capacity / 2, 2 * seconds + 40)
    feed = ("benchmarks.blocks", at.url, spec.topic("events"), str(half), str(life))
    with contextlib.ExitStack() as stack:
        stack.enter_context(Worker(path, level="info"))
        stack.enter_context(Program(*feed))
        stack.enter_context(served(path))
        until_it_predicts(port)
        time.sleep(5)  # its kernels
        first, began = taken(log, spec), time.monotonic()
        found, most = wrk(at, port, seconds, PAUSES), wrk(at, port, seconds, "")
        rate = (taken(log, spec) - first) / (time.monotonic() - began)
    log.close()
    return found, most, rate


def until_it_predicts(port: int, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    event = msgspec.json.encode({"event": dict.fromkeys(FEATURES, 0.5)})
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("POST", "/v1/predict", event)
            if line.getresponse().status == 200:
                return
        time.sleep(0.5)
    raise TimeoutError(f"no prediction within {limit:.0f} s")


def wrk(at: Place, port: int, seconds: int, pauses: str) -> Asked:
    script = at.folder / "predict.lua"
    script.write_text(LUA.replace("PAUSES", pauses))
    url = f"http://127.0.0.1:{port}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    count, us, p50, p99, wrong = map(int, said.partition("FIGURES ")[2].split())
    return Asked(count / us * 1e6, p50 / 1000, p99 / 1000, wrong)


# -- the worker --------------------------------------------------------------------------------------


class Speed(NamedTuple):
    """Of a worker: events a second, and for each second of its processor time."""

    rate: float
    cpu: float


def speed(at: Place, events: int, watched: bool) -> Speed:
    """A worker's over a topic that was filled before; perhaps with all eyes on it."""
    ports = free_port(), free_port()
    changes: dict[str, Any] = {}
    if watched:
        changes = {"http": {"port": ports[0]}, "serve": {"port": ports[1]}, "alerts": ALERTS}
    path, spec = prepare(at, **changes)
    log = open_log(at.url)
    fill(log, spec.topic("events"), events)
    with contextlib.ExitStack() as stack:
        if watched:
            stack.enter_context(served(path))
            stack.enter_context(looking(*ports))
            time.sleep(3)  # until it is up: that is not the worker's time
        worker = stack.enter_context(Worker(path, level="info"))
        cpu_us = wait_for(log, spec, events, 60 + events / 2_000, worker)
        worker.stop()
    stamps = timestamps(log, spec.topic("predictions"))
    log.close()
    half = stamps[len(stamps) // 2]
    rate = sum(stamp > half for stamp in stamps) / ((stamps[-1] - half) / 1000)
    return Speed(rate, 1e6 / cpu_us)


@contextlib.contextmanager
def looking(metrics: int, api: int) -> Iterator[None]:
    """A scrape each second, and a page that is open."""
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(1.0):
            with contextlib.suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection("127.0.0.1", metrics, timeout=5)
                line.request("GET", "/metrics")
                line.getresponse().read()

    def show() -> None:
        while not over.wait(0.5):
            with contextlib.suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection("127.0.0.1", api, timeout=5)
                line.request("GET", "/v1/stream")
                answer = line.getresponse()
                while not over.is_set() and answer.read1(65536):
                    pass

    threads = [threading.Thread(target=each, daemon=True) for each in (scrape, show)]
    for thread in threads:
        thread.start()
    yield
    over.set()


# -- all ---------------------------------------------------------------------------------------------


def run(events: int, seconds: int, times: int) -> dict[str, Any]:
    speeds: dict[bool, list[Speed]] = {True: [], False: []}
    with place("sqlite") as at:
        for turn in range(times):
            for watched in (True, False) if turn % 2 else (False, True):
                speeds[watched].append(speed(at, events, watched))
            say(f"{speeds[True][-1].rate:,.0f} of {speeds[False][-1].rate:,.0f} events a second are left")
        capacity = median([alone.rate for alone in speeds[False]])
        asked, most, rate = predictions(at, capacity, seconds)
        say(f"{asked}, at most {most}, while the worker took {rate:,.0f} events a second")
    pairs = list(zip(speeds[True], speeds[False], strict=True))
    ratios = [seen.rate / alone.rate for seen, alone in pairs]
    return {
        "requests_per_second": round(asked.per_second),
        "latency_ms_p50": round(asked.p50_ms, 2),
        "latency_ms_p99": round(asked.p99_ms, 2),
        "most_requests_per_second": round(most.per_second),
        "most_latency_ms_p99": round(most.p99_ms, 2),
        "requests_wrong": asked.wrong + most.wrong,
        "worker_capacity_events_per_second": round(capacity),
        "worker_events_per_second_meanwhile": round(rate),
        "worker_ratio": round(median(ratios), 3),
        "worker_cpu_ratio": round(median([seen.cpu / alone.cpu for seen, alone in pairs]), 3),
        "worker_ratios": [round(ratio, 3) for ratio in ratios],
    }


def main() -> None:
    parser = options("predictions by the API", events=1_000_000)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not there; Debian has it as the package wrk")
    obey_signals()
    events = asked.events or (100_000 if asked.quick else 1_000_000)
    report(run(events, 5 if asked.quick else 20, 1 if asked.quick else 7), asked.json)


if __name__ == "__main__":
    main()
