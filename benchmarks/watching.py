"""What does watching for drift cost a pipeline?

    python -m benchmarks.watching --json

The pipeline of `benchmarks.end_to_end`, topic to topic, in turns without drift and with it.

watched_over_unwatched     how much of the speed is left where the 8 features, the prediction and the error
                           are watched by the default detector; the median of the rounds
default_over_unwatched     the same with `drift: {}`, which also watches labels, estimates performance
                           before labels come, and looks at all signals together
storm_ms_per_drift         processor time of the evidence of 1,000 signals that drift within 60 records, until
                           nothing more is told of them, for each of the 100 drifts that are told
lone_drift_ms              the same of one of 1,000 signals that drifts by itself
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.end_to_end import Speed, throughput
from engine.drift.detector import Alarm
from engine.drift.evidence.witness import Witness
from engine.drift.panel import Found
from engine.drift.signals import Kind, Signal
from engine.outputs import Origin
from tests.faults.harness import median, obey_signals, options, place, report, say

SIGNALS = {"watch": ["features", "predictions", "errors"]}
SIGNALS_OF_STORM, BLOCK, TURN, AT, RECORDS = 1_000, 256, 1_024, 2_600, 6 * 1_024
ASKED: dict[str, dict[str, Any]] = {"unwatched": {}, "watched": {"drift": SIGNALS}, "default": {"drift": {}}}


def run(log_name: str, events: int, times: int) -> dict[str, Any]:
    speeds: dict[str, list[Speed]] = {name: [] for name in ASKED}
    with place(log_name) as at:
        for turn in range(times):
            for name in list(ASKED)[:: 1 if turn % 2 else -1]:
                speeds[name].append(throughput(at, events, **ASKED[name]))
            say(", ".join(f"{name} {of[-1].rate:,.0f}/s" for name, of in speeds.items()))
    rates = {name: median([speed.rate for speed in of]) for name, of in speeds.items()}
    cpu = {name: median([speed.cpu_us for speed in of]) for name, of in speeds.items()}
    return {
        "log": log_name,
        "events": events,
        **{f"{name}_events_per_second": round(rate) for name, rate in rates.items()},
        **{f"{name}_cpu_us_per_event": round(us, 2) for name, us in cpu.items()},
        **{
            f"{name}_over_unwatched": left(speeds[name], speeds["unwatched"])
            for name in ("watched", "default")
        },
    }


def drifting(alarmed: int) -> tuple[float, int]:
    """Seconds that evidence takes in which `alarmed` of 1,000 signals drift, and how many drifts are told."""
    rng, origin = np.random.default_rng(1), Origin("p", "m", "v1", "p.events", 0)
    signals = [Signal(Kind.VALUE, f"x{i}") for i in range(SIGNALS_OF_STORM)]
    events = Witness("events", origin, signals, records=2 * TURN)
    labels = Witness("outcomes", origin, [Signal(Kind.LABEL), Signal(Kind.ERROR)], records=2 * TURN)
    at, took, told = np.sort(rng.integers(AT + 20, AT + 80, alarmed)).tolist(), 0.0, 0
    for start in range(0, RECORDS, BLOCK):
        numbers = np.arange(start, start + BLOCK)
        block, outcomes = (rng.normal(size=(len(each.signals), BLOCK)) for each in (events, labels))
        block[:alarmed] += numbers >= AT
        here = [(row, place - start) for row, place in enumerate(at) if 0 <= place - start < BLOCK]
        found = [
            Found(i, i, BLOCK - 1 - i, row, "ks", Alarm(i, row, 9.0, 1.0, 40, "up"), 40) for row, i in here
        ]
        labels.take(outcomes, numbers, 1_000 * numbers, [], [])
        began = time.thread_time()
        told += sum(
            each.drift is not None for each in events.take(block, numbers, 1_000 * numbers, [], found)
        )
        if (start + BLOCK) % TURN == 0:
            events.turn([labels])
        took += time.thread_time() - began if start + BLOCK > AT else 0.0
    return took, told


def storm(times: int) -> dict[str, float]:
    """What a drift costs among many and by itself; the same without any is taken off."""
    each = [[drifting(alarmed) for alarmed in (0, 1, SIGNALS_OF_STORM)] for _ in range(times)]
    quiet, lone, many = (median([took for took, _ in of]) for of in zip(*each, strict=True))
    told = each[0][-1][1]
    return {
        "storm_ms_per_drift": round(1e3 * (many - quiet) / told, 2),
        "lone_drift_ms": round(1e3 * (lone - quiet), 1),
    }


def left(speeds: list[Speed], others: list[Speed]) -> float:
    """How much of the others' speed, in the median of the rounds."""
    return round(median([one.rate / other.rate for one, other in zip(speeds, others, strict=True)]), 3)


def main() -> None:
    parser = options("the cost of watching for drift", events=400_000)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    events = asked.events or (100_000 if asked.quick else 400_000)
    times = 1 if asked.quick else 5
    report(run(asked.log, events, times) | storm(times), asked.json)


if __name__ == "__main__":
    main()
