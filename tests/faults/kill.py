"""kill -9 of the worker, again and again, while events and late labels come in.

    python -m tests.faults.kill --log sqlite --events 100000 --kills 20 --seed 1 --json

Most kills have an aim: the start, a recovery, a commit, a snapshot being written. Afterwards a last worker
takes what is left, and the audit must find nothing lost, doubled or different.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from contextlib import ExitStack, suppress

import msgspec

from connectors import open_log
from connectors.log import Log, Rows
from engine.control import Acknowledge, Matcher, Order, Resolve, Silence, Unsilence, encode
from engine.spec import Spec
from tests.faults.audit import audit, parked, read_all
from tests.faults.harness import (
    Program,
    Worker,
    feeder,
    make_topics,
    obey_signals,
    options,
    place,
    read_spec,
    report,
    say,
    steady_hashes,
    write_spec,
)
from tests.faults.load import Load
from tests.faults.witness import Witness

PARTITIONS = 2
CYCLE_S = {"sqlite": 4.5, "kafka": 10.0}  # from one kill to the next; paces the load
CATCH_UP_S = 90.0
MORE_MAX = 10  # times as many events: on a slow machine the load lasts until the last kill
AIMS = ("random", "recovery", "commit", "snapshot", "start")
SETTINGS = {
    "partitions": PARTITIONS,
    "snapshots": {"every_records": 3_000},
    "limits": {"remember_max": 20_000},
}

# So much is allowed that there are drifts to be told.
DRIFT = {
    "drift": {"false_alarms": {"at_most": 10, "per": 10_000}, "warm_up": 500},
    "alerts": [
        {"when": "drift"},
        {"when": "accuracy < 0.9", "over": 200},
        {"when": "score rises 0.02", "over": 1000, "at_least": 500},
        {"when": "labels < 90%", "over": 500},
    ],
}


def strike(worker: Worker, aim: str, dice: random.Random, witness: Witness, spec: Spec, log: Log) -> str:
    """Kill the worker at the moment that the aim names; return the last thing it had said."""
    with suppress(TimeoutError):
        if aim == "start":
            time.sleep(dice.uniform(0.2, 2.0))
        elif aim == "recovery":
            worker.wait("Seek stream partitions to committed offsets", 15)
            time.sleep(dice.uniform(0.0, 0.2))
        else:
            witness.wait(dice.randint(1, 10), 15, after=worker.began)
            if aim == "snapshot":
                _wait_for_chunk(spec, log, 8)
            time.sleep(dice.uniform(0.0, 3.0 if aim == "random" else 0.1 if aim == "commit" else 0.005))
    worker.send(signal.SIGKILL)
    return phase(worker)


def _wait_for_chunk(spec: Spec, log: Log, limit: float) -> None:
    """Until somebody writes to the snapshots topic."""
    topic, deadline = spec.topic("snapshots"), time.monotonic() + limit
    before = log.bounds(topic)
    while log.bounds(topic) == before and time.monotonic() < deadline:
        time.sleep(0.002)


def give_orders(log: Log, spec: Spec, dice: random.Random) -> None:
    """Somebody looks after alerts, or wants to hear no more of them, in every partition."""
    for partition in range(PARTITIONS):
        lane = read_all(log, spec.topic("alerts"))[partition]
        keys = [key.decode() for key in dict.fromkeys(lane.keys) if key is not None] or ["nobody"]
        until = int(time.time() * 1000) + dice.randint(1, 20_000)
        orders: list[Order] = [
            Acknowledge(alert=dice.choice(keys), by="ada"),
            Resolve(alert=dice.choice(keys), why="known"),
            Silence(
                id=f"s{dice.randrange(3)}", matchers=(Matcher("feature", "x[0-3]", True),), until_ms=until
            ),
            Unsilence(id=f"s{dice.randrange(3)}"),
        ]
        given = [encode(order) for order in dice.sample(orders, 2)]
        log.append(spec.topic("control"), partition, Rows([None] * len(given), given))


def phase(worker: Worker) -> str:
    """How far a worker had come."""
    if worker.said("at entry"):
        return "at work"
    return "opening" if worker.said("Seek stream partitions") else "starting"


def caught_up(feed: Program, witness: Witness, spec: Spec, log: Log, limit: float = CATCH_UP_S) -> None:
    """Wait until all was sent and taken."""
    feed.output(limit + 300)
    ends = {(topic, p): end for topic in spec.inputs for p, (_, end) in enumerate(log.bounds(topic))}
    deadline = time.monotonic() + limit
    while any(witness.taken().get(place, 0) < end for place, end in ends.items()):
        if witness.error is not None:
            raise witness.error
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all is taken after {limit:.0f} s: {witness.taken()} of {ends}")
        time.sleep(0.1)


def run(log_name: str, events: int, kills: int, seed: int, drift: bool = False) -> dict[str, object]:
    began, dice, hits = time.time(), random.Random(seed), Counter[str]()
    with ExitStack() as stack:
        at = stack.enter_context(place(log_name))
        path = write_spec(at, {**SETTINGS, **(DRIFT if drift else {})})
        spec = read_spec(path)
        make_topics(spec)
        rate = events / (max(1, kills) * CYCLE_S[log_name])
        log = open_log(at.url)
        witness = stack.enter_context(Witness(spec))
        topics = spec.topic("events"), spec.topic("labels")
        most = MORE_MAX * events
        load = Load(at.url, *topics, events=most, partitions=PARTITIONS, rate=rate, seed=seed)
        feed = stack.enter_context(feeder(load))
        under_load = 0
        for i in range(kills):
            with Worker(path) as worker:
                hit = strike(worker, AIMS[i % len(AIMS)], dice, witness, spec, log)
            under_load += feed.running()
            if drift:
                give_orders(log, spec, dice)
            hits[f"{AIMS[i % len(AIMS)]}: {hit}"] += 1
            say(
                f"kill {i + 1}, aimed at {AIMS[i % len(AIMS)]}: {hit}, after {len(witness.commits())} commits"
            )
        last = stack.enter_context(Worker(path))
        while feed.running() and sum(end for _, end in log.bounds(topics[0])) < events:
            time.sleep(0.1)
        feed.finish()
        caught_up(feed, witness, spec, log)
        code = last.stop()
        verdict = audit(log, spec, witness, parked([last]))
        log.close()
    return {
        "log": log_name,
        **msgspec.to_builtins(verdict),
        "kills": kills,
        "kills_under_load": under_load,
        "hits": dict(hits),
        "exit": code,
        "holds": verdict.holds and code == 0,
        "seconds": round(time.time() - began, 1),
    }


def main() -> None:
    parser = options("kill -9 under load", events=100_000, kills=20, seed=1)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    parser.add_argument("--drift", action="store_true", help="watch for drift, tell of it, take orders, too")
    asked = parser.parse_args()
    steady_hashes()
    obey_signals()
    events = asked.events or (5_000 if asked.quick else 100_000)
    kills = asked.kills if asked.kills is not None else (2 if asked.quick else 20)
    figures = run(asked.log, events, kills, asked.seed or 1, asked.drift)
    report(figures, asked.json)
    raise SystemExit(0 if figures["holds"] else 1)


if __name__ == "__main__":
    main()
