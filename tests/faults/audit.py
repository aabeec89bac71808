"""The audit: reads a log from outside and says what went wrong, if anything.

    python -m tests.faults.audit --spec pipeline.yaml --json

It believes nobody. Which events are well-formed it judges by itself, from the records that were sent; what
the outputs should be it finds out by walking the journal through a new shard, from nothing, in batches
cut elsewhere than the worker's; what the outputs were it has from a witness who read along.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from connectors import open_log
from connectors.log import Batch, Headers, Log, Payload, Record
from engine.batch import Outputs
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import journal
from streams.keeping.journal import Digest, Entry
from tests.faults.harness import Worker, read_spec, report, steady_hashes
from tests.faults.load import well_formed
from tests.faults.witness import Witness, fingerprint

READ_RECORDS = 5_000
CUT_RECORDS = 700  # a replayed batch is at most so long
PARKED = re.compile(r"shard (\d+): parked at entry (\d+), state (\w+)")

Lane = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


class Verdict(msgspec.Struct):
    """What an audit found. All of `FAULTS` must be 0, and `state_equal` true."""

    events: int = 0  # records of the events topic
    labels: int = 0
    predictions: int = 0
    outcomes: int = 0
    dead_letters: int = 0
    drifts: int = 0
    alerts: int = 0
    entries: int = 0
    transitions: int = 0  # of alerts, that a replay gives
    remembered: int = 0  # output records that the witness saw
    lost: int = 0  # well-formed events that were neither predicted nor failed in the model
    duplicates: int = 0  # event ids that were predicted more than once
    different: int = 0  # output records that changed, or that a replay does not give
    unburied: int = 0  # events that are nowhere, neither predicted nor dead letters, or in both places
    alerts_lost: int = 0  # transitions of alerts that a replay gives, and that nobody can read nor could
    alerts_doubled: int = 0  # transitions that lie there more often than a replay gives them
    labels_lost: int = 0  # predicted events whose last outcome does not have their last label
    broken: int = 0  # gaps of the journal
    state_equal: bool = True  # the live state, as it was parked, is the replayed one

    @property
    def holds(self) -> bool:
        return self.state_equal and not any(getattr(self, name) for name in FAULTS)


COMPACTED = ("drifts", "alerts")
FAULTS = (
    *("lost", "duplicates", "different", "unburied", "labels_lost", "broken"),
    *("alerts_lost", "alerts_doubled"),
)
Parked = dict[int, tuple[int, str]]  # by partition: the entry at which a state was parked, and its digest


def parked(workers: Iterable[Worker]) -> Parked:
    """The newest state that each shard was parked with, as the workers' logs tell."""
    found: Parked = {}
    for worker in workers:
        for line in worker.said("parked at entry"):
            if match := PARKED.search(line.text):
                partition, seq = int(match[1]), int(match[2])
                if seq >= found.get(partition, (0, ""))[0]:
                    found[partition] = (seq, match[3])
    return found


def audit(log: Log, spec: Spec, witness: Witness | None = None, states: Parked | None = None) -> Verdict:
    """Judge everything that the pipeline has written."""
    verdict = Verdict()
    copies = {name: read_all(log, name) for name in (*spec.inputs, *spec.outputs, spec.topic("journal"))}
    _count(verdict, copies, spec)
    _judge_events(verdict, copies, spec)
    _judge_labels(verdict, copies, spec)
    for partition in range(len(copies[spec.topic("journal")])):
        _judge_replay(verdict, copies, spec, partition, states)
    if witness is not None:
        _judge_memory(verdict, copies, witness, [spec.topic(what) for what in COMPACTED])
    return verdict


# -- reading -----------------------------------------------------------------------------------------


def read_all(log: Log, topic: str) -> list[Batch]:
    """Every committed record of a topic, a batch for each partition."""
    return [_read(log, topic, p, start) for p, (start, _) in enumerate(log.bounds(topic))]


def _read(log: Log, topic: str, partition: int, start: int) -> Batch:
    whole, headers = Batch(topic, partition, start, start, [], [], [], []), list[Headers]()
    while True:
        part = log.read(topic, partition, whole.end, READ_RECORDS)
        for column in ("offsets", "timestamps", "keys", "values"):
            getattr(whole, column).extend(getattr(part, column))
        headers += part.headers if part.headers is not None else [()] * len(part)
        if part.end == whole.end:
            whole.headers = headers if any(headers) else None
            return whole
        whole.end = part.end


def _records(copies: list[Batch]) -> Iterator[Record]:
    return (record for copy in copies for record in copy.records())


def _decode(record: Record) -> Any:
    return msgspec.json.decode(record.value or b"")


# -- judging -----------------------------------------------------------------------------------------


def _count(verdict: Verdict, copies: dict[str, list[Batch]], spec: Spec) -> None:
    for what in ("events", "labels", "predictions", "outcomes", "dead_letters", "drifts", "alerts"):
        setattr(verdict, what, sum(map(len, copies[spec.topic(what)])))
    verdict.entries = sum(map(len, copies[spec.topic("journal")]))


def _judge_events(verdict: Verdict, copies: dict[str, list[Batch]], spec: Spec) -> None:
    """Each event is either predicted, once, or a dead letter, once."""
    predictions = [_decode(record) for record in _records(copies[spec.topic("predictions")])]
    ids = [p["event_id"] for p in predictions]
    places = [(p["source"]["partition"], p["source"]["offset"]) for p in predictions]
    verdict.duplicates = len(ids) - len(set(ids))
    failed, buried = set[tuple[int, int]](), list[tuple[int, int]]()
    for record in _records(copies[spec.topic("dead_letters")]):
        said = {name: content.decode() for name, content in record.headers}
        if said["__streams.errors.topic"] == spec.topic("events"):
            at = int(said["__streams.errors.partition"]), int(said["__streams.errors.offset"])
            buried.append(at)
            if said["driftline.reason"] in ("model_error", "engine_error", "duplicate_id"):
                failed.add(at)
    predicted = set(places)
    for copy in copies[spec.topic("events")]:
        for offset, value in zip(copy.offsets, copy.values, strict=True):
            at = (copy.partition, offset)
            verdict.lost += at not in predicted and at not in failed and well_formed(value) is not None
    everywhere = [*places, *buried]
    sent = {(copy.partition, offset) for copy in copies[spec.topic("events")] for offset in copy.offsets}
    verdict.unburied = len(sent ^ set(everywhere)) + len(everywhere) - len(set(everywhere))


def _judge_labels(verdict: Verdict, copies: dict[str, list[Batch]], spec: Spec) -> None:
    """Each label that has its prediction is in an outcome, unless the model failed on it."""
    predicted = {_decode(record)["event_id"] for record in _records(copies[spec.topic("predictions")])}
    wanted = dict[str, Any]()
    if spec.labels.in_event is not None:
        for record in _records(copies[spec.topic("events")]):
            if (name := well_formed(record.value)) is not None:
                wanted[name] = _decode(record).get(spec.labels.in_event)
    for record in _records(copies[spec.topic("labels")]):
        label = _decode(record)
        wanted[label["event_id"]] = label["label"]
    for record in _records(copies[spec.topic("dead_letters")]):
        said = dict(record.headers)
        if said["__streams.errors.topic"].decode() == spec.topic("labels"):
            wanted.pop(_decode(record)["event_id"], None)
    told = {o["event_id"]: o["label"] for o in map(_decode, _records(copies[spec.topic("outcomes")]))}
    verdict.labels_lost = sum(
        told.get(name) != label for name, label in wanted.items() if name in predicted and label is not None
    )


def _judge_memory(
    verdict: Verdict, copies: dict[str, list[Batch]], witness: Witness, compacted: list[str]
) -> None:
    """What the witness saw is still there, unchanged; of a compacted topic older records may have left."""
    if witness.error is not None:
        raise witness.error
    for (topic, partition), kept in witness.remembered.items():
        now = {record.offset: fingerprint(record) for record in copies[topic][partition].records()}
        verdict.remembered += len(kept)
        there = {offset: before for offset, before in kept.items() if topic not in compacted or offset in now}
        verdict.different += sum(now.get(offset) != before for offset, before in there.items())


# -- the replay --------------------------------------------------------------------------------------


def _judge_replay(
    verdict: Verdict, copies: dict[str, list[Batch]], spec: Spec, partition: int, states: Parked | None
) -> None:
    """Walk the journal from nothing: it must join up, and give the committed bytes and the live state."""
    entries = [journal.decode(v or b"") for v in copies[spec.topic("journal")][partition].values]
    shard, made = Shard(spec, partition), Outputs()
    at = dict.fromkeys(spec.inputs, 0)
    for seq, entry in enumerate(entries, 1):
        verdict.broken += entry.seq != seq
        digest = Digest()
        for topic, first, end in entry.runs:
            verdict.broken += at[topic] != first
            at[topic] = end
        verdict.broken += entry.next != at
        for out in walk(shard, entry, copies, partition):
            digest.add(out.lanes())
            made.extend(out)
        verdict.different += digest.hex() != entry.digest or digest.alerts() != entry.alerts
    for what, rows in made.lanes().items():
        wanted, found = _lanes(rows), _written(copies, spec, what, partition)
        if what == "alerts":
            found = [lane for lane in found if b'"source":"worker"' not in (lane[1] or b"")]
            _judge_alerts(verdict, wanted, found)
        if what in COMPACTED:  # of each key the newest is sure to be there
            wanted, found = newest(wanted), newest(found)
        verdict.different += _unlike(wanted, found)
    if states is not None:
        verdict.state_equal &= states.get(partition) == (len(entries), shard.digest())


def _judge_alerts(verdict: Verdict, wanted: list[Lane], found: list[Lane]) -> None:
    """Each transition lies there once; one that is not there any more was followed by another."""
    verdict.transitions += len(wanted)
    told, there = Counter(wanted), Counter(found)
    verdict.alerts_doubled += (there - told).total()
    followed = {key for key, *_ in found}
    verdict.alerts_lost += sum(n for (key, *_), n in (told - there).items() if key not in followed)


def walk(shard: Shard, entry: Entry, copies: dict[str, list[Batch]], partition: int) -> Iterator[Outputs]:
    """What an entry's runs give when they are walked again, cut anywhere."""
    dice = random.Random(entry.seq)
    refused = {(r.topic, r.offset): r for r in entry.refused}
    for topic, first, end in entry.runs:
        copy = copies[topic][partition]
        i, stop = bisect_left(copy.offsets, first), bisect_left(copy.offsets, end)
        while i < stop:
            if (known := refused.get((topic, copy.offsets[i]))) is not None:
                yield shard.refuse(copy.cut(i, i + 1), known.exception, known.message)
                i += 1
                continue
            till = min(stop, i + dice.randint(1, CUT_RECORDS))
            marks = (bisect_left(copy.offsets, offset) for name, offset in refused if name == topic)
            till = min([till, *(mark for mark in marks if mark > i)])
            yield shard.walk(copy.cut(i, till))
            i = till


def newest(lanes: list[Lane]) -> list[Lane]:
    """Of each key the last record, in the order of the records."""
    last = {key: i for i, (key, *_) in enumerate(lanes)}
    return [lanes[i] for i in sorted(last.values())]


def _lanes(rows: Payload) -> list[Lane]:
    headers = rows.headers if rows.headers is not None else [()] * len(rows.values)
    return [(k, v, tuple(h)) for k, v, h in zip(rows.keys, rows.values, headers, strict=True)]


def _written(copies: dict[str, list[Batch]], spec: Spec, what: str, partition: int) -> list[Lane]:
    """What one shard wrote to an output topic, which it may share with others."""
    found = copies[spec.topic(what)]
    mine = found[partition % len(found)].records()
    shared = len(found) < spec.partitions
    return [(r.key, r.value, tuple(r.headers)) for r in mine if not shared or _source(r) == partition]


def _source(record: Record) -> int:
    said = dict(record.headers).get("__streams.errors.partition")
    return int(said) if said is not None else int(_decode(record)["source"]["partition"])


def _unlike(expected: list[Lane], found: list[Lane]) -> int:
    gap = abs(len(expected) - len(found))
    return gap + sum(a != b for a, b in zip(expected, found, strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    steady_hashes()
    spec = read_spec(asked.spec)
    sys.path.insert(0, str(asked.spec.resolve().parent))  # the model may lie beside the spec
    log = open_log(spec.transport, spec.kafka)
    verdict = audit(log, spec)
    log.close()
    report(msgspec.to_builtins(verdict), asked.json)
    raise SystemExit(0 if verdict.holds else 1)


if __name__ == "__main__":
    main()
