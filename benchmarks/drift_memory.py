"""What is left of the budget of false alarms on streams that remember, and that come and go with the day.

    uv run python -m benchmarks.drift_memory --runs 60

Nothing changes in any of them; `rank_sr` behind what every signal goes through (`engine/drift/prepare.py`) is
allowed one alarm in 100,000 values. Realised over requested run length, with the 95 % interval of the count
of alarms; how long a shift by one standard deviation of the noise takes to be found, in values, the median;
and, for comparison, the values as they are.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any, NamedTuple

import numpy as np

from benchmarks.streams_drift import DAY, STREAMS, Floats, Ints
from engine.drift import prepare as preparing
from engine.drift.detectors import rank_sr
from engine.drift.prepare import Options, Prepare
from engine.drift.signals import Kind, Signal
from engine.duration import DAY_MS

SIGNALS = [Signal(Kind.VALUE, "x")]
REQUESTED = 100_000
SIZE, TURN = 200_000, 1_024
SHIFT_AT, SHIFTED = 60 * DAY + 600, 40_000  # when, and how long it is looked for


class Run(NamedTuple):
    """What became of a stream."""

    alarms: list[int]  # at which values
    judged: int  # values, without those with which slots of a season fill up
    size: int  # of blocks


def season_of(name: str) -> int | None:
    return None if name.startswith(("AR", "GARCH")) else DAY_MS


def run(values: Floats, times: Ints, options: Options, requested: float = REQUESTED) -> Run:
    """Prepare a stream, then watch it."""
    prepare, detector = Prepare(SIGNALS, options), rank_sr.build(1, {})
    found, seen = list[int](), 0
    for first in range(0, len(values), TURN):
        detector.allow(requested * prepare.per_record(), math.inf)
        parts = prepare.apply(values[None, first : first + TURN].copy(), times[first : first + TURN]).parts()
        before = len(found)
        for part in parts:
            seen += int(np.count_nonzero(~np.isnan(part.block)))
            found += [first + int(part.columns[alarm.at]) for alarm in detector.update(part.block)]
        if len(found) > before and options.season_ms is not None:  # as `Panel.turn` has it
            detector.restart([0])
            prepare.anew([0])
    return Run(found, seen * int(prepare.sizes[0]), int(prepare.sizes[0]))


def interval(alarms: int, allowed: float) -> tuple[float, float]:
    """Of allowed over raised: 95 %, as counts of rare events vary."""
    low = max(alarms - 1.96 * math.sqrt(alarms), 0.5)
    return allowed / (alarms + 1.96 * math.sqrt(alarms) + 1.92), allowed / low


def measure(name: str, runs: int, seed: int = 7) -> dict[str, Any]:
    """A line of the table."""
    rng, options = np.random.default_rng(seed), Options(season_ms=season_of(name))
    done = [run(*STREAMS[name](rng, SIZE), options) for _ in range(runs)]
    alarms, allowed = sum(len(each.alarms) for each in done), sum(each.judged for each in done) / REQUESTED
    raw = run(*STREAMS[name](rng, SIZE), Options(dependence="none"))
    delays = [delay(name, rng, options) for _ in range(runs)]
    return {
        "stream": name,
        "alarms": alarms,
        "allowed": round(allowed, 1),
        "realised_over_requested": round(allowed / max(alarms, 1), 3),
        "interval": [round(each, 3) for each in interval(alarms, allowed)],
        "as_it_is": round(SIZE / REQUESTED / max(len(raw.alarms), 1), 4),
        "block": int(np.median([each.size for each in done])),
        "delay_one_sigma": int(np.median(delays)),
    }


def delay(name: str, rng: np.random.Generator, options: Options) -> int:
    """Values until a shift by one standard deviation of the noise is found."""
    values, times = STREAMS[name](rng, SHIFT_AT + SHIFTED)
    values[SHIFT_AT:] += 1.0 if season_of(name) is None else 0.3
    after = [at - SHIFT_AT + 1 for at in run(values, times, options).alarms if at >= SHIFT_AT]
    return after[0] if after else SHIFTED


def main() -> None:
    parser = argparse.ArgumentParser(description="The budget of false alarms on streams that remember.")
    parser.add_argument("--runs", type=int, default=60, help="streams of each kind")
    parser.add_argument("--only", help="streams whose names begin so")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    preparing.warm()
    rank_sr.warm()
    lines = []
    for name in STREAMS:
        if asked.only is None or name.startswith(asked.only):
            lines.append(measure(name, asked.runs))
            told = " ".join(f"{key} {value}" for key, value in lines[-1].items() if key != "stream")
            print(f"{name:22} {told}", file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps({"drift_memory": lines}))


if __name__ == "__main__":
    main()
