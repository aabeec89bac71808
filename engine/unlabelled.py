"""Events whose label does not come: forgotten, or taken for negative.

With `labels.unlabelled: negative` an event that has waited for `labels.negative_after` is given the label
`labels.negative`: an outcome that says `assumed`, learned as any other. It stays remembered until
`labels.wait` is over, so that a label which comes after all corrects it.

At most ASSUMED_MAX events are settled so at one turn, lest a jump of event time stop the walk; the others
wait for the next turn, and are not forgotten before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import SpecError
from engine.joined import Counts, Settled, Settlements
from engine.ledger import Ledger
from engine.models.scores import Failure
from engine.spec import Spec

ASSUMED_MAX = 4096  # at one turn, of 1,024 records
WANTED = {"boolean": bool, "category": str, "number": float}


class Negatives:
    """What goes through the ledger and settles what has no label."""

    def __init__(self, spec: Spec, kind: str) -> None:
        labels = spec.labels
        self.label = negative(labels.negative, kind)
        self.after = labels.wait if labels.negative_after is None else labels.negative_after
        self.seen = 0  # slots before this one were looked at

    def settle(self, ledger: Ledger, newest: int, counts: Counts) -> Settlements:
        """Give the negative label to events that have waited long enough."""
        settled = list[Settled]()
        self.seen = max(self.seen, ledger.first)
        stop = ledger.not_before(newest - self.after, self.seen)
        while self.seen < stop and len(settled) < ASSUMED_MAX:
            slot, self.seen = self.seen, self.seen + 1
            if ledger.label(slot) is None:
                name, entry = ledger.entry(slot)
                known_at = entry[1] + self.after
                settled.append(Settled(0, name, entry, None, self.label, known_at, None, assumed=True))
                ledger.settle(slot, self.label)
        counts.assumed += len(settled)
        return Settlements.of(settled)


def unassume(
    ledger: Ledger, settled: Settlements, failures: Sequence[Failure], counts: Counts
) -> Settlements:
    """Take back what the model could not learn; no record is to blame for it, so it is counted only."""
    failed = {failure.index for failure in failures}
    for row in failed:
        slot = ledger.find(settled.ids[row])
        assert slot is not None
        ledger.settle(slot, None)
    counts.assumed -= len(failed)
    counts.unlearned += len(failed)
    return settled.pick([row for row in range(len(settled)) if row not in failed]) if failed else settled


def negative(given: bool | int | float | str, kind: str) -> Any:
    """The label that stands for none, as the model learns it.

    >>> negative(False, "boolean"), negative(0, "number")
    (False, 0.0)
    """
    if kind == "number" and type(given) is int:
        return float(given)
    if type(given) is not WANTED[kind]:
        raise SpecError(f"labels.negative is {given!r}, but a label of this pipeline is a {kind}")
    return given
