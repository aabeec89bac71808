"""How fast is a pipeline from topic to topic, and how long does one event take?

    python -m benchmarks.end_to_end --log sqlite --events 400000 --json

StandardScaler | LogisticRegression over 8 numbers, the label in the event, exactly once, one partition, one
worker process. Beside it, in the same run, a bare River loop over dicts that are ready: `ratio` is what is
left of its speed once JSON, the log, commits and snapshots are paid.

events_per_second       of the second half, by the records' timestamps; all was there before. A worker begins
                        with River, and its kernels are there after some 2 seconds
ratio_of_predictions    the same when no outcomes are published (`labels.outcomes: false`): one record out for
                        each record in, as peers have it
latency_ms              at 1,000 events/s, from sending an event until an outside reader sees its prediction
start_to_first_commit   from starting the process, with records waiting
takeover                from kill -9 until a second worker, which is up, commits
"""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from connectors import open_log
from connectors.log import Log
from engine.spec import Spec
from tests.faults.harness import (
    Place,
    Program,
    Worker,
    feeder,
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
from tests.faults.load import Load, fill
from tests.faults.witness import newest_entry

LATENCY_RATE = 1_000
WARM_UP_S = 2
SETTINGS: dict[str, Any] = {"labels": {"in_event": "y"}}


def river_loop(count: int) -> float:
    """Events a second of the bare loop, in a process of its own."""
    with Program("benchmarks.river_loop", str(count)) as program:
        return float(program.output(120))


def prepare(at: Place, **changes: Any) -> tuple[Path, Spec]:
    path = write_spec(at, {**SETTINGS, **changes})
    spec = read_spec(path)
    make_topics(spec)
    return path, spec


def load(at: Place, spec: Spec, events: int, rate: float = 0.0) -> Load:
    topics = spec.topic("events"), spec.topic("labels")
    return Load(at.url, *topics, events=events, rate=rate, delay=0, damage=0)


# -- throughput --------------------------------------------------------------------------------------


class Speed(NamedTuple):
    """What one worker run came to."""

    rate: float  # events a second
    start: float  # seconds from the start to the first commit
    cpu_us: float  # of the worker's process, per event


def throughput(at: Place, events: int, **changes: Any) -> Speed:
    """One worker's run over a topic that was filled before."""
    path, spec = prepare(at, **changes)
    log = open_log(at.url)
    fill(log, load(at, spec, events))
    with Worker(path, level="info") as worker:
        cpu_us = wait_for(log, spec, events, 60 + events / 2_000, worker)
        code = worker.stop()
    stamps = timestamps(log, spec.topic("predictions"))
    first = timestamps(log, spec.topic("journal"))[0] / 1000 - worker.began
    log.close()
    if code != 0 or len(stamps) != events:
        raise RuntimeError(f"{len(stamps)} predictions of {events} events, exit {code}:\n{worker.tail()}")
    half = stamps[len(stamps) // 2]
    rest = sum(stamp > half for stamp in stamps)
    return Speed(rest / ((stamps[-1] - half) / 1000), first, cpu_us)


def wait_for(log: Log, spec: Spec, events: int, limit: float, worker: Worker) -> float:
    """Until so many events are taken; looks seldom, since the worker needs the machine.

    Returns the processor's microseconds per event, between the first look and the last.
    """
    deadline, looks = time.monotonic() + limit, list[tuple[int, float]]()
    while (at := taken(log, spec)) < events:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{at} of {events} events after {limit:.0f} s:\n{worker.tail()}")
        if at:
            looks.append((at, worker.cpu_seconds()))
        time.sleep(0.25)
    looks.append((at, worker.cpu_seconds()))
    (first, before), (last, after) = looks[0], looks[-1]
    return (after - before) / max(1, last - first) * 1e6


def taken(log: Log, spec: Spec) -> int:
    """How many events are committed."""
    entry = newest_entry(log, spec)
    return entry.next[spec.topic("events")] if entry is not None else 0


def timestamps(log: Log, topic: str) -> list[int]:
    found, at = list[int](), 0
    while len(batch := log.read(topic, 0, at, 5_000)):
        found += batch.timestamps
        at = batch.end
    return found


# -- latency -----------------------------------------------------------------------------------------


def latency(at: Place, seconds: int, **changes: Any) -> dict[str, float]:
    """Milliseconds from sending an event to seeing its prediction."""
    path, spec = prepare(at, **changes)
    count = LATENCY_RATE * (seconds + WARM_UP_S)
    send = ("produce", at.url, spec.topic("events"), str(LATENCY_RATE), str(seconds + WARM_UP_S))
    look = ("read", at.url, spec.topic("predictions"), str(count), str(LATENCY_RATE * WARM_UP_S))
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(path, level="info"))
        worker.wait("shard 0: at entry")
        reader = stack.enter_context(Program("benchmarks.latency", *look))
        time.sleep(1.5)  # its imports
        stack.enter_context(Program("benchmarks.latency", *send))
        found: dict[str, float] = msgspec.json.decode(reader.output(seconds + 60))
    if found["count"] < count:
        raise RuntimeError(f"the reader saw {found['count']} of {count} predictions:\n{worker.tail()}")
    return found


# -- takeover ----------------------------------------------------------------------------------------


def takeover(at: Place, times: int) -> float:
    """Seconds from kill -9 of a worker to the first commit of the other, which was up; the median."""
    path, spec = prepare(at)
    log, gaps = open_log(at.url), list[float]()
    with contextlib.ExitStack() as stack:
        stack.enter_context(feeder(load(at, spec, 60 * LATENCY_RATE, LATENCY_RATE)))
        workers = [stack.enter_context(Worker(path, level="info")) for _ in range(2)]
        for _ in range(times):
            for worker in workers:
                worker.wait("worker of")
            victim = owner(workers)
            time.sleep(1.0)
            killed = time.time()
            victim.send(signal.SIGKILL)
            gaps.append(first_commit(log, spec, killed) - killed)
            say(f"takeover in {gaps[-1]:.2f} s")
            workers.remove(victim)
            workers.append(stack.enter_context(Worker(path, level="info")))
    log.close()
    return median(gaps)


def owner(workers: list[Worker], limit: float = 20.0) -> Worker:
    """The worker that has the partition: the last one that opened it."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        opened = [(lines[-1].at, worker) for worker in workers if (lines := worker.said("shard 0: at entry"))]
        if opened:
            return max(opened, key=lambda pair: pair[0])[1]
        time.sleep(0.05)
    raise TimeoutError("no worker has opened the shard")


def first_commit(log: Log, spec: Spec, after: float, limit: float = 30.0) -> float:
    """When the first entry after a time was written."""
    topic, deadline = spec.topic("journal"), time.monotonic() + limit
    at = max(0, log.bounds(topic)[0][1] - 20)
    while time.monotonic() < deadline:
        batch = log.read(topic, 0, at, 100, wait=0.1)
        later = [stamp / 1000 for stamp in batch.timestamps if stamp / 1000 > after]
        if later:
            return later[0]
        at = batch.end
        time.sleep(0.02)
    raise TimeoutError(f"nobody committed for {limit:.0f} s")


# -- all ---------------------------------------------------------------------------------------------


def run(log_name: str, events: int, quick: bool) -> dict[str, Any]:
    seconds, times, loop = (2, 1, 20_000) if quick else (15, 3, 60_000)
    speeds, fewer, loops = list[Speed](), list[Speed](), [river_loop(loop)]
    with place(log_name) as at:
        for _ in range(times):
            speeds.append(throughput(at, events))
            fewer.append(throughput(at, events, labels={"in_event": "y", "outcomes": False}))
            loops.append(river_loop(loop))
            say(f"{speeds[-1]}, {fewer[-1].rate:,.0f} without outcomes, bare loop {loops[-1]:,.0f} events/s")
        exactly = latency(at, seconds)
        say(f"latency {exactly}")
        at_least = latency(at, seconds, delivery="at_least_once") if log_name == "kafka" else None
        say(f"latency at least once {at_least}")
        gap = takeover(at, times)
    rate = median([speed.rate for speed in speeds])
    return {
        "log": log_name,
        "events": events,
        "events_per_second": round(rate),
        "river_loop_events_per_second": round(median(loops)),
        "ratio": round(rate / median(loops), 3),
        "ratio_of_predictions": round(median([speed.rate for speed in fewer]) / median(loops), 3),
        "worker_cpu_us_per_event": round(median([speed.cpu_us for speed in speeds]), 1),
        "latency_ms_p50": round(exactly["p50"], 1),
        "latency_ms_p99": round(exactly["p99"], 1),
        "latency_ms_max": round(exactly["max"], 1),
        "latency_at_least_once_ms_p50": at_least and round(at_least["p50"], 1),
        "latency_at_least_once_ms_p99": at_least and round(at_least["p99"], 1),
        "start_to_first_commit_seconds": round(median([speed.start for speed in speeds]), 2),
        "takeover_seconds": round(gap, 2),
    }


def main() -> None:
    parser = options("from topic to topic", events=400_000)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    events = asked.events or (150_000 if asked.quick else 400_000)
    report(run(asked.log, events, asked.quick), asked.json)


if __name__ == "__main__":
    main()
