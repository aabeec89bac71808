"""Events by the block, made once and appended again and again, so that sending costs next to nothing.

    python -m benchmarks.blocks URL TOPIC RATE SECONDS

They have no id of their own, so none is a duplicate of another.
"""

from __future__ import annotations

import random
import sys
import time

import msgspec

from connectors import open_log
from connectors.log import Log, Rows
from tests.faults.load import FEATURES

BLOCK = 1_000


def block(seed: int = 1) -> Rows:
    """A thousand events with their labels."""
    draw = random.Random(seed)
    values: list[bytes | None] = []
    for _ in range(BLOCK):
        x = {name: round(draw.gauss(0, 1), 6) for name in FEATURES}
        y = x["x0"] + 0.5 * x["x1"] - x["x2"] + draw.gauss(0, 0.5) > 0
        values.append(msgspec.json.encode({**x, "y": y}))
    return Rows([None] * BLOCK, values)


def fill(log: Log, topic: str, events: int) -> None:
    """At once."""
    rows = block()
    for _ in range(0, events, BLOCK):
        log.append(topic, 0, rows)


def feed(log: Log, topic: str, rate: float, seconds: float) -> None:
    """So many a second, in parts of a block."""
    rows, began, sent = block(), time.monotonic(), 0
    part = max(1, min(BLOCK, round(rate / 50)))
    few = Rows(rows.keys[:part], rows.values[:part])
    while time.monotonic() - began < seconds:
        log.append(topic, 0, few)
        sent += part
        time.sleep(max(0.0, began + sent / rate - time.monotonic()))


def main() -> None:
    url, topic, rate, seconds = sys.argv[1:]
    log = open_log(url)
    feed(log, topic, float(rate), float(seconds))
    log.close()


if __name__ == "__main__":
    main()
