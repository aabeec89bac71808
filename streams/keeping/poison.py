"""Records on which the walk itself fails: each is met once, and then known.

Such a failure leaves the state half changed, so the keeper throws its memory away, recovers, and walks the
batch again record by record. The one that fails again is known now. After one more recovery it is taken as
a dead letter, untouched, and the journal's entry says so: a replay does the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.log import Batch, Refused
from engine.batch import Outputs
from engine.shard import Shard
from streams.keeping import recovery
from streams.keeping.journal import Refusal


class Poison:
    """What one keeper knows of records that its walk fails on."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], Refusal] = {}
        self.suspect: tuple[str, int] | None = None  # topic and end of a batch in which there is one

    def walk(self, shard: Shard, batch: Batch) -> Iterator[Outputs]:
        """Walk a batch; raise Refused when that fails, with the culprit nearer than before."""
        for part in self._parts(batch):
            try:
                yield from recovery.walk(shard, part, self.known)
            except Exception as exc:
                raise self._met(part, exc) from exc

    def _parts(self, batch: Batch) -> list[Batch]:
        """The batch, or each of its records where one of them is suspect."""
        if self.suspect is None or self.suspect[0] != batch.topic or batch.first >= self.suspect[1]:
            return [batch]
        return [batch.cut(i, i + 1) for i in range(len(batch))]

    def _met(self, part: Batch, exc: Exception) -> Refused:
        if len(part) == 1:
            place = part.topic, part.offsets[0]
            self.known[place] = Refusal(*place, type(exc).__name__, str(exc))
        self.suspect = part.topic, part.end
        where = f"{part.topic}-{part.partition}, offsets {part.first} to {part.end - 1}"
        return Refused(f"the walk failed on {where}: {type(exc).__name__}: {exc}")

    def among(self, batch: Batch) -> list[Refusal]:
        """What is known of the records of a batch."""
        if not self.known:
            return []
        places = ((batch.topic, offset) for offset in batch.offsets)
        return [self.known[place] for place in places if place in self.known]
