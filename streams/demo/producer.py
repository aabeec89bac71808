"""The process that sends the payments: `python -m streams.demo.producer SPEC EVENTS RATE [forever]`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from connectors import open_log
from connectors.log import Log, Rows
from engine.spec import Spec
from streams.demo.payments import Due, Plan, steps

TICK_SECONDS = 0.02


def main(arguments: list[str]) -> None:
    from streams.specs import specfile

    path, events, rate, *rest = arguments
    plan = Plan(int(events), int(rate), forever=rest == ["forever"], start_ms=int(time.time() * 1000))
    spec = specfile.load(Path(path))
    log = open_log(spec.transport)
    try:
        for records in paced(steps(plan), plan.rate):
            publish(log, spec, records)
    finally:
        log.close()


def paced(source: Iterator[list[Due]], rate: int) -> Iterator[list[Due]]:
    """The records of as many steps as are due by now, again and again; nothing more once we are orphaned."""
    began, done, parent = time.monotonic(), 0, os.getppid()
    while os.getppid() == parent:
        wanted = int((time.monotonic() - began) * rate) - done
        taken = list(islice(source, wanted))
        done += len(taken)
        yield [record for step in taken for record in step]
        if len(taken) < wanted:
            return
        time.sleep(TICK_SECONDS)


def publish(log: Log, spec: Spec, records: Iterable[Due]) -> None:
    """Append the records to their topics, each topic's in one go."""
    columns: dict[str, tuple[list[bytes | None], list[bytes | None]]] = {}
    for record in records:
        keys, values = columns.setdefault(record.topic, ([], []))
        keys.append(record.key)
        values.append(record.value)
    for what, (keys, values) in columns.items():
        log.append(spec.topic(what), 0, Rows(keys, values))


if __name__ == "__main__":
    main(sys.argv[1:])
