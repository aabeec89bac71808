"""What does watching for drift cost a pipeline?

    python -m benchmarks.watching --json

The pipeline of `benchmarks.end_to_end`, topic to topic, in turns without drift and with it.

watched_over_unwatched     how much of the speed is left where the 8 features, the prediction and the error
                           are watched by the default detector; the median of the rounds
default_over_unwatched     the same with `drift: {}`, which also watches labels, estimates performance
                           before labels come, and looks at all signals together
"""

from __future__ import annotations

from typing import Any

from benchmarks.end_to_end import Speed, throughput
from tests.faults.harness import median, obey_signals, options, place, report, say

SIGNALS = {"watch": ["features", "predictions", "errors"]}
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


def left(speeds: list[Speed], others: list[Speed]) -> float:
    """How much of the others' speed, in the median of the rounds."""
    return round(median([one.rate / other.rate for one, other in zip(speeds, others, strict=True)]), 3)


def main() -> None:
    parser = options("the cost of watching for drift", events=400_000)
    parser.add_argument("--log", choices=("sqlite", "kafka"), default="sqlite")
    asked = parser.parse_args()
    obey_signals()
    events = asked.events or (100_000 if asked.quick else 400_000)
    report(run(asked.log, events, 1 if asked.quick else 5), asked.json)


if __name__ == "__main__":
    main()
