"""Members that join, leave, die and freeze under load.

    python -m tests.faults.members --log kafka --json

In each round a second worker joins. Then one of the two is told to stop, or killed, or frozen for longer
than its session or lease; the other has to take over. A frozen member is woken after that: whatever it
still wants to commit must be refused. On SQLite the second worker is a hot standby, so the first is struck.
"""

from __future__ import annotations

import random
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors import open_log
from tests.faults.audit import audit, parked
from tests.faults.harness import (
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
    steady_hashes,
    write_spec,
)
from tests.faults.kill import SETTINGS, caught_up
from tests.faults.load import Load
from tests.faults.witness import Witness

STRIKES = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)
CYCLE_S = {"sqlite": 6.0, "kafka": 13.0}
TAKEOVER_S_MAX = {"sqlite": 3.0, "kafka": 7.0}
REFUSALS = ("lost the lease", "is over", "opening it anew", "not committed on leaving", "another owner")
WAKE_S = 30.0  # so long a woken member may take to notice


@dataclass
class Tally:
    """What came of the rounds."""

    takeovers: list[float] = field(default_factory=list)  # after SIGKILL and SIGSTOP
    handovers: list[float] = field(default_factory=list)  # after SIGTERM
    frozen: int = 0
    refused: int = 0
    idle: int = 0  # had nothing to commit when they froze, and let go by themselves
    ended: int = 0  # by a standby, because they froze with the file locked


def takeover(witness: Witness, after: float, limit: float = 60.0) -> float:
    """Seconds from a moment until every partition has been committed to."""
    if not witness.wait_all(limit, after):
        raise TimeoutError(f"not every partition is committed to within {limit:.0f} s")
    return max(witness.commits(after, p)[0].written for p in witness.entries) - after


def wake(victim: Worker, tally: Tally) -> None:
    """Wake a frozen member and see that it is refused, unless a standby had to end it; then it may go."""
    if victim.process.poll() == -signal.SIGKILL:
        tally.ended += 1
        return
    woken = time.time()
    victim.send(signal.SIGCONT)
    noticed = (*REFUSALS, "at entry")
    while time.time() < woken + WAKE_S and not any(victim.said(text, woken) for text in noticed):
        time.sleep(0.05)
    refused = any(victim.said(text, woken) for text in REFUSALS)
    tally.refused += refused
    tally.idle += not refused and bool(victim.said("at entry", woken))
    time.sleep(1.0)
    victim.stop()


def strike(how: signal.Signals, victim: Worker, witness: Witness, tally: Tally) -> None:
    began = time.time()
    victim.send(how)
    if how == signal.SIGTERM:
        victim.join()  # it still commits what it took
    gone = time.time()
    gap = gone - began + takeover(witness, gone)
    (tally.handovers if how == signal.SIGTERM else tally.takeovers).append(gap)
    say(f"{how.name}: the other takes over in {gap:.2f} s")
    if how == signal.SIGSTOP:
        tally.frozen += 1
        wake(victim, tally)


def run(log_name: str, events: int, rounds: int, seed: int) -> dict[str, Any]:
    began, dice, tally = time.time(), random.Random(seed), Tally()
    on_kafka = log_name == "kafka"
    with ExitStack() as stack:
        at = stack.enter_context(place(log_name))
        path = write_spec(at, SETTINGS)
        spec = read_spec(path)
        make_topics(spec)
        log = open_log(at.url)
        witness = stack.enter_context(Witness(spec))
        topics, rate = (spec.topic("events"), spec.topic("labels")), events / (rounds * CYCLE_S[log_name])
        load = Load(at.url, *topics, events=10 * events, partitions=spec.partitions, rate=rate, seed=seed)
        feed = stack.enter_context(feeder(load))
        first = stack.enter_context(Worker(path))
        first.wait("at entry")
        under_load = 0
        for i in range(rounds):
            second = stack.enter_context(Worker(path))
            second.wait("at entry" if on_kafka else "worker of")
            time.sleep(dice.uniform(0.5, 2.0))
            pair = (second, first) if on_kafka and dice.random() < 0.5 else (first, second)
            under_load += feed.running()
            strike(STRIKES[i % len(STRIKES)], pair[0], witness, tally)
            first = pair[1]
        feed.finish()
        caught_up(feed, witness, spec, log)
        code = first.stop()
        verdict = audit(log, spec, witness, parked([first]))
        log.close()
    slowest = max(tally.takeovers, default=0.0)
    fine = code == 0 and tally.refused + tally.idle + tally.ended == tally.frozen
    return {
        "log": log_name,
        **msgspec.to_builtins(verdict),
        "rounds": rounds,
        "rounds_under_load": under_load,
        "frozen": tally.frozen,
        "zombies_refused": tally.refused,
        "zombies_idle": tally.idle,
        "zombies_ended": tally.ended,
        "takeover_seconds": {
            "max": round(slowest, 2),
            "median": round(median(tally.takeovers or [0.0]), 2),
        },
        "handover_seconds_max": round(max(tally.handovers, default=0.0), 2),
        "exit": code,
        "in_time": slowest <= TAKEOVER_S_MAX[log_name],
        "holds": verdict.holds and fine,
        "seconds": round(time.time() - began, 1),
    }


def main() -> None:
    parser = options("members that come and go under load", events=50_000, rounds=9, seed=1)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    steady_hashes()
    obey_signals()
    events = asked.events or (4_000 if asked.quick else 50_000)
    rounds = asked.rounds or (2 if asked.quick else 9)
    figures = run(asked.log, events, rounds, asked.seed or 1)
    report(figures, asked.json)
    raise SystemExit(0 if figures["holds"] else 1)


if __name__ == "__main__":
    main()
