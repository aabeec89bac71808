"""Dead letters: what was refused, why, and how it goes back to where it came from.

A replay sends the original key, value and headers to the original topic and partition, with the time
that the original had, and a header that names the dead letter. No list is kept of what was replayed:
before sending, the source is read from the oldest refused record on, and what carries the name of a dead
letter already is not sent again. So a replay may be run, or stopped, as often as one likes. It forgets
what the source's retention has deleted, and two that run at the same moment do not see each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import NamedTuple

from connectors.log import Headers, Log, Record, Rows
from engine.spec import DELIVERIES, Spec
from streams.records import Placed, Spans, everything, spans

ERRORS = "__streams.errors."
REASON = "driftline.reason"
REPLAYED = "driftline.replayed"
BATCH = 500

Source = tuple[str, int]


class DeadLetter(NamedTuple):
    place: str
    """Its partition and offset among the dead letters: "0-17"."""
    reason: str
    exception: str
    message: str
    source: Source | None
    """The topic and the partition that it came from, as far as its headers tell."""
    offset: int
    record: Record

    @property
    def original(self) -> Headers:
        """The headers that it had before it was refused."""
        return [pair for pair in self.record.headers if not pair[0].startswith((ERRORS, REASON, REPLAYED))]


def letter(placed: Placed) -> DeadLetter:
    said = {name: content.decode(errors="replace") for name, content in placed.record.headers}
    told = {
        name: said.get(ERRORS + name, "") for name in ("exception", "message", "topic", "partition", "offset")
    }
    known = told["topic"] != "" and told["partition"].isdecimal() and told["offset"].isdecimal()
    return DeadLetter(
        place=f"{placed.partition}-{placed.record.offset}",
        reason=said.get(REASON, "unknown"),
        exception=told["exception"],
        message=told["message"],
        source=(told["topic"], int(told["partition"])) if known else None,
        offset=int(told["offset"]) if known else -1,
        record=placed.record,
    )


def letters(log: Log, spec: Spec, parts: Spans | None = None) -> Iterator[DeadLetter]:
    """The dead letters of a pipeline, oldest first."""
    topic = spec.topic("dead_letters")
    return map(letter, everything(log, topic, parts if parts is not None else spans(log, topic)))


class Replay:
    """One run over the dead letters that `wanted` lets through.

    Afterwards `sent` says how many went to which topic, `already` how many had been sent before,
    `astray` how many have no source that this pipeline reads.
    """

    def __init__(self, log: Log, spec: Spec, wanted: Callable[[DeadLetter], bool]) -> None:
        self.log, self.spec, self.wanted = log, spec, wanted
        self.parts = spans(log, spec.topic("dead_letters"))  # what is refused anew is not for this run
        there, topics = log.topics(), (*spec.inputs, spec.topic(DELIVERIES))
        self.sources = {name: spans(log, name) for name in topics if name in there}
        self.sent: Counter[str] = Counter()
        self.already = self.astray = 0

    def run(self, dry: bool = False) -> None:
        """Send what has not been sent; with `dry`, only count."""
        done, times = self._seen()
        for source, batch in _batches(self._pending(done)):
            self.sent[source[0]] += len(batch)
            if not dry:
                self._send(source, batch, times)

    def _chosen(self) -> Iterator[DeadLetter]:
        return filter(self.wanted, letters(self.log, self.spec, self.parts))

    def _seen(self) -> tuple[set[str], dict[tuple[Source, int], int]]:
        """The dead letters that the sources hold again, and the times of the originals."""
        offsets: dict[Source, set[int]] = {}
        for each in self._chosen():
            if each.source is not None and self._is_ours(each.source):
                offsets.setdefault(each.source, set()).add(each.offset)
        done: set[str] = set()
        times: dict[tuple[Source, int], int] = {}
        for source, refused in offsets.items():
            topic, partition = source
            start, end = self.sources[topic][partition]
            for placed in everything(self.log, topic, {partition: (max(start, min(refused)), end)}):
                done |= {content.decode() for name, content in placed.record.headers if name == REPLAYED}
                if placed.record.offset in refused:
                    times[source, placed.record.offset] = placed.record.timestamp
        return done, times

    def _pending(self, done: set[str]) -> Iterator[tuple[Source, DeadLetter]]:
        for each in self._chosen():
            if each.source is None or not self._is_ours(each.source):
                self.astray += 1
            elif each.place in done:
                self.already += 1
            else:
                yield each.source, each

    def _is_ours(self, source: Source) -> bool:
        topic, partition = source
        return partition in self.sources.get(topic, {})

    def _send(self, source: Source, batch: list[DeadLetter], times: dict[tuple[Source, int], int]) -> None:
        records = [each.record for each in batch]
        rows = Rows(
            [record.key for record in records],
            [record.value for record in records],
            [[*each.original, (REPLAYED, each.place.encode())] for each in batch],
        )
        stamps = [times.get((source, each.offset), each.record.timestamp) for each in batch]
        self.log.append(*source, rows, stamps)


def _batches(
    letters: Iterable[tuple[Source, DeadLetter]],
) -> Iterator[tuple[Source, list[DeadLetter]]]:
    """Neighbours with the same source together, so that none overtakes another."""
    for source, group in groupby(letters, key=lambda pair: pair[0]):
        while batch := [each for _, each in islice(group, BATCH)]:
            yield source, batch
