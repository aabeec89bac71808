"""What loses events elsewhere must lose none here.

    python -m tests.faults.losses --json

Each row is something at which a plain Faust app with its default settings was seen to lose events, or not to
start: run here on Kafka, against the log, with 100 events (more where a worker is killed at work).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors import open_log
from connectors.kafka import KafkaLog
from connectors.log import Log, Topic
from engine.spec import Spec
from tests.faults.audit import audit, parked
from tests.faults.harness import (
    Place,
    Worker,
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
from tests.faults.load import Load, fill
from tests.faults.models import PREDICT_RAISES, WALK_RAISES
from tests.faults.witness import Witness

LIMIT_S = 60.0


@dataclass(frozen=True)
class Row:
    """One way to lose events."""

    spec: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)
    before: Callable[[Log, Spec], object] | None = None
    kill: bool = False
    dead_letters: int = 0


def three_partitions(log: Log, spec: Spec) -> None:
    log.create([Topic(spec.topic("predictions"), 3)])


FAULTY = {"model": {"use": "tests.faults.models:faulty"}}
ROWS = {
    "the model raises once": Row(FAULTY, {"marks": {50: PREDICT_RAISES}}, dead_letters=1),
    "a batch raises": Row(FAULTY, {"marks": {50: WALK_RAISES}}, dead_letters=1),
    "kill -9 with events in flight": Row(load={"events": 20_000}, kill=True),
    "one malformed value": Row(load={"damage": 100}, dead_letters=1),
    "an output that nobody here consumes": Row(),
    "inputs of 2 partitions, output of 3": Row({"partitions": 2}, before=three_partitions),
    "no table and no standby": Row({"snapshots": {"every_records": 1_000_000}}),
}


def run_row(at: Place, row: Row) -> dict[str, Any]:
    """What came of one row."""
    path = write_spec(at, row.spec)
    spec, log = read_spec(path), open_log(at.url)
    if row.before is not None:
        row.before(log, spec)
    make_topics(spec)
    topics = spec.topic("events"), spec.topic("labels")
    given: dict[str, Any] = {"events": 100, "damage": 0, "delay": 20, **row.load}
    fill(log, Load(at.url, *topics, partitions=spec.partitions, **given))
    with Witness(spec) as witness:
        if row.kill:
            _kill_at_work(path, witness)
        with Worker(path) as worker:
            worker.wait("worker of")
            _wait_until_taken(log, spec, witness)
            code = worker.stop()
            failures = len(worker.said("the walk failed on"))
        verdict = audit(log, spec, witness, parked([worker]))
    committed = _group_offsets(log, spec)
    log.close()
    fine = verdict.holds and code == 0 and committed and failures <= 2
    if not fine:
        say(
            f"{verdict}, exit {code}, group's offsets {committed}, failed walks {failures}\n{worker.tail(60)}"
        )
    return {
        "lost": verdict.lost + verdict.unburied,
        "predictions": verdict.predictions,
        "dead_letters": verdict.dead_letters,
        "holds": fine and verdict.dead_letters == row.dead_letters,
    }


def _kill_at_work(path: Path, witness: Witness) -> None:
    with Worker(path) as worker:
        witness.wait(1, LIMIT_S)
        worker.send(signal.SIGKILL)


def _wait_until_taken(log: Log, spec: Spec, witness: Witness) -> None:
    ends = {(topic, p): end for topic in spec.inputs for p, (_, end) in enumerate(log.bounds(topic))}
    deadline = time.monotonic() + LIMIT_S
    while any(witness.taken().get(place, 0) < end for place, end in ends.items()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all is taken: {witness.taken()} of {ends}")
        time.sleep(0.05)


def _group_offsets(log: Log, spec: Spec) -> bool:
    """Whether the group's own offsets are at the end, too, as monitoring would read them."""
    assert isinstance(log, KafkaLog)
    positions = log.positions(spec.pipeline)
    events = spec.topic("events")
    return all(positions.get((events, p)) == end for p, (_, end) in enumerate(log.bounds(events)))


def run(rows: list[str]) -> dict[str, Any]:
    began, found = time.time(), dict[str, dict[str, Any]]()
    with place("kafka") as at:
        for name in rows:
            found[name] = run_row(at, ROWS[name])
            say(f"{name}: {found[name]}")
    return {
        "rows": found,
        "lost": sum(row["lost"] for row in found.values()),
        "holds": all(row["holds"] for row in found.values()),
        "seconds": round(time.time() - began, 1),
    }


def main() -> None:
    parser = options("what loses events elsewhere")
    parser.add_argument("--row", action="append", choices=ROWS, help="only this one; may be repeated")
    asked = parser.parse_args()
    steady_hashes()
    obey_signals()
    figures = run(asked.row or list(ROWS))
    report(figures, asked.json)
    raise SystemExit(0 if figures["holds"] else 1)


if __name__ == "__main__":
    main()
