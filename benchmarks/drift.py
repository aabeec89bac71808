"""How fast are the detectors, does the budget of false alarms hold, and how soon is a change found?

    uv run python -m benchmarks.drift --json
    uv run python -m benchmarks.drift --quick --json
    uv run python -m benchmarks.drift --tune        # the rivals' thresholds again, some 30 minutes

`*_ns` is processor time a value, of ten signals in blocks of 256 with the call from Python, the median of the
blocks behind the reference. River's detectors take a value at a time.

`realised_over_requested_*` is how many values passed for each false alarm over how many were asked for,
with everything that a detector does behind an alarm: on continuous values the mean over all of them, as
ranks don't know the distribution; on discrete and on dependent values the worst. Dependent ones go through
the preparation that the engine does, and their lengths are in records.

`delay_*` is the mean number of values from a change to its alarm, at a run length of 100,000. The change
comes behind 2,000 values and is followed for 6,000; who hasn't found it by then has missed it, and counts
with 6,000. `missed` is the share of missed changes of the shape that `rank_sr` misses most often. All rivals
are tuned to the same run length (`drift_rivals.py`). Intervals, +-, are two standard errors.

The full run takes some ten minutes on two quiet cores.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from river import drift

from benchmarks import drift_rivals as rivals
from benchmarks.drift_shapes import CONTINUOUS, DEPENDENT, DISCRETE, SHAPES, Draw, Rng, Shape
from engine.drift import prepare
from engine.drift.detector import Detector, Floats, Ints
from engine.drift.detectors import DETECTORS
from engine.drift.prepare import Options, Prepare
from engine.drift.signals import Kind, Signal
from tests.faults.harness import options, report, say

SIGNALS, BATCH, BLOCKS = 10, 256, 64
BEFORE, AFTER, LENGTH = 2000, 6000, 100_000.0
CHUNK = 4096
WATCHING = ("rank_sr", "ks")
PEER = Path(__file__).parent / "peers" / "frouros_ks.py"
Figures = dict[str, Any]


def rng_of(seed: int) -> Rng:
    return np.random.default_rng(seed)


def built(name: str, signals: int, lengths: float | Floats = np.inf) -> Detector:
    detector = DETECTORS[name].build(signals, {})
    detector.allow(np.broadcast_to(np.float64(lengths), (signals,)).copy(), np.inf)
    return detector


def ns_a_value(detector: Detector, batch: int) -> float:
    """Processor time of the later half of the blocks, when it knows its reference."""
    values, took = rng_of(1).standard_normal((SIGNALS, BATCH * BLOCKS)), list[float]()
    for at in range(0, values.shape[1], batch):
        block = np.ascontiguousarray(values[:, at : at + batch])
        began = time.thread_time_ns()
        detector.update(block)
        took.append((time.thread_time_ns() - began) / block.size)
    return float(np.median(took[len(took) // 2 :]))


def river_ns(make: Callable[[], Any], count: int) -> float:
    """The same of one of River's detectors, a value at a time."""
    values, detector = rng_of(2).standard_normal(count).tolist(), make()
    for value in values[:1000]:
        detector.update(value)
    began = time.thread_time_ns()
    for value in values[1000:]:
        detector.update(value)
    return (time.thread_time_ns() - began) / (count - 1000)


def frouros() -> Figures:
    """What frouros' detectors take, if it can be installed here."""
    command = ["uv", "run", "--quiet", "--script", str(PEER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"frouros_ks_ns": None}


def speed() -> Figures:
    say("speed")
    found = {f"{name}_ns": ns_a_value(built(name, SIGNALS, 1e9), BATCH) for name in WATCHING}
    table = {
        f"{name}, blocks of {size}": round(ns_a_value(built(name, SIGNALS, 1e9), size), 1)
        for name in WATCHING
        for size in (1, 16, 4096)
    }
    table |= {
        "River ADWIN": round(river_ns(drift.ADWIN, 50_000)),
        "River PageHinkley": round(river_ns(drift.PageHinkley, 50_000)),
        "River KSWIN": round(river_ns(lambda: drift.KSWIN(seed=1), 2000)),
    }
    return {
        "rank_sr_ns": round(found["rank_sr_ns"], 1),
        "ks3_ns": round(found["ks_ns"], 1),
        "kswin_over_ks": round(table["River KSWIN"] / found["ks_ns"]),
        "speed": table | frouros(),
    }


def counted(draw: Draw, length: float, rows: int, name: str = "rank_sr") -> tuple[float, float]:
    """Values for each false alarm over how many were asked for, and two standard errors of it."""
    detector, rng, alarms, values = built(name, rows, length), rng_of(3), 0, int(20 * length)
    for at in range(0, values, CHUNK):
        alarms += len(detector.update(draw(rng, (rows, min(CHUNK, values - at)))))
    return ratio(values * rows, length, alarms)


def ratio(values: float, length: float, alarms: int) -> tuple[float, float]:
    found = values / length / max(alarms, 1)
    return round(found, 3), round(2 * found / max(alarms, 1) ** 0.5, 3)


def depending(draw: Draw, given: Mapping[str, Any], length: float, rows: int) -> tuple[float, float]:
    """The same in records, behind the preparation of values that depend on others."""
    prepared = Prepare([Signal(Kind.VALUE, f"x{i}") for i in range(rows)], Options(**given))
    detector, alarms, records = built("rank_sr", rows), 0, int(5 * length)
    stream = draw(rng_of(4), (rows, records))
    for at in range(0, records, BATCH):
        block = np.ascontiguousarray(stream[:, at : at + BATCH])
        times = np.arange(at, at + block.shape[1]) * 60_000
        detector.allow(length * prepared.per_record(), np.inf)
        for part in prepared.apply(block, times).parts():
            alarms += len(detector.update(part.block))
    return ratio(records * rows, length, alarms)


def budget(quick: bool) -> Figures:
    lengths = {300.0: 200} if quick else {300.0: 1000, 3000.0: 500, 30_000.0: 50}
    found: dict[str, dict[str, tuple[float, float]]] = {"continuous": {}, "discrete": {}, "ar": {}}
    for kind, draws in (("continuous", CONTINUOUS), ("discrete", DISCRETE)):
        for name, draw in draws.items():
            say(f"budget: {name}")
            for length, rows in lengths.items():
                found[kind][f"{name}, {length:g}"] = counted(draw, length, rows)
    for name, (draw, given) in DEPENDENT.items():
        say(f"budget: {name}")
        found["ar"][f"{name}, 10000"] = depending(draw, given, 10_000.0, 10 if quick else 100)
    ratios = {kind: [value for value, _ in each.values()] for kind, each in found.items()}
    return {
        "realised_over_requested_continuous": round(float(np.mean(ratios["continuous"])), 3),
        "realised_over_requested_discrete": min(ratios["discrete"]),
        "realised_over_requested_ar": min(ratios["ar"]),
        "budget": found,
    }


def firsts(name: str, block: Floats) -> Ints:
    """Where a detector of ours first fires behind the change, by run."""
    runs, size = block.shape
    detector, found = built(name, runs), np.full(runs, size)
    detector.update(block[:, :BEFORE])
    detector.allow(np.full(runs, LENGTH), np.inf)
    for at in range(BEFORE, size, CHUNK // 8):
        part = block[:, at : at + CHUNK // 8].copy()
        part[found < size] = np.nan  # who has found it needn't go on
        for alarm in detector.update(part):
            found[alarm.signal] = min(found[alarm.signal], at + alarm.at)
    return found


def delays(name: str, shape: Shape, runs: int, slow: int) -> dict[str, dict[str, float]]:
    """The mean delay of each detector, its interval, and the share that it missed."""
    rng, kind = rng_of(77), rivals.kind_of(name)
    block = np.hstack([shape.before(rng, (runs, BEFORE)), shape.after(rng, (runs, AFTER))])
    some, size = block[:slow], block.shape[1]
    found = {each: firsts(each, block) for each in WATCHING}
    if shape.odds is not None:
        over = rivals.first(rivals.cusum(shape.odds, some), rivals.TUNED["CUSUM"][name], slow, size)
        found["oracle CUSUM"] = over[over >= BEFORE]
    threshold = rivals.TUNED["KSWIN"][kind]
    found["KSWIN"] = np.array([rivals.kswin(row, threshold, BEFORE, i) for i, row in enumerate(some)])
    for label, make in (("ADWIN", rivals.adwin(kind)), ("Page-Hinkley", rivals.rivers_page_hinkley(kind))):
        over = np.array([rivals.rivers(make, row.tolist()) for row in some])
        found[label] = over[over >= BEFORE]  # an alarm before the change ended its run
    return {each: told(over - BEFORE + 1) for each, over in found.items()}


def told(over: Ints) -> dict[str, float]:
    missed = over > AFTER
    waited = np.minimum(over, AFTER)
    error = 2 * waited.std() / np.sqrt(len(waited))
    return {
        "mean": round(float(waited.mean()), 1),
        "+-": round(float(error), 1),
        "missed": round(float(missed.mean()), 4),
        "runs": len(over),
    }


def found_changes(quick: bool) -> Figures:
    table = {}
    for name, shape in SHAPES.items():
        say(f"delay: {name}")
        table[name] = delays(name, shape, 100 if quick else 1000, 4 if quick else 60)
    mean = {name: row["rank_sr"]["mean"] for name, row in table.items()}
    return {
        "delay_mean_half": mean["mean + 0.5"],
        "delay_mean_one": mean["mean + 1"],
        "delay_variance": mean["variance x 2"],
        "delay_bernoulli": mean["share .2 to .3"],
        "missed": max(row["rank_sr"]["missed"] for row in table.values()),
        "delays": table,
    }


def main() -> None:
    parser = options("Speed, false alarms and delays of the detectors of drift.")
    parser.add_argument("--tune", action="store_true", help="find the rivals' thresholds again")
    given = parser.parse_args()
    if given.tune:
        return report(rivals.tune(LENGTH), given.json)
    for name in WATCHING:
        DETECTORS[name].warm()
    prepare.warm()
    figures = speed() | budget(given.quick) | found_changes(given.quick)
    report(figures, given.json)
    return None


if __name__ == "__main__":
    main()
