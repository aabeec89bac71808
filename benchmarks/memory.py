"""Does a worker's memory stay bounded over a long stream?

    python -m benchmarks.memory --log sqlite --json

A million events go through one worker. What a shard remembers is full after `limits.remember_max` events,
100,000 by default; from there on the resident size should hardly grow.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.end_to_end import load, prepare, taken
from connectors import open_log
from tests.faults.harness import Worker, obey_signals, options, place, report, say
from tests.faults.load import fill

EARLY = 100_000
GROWTH_MB_MAX = 100
LOOK_S = 0.2


def run(log_name: str, events: int, early: int) -> dict[str, Any]:
    with place(log_name) as at:
        path, spec = prepare(at)
        log, sizes = open_log(at.url), dict[int, float]()
        seconds = fill(log, load(at, spec, events))
        say(f"{events} events are there after {seconds:.0f} s")
        with Worker(path, level="info") as worker:
            worker.wait("worker of")
            done, began, peak = 0, time.monotonic(), 0.0
            while done < events:
                time.sleep(LOOK_S)
                done = taken(log, spec)
                sizes[done] = worker.memory_mb()
                peak = max(peak, sizes[done])
            took = time.monotonic() - began
            worker.stop()
        log.close()
    first = next(size for count, size in sorted(sizes.items()) if count >= early)
    last = sizes[max(sizes)]
    return {
        "log": log_name,
        "events": events,
        "rss_mb_at_100k": round(first, 1),
        "rss_mb_at_1m": round(last, 1),
        "rss_mb_max": round(peak, 1),
        "growth_mb": round(last - first, 1),
        "events_per_second": round(events / took),
        "holds": last - first < GROWTH_MB_MAX,
    }


def main() -> None:
    parser = options("memory over a long stream", events=1_000_000)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    events = asked.events or (300_000 if asked.quick else 1_000_000)
    figures = run(asked.log, events, min(EARLY, events // 2))
    report(figures, asked.json)
    raise SystemExit(0 if figures["holds"] else 1)


if __name__ == "__main__":
    main()
