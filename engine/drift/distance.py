"""How far the latest values of signals are from their references, for whoever asks. It decides nothing.

The Wasserstein distance of numbers is in their own unit: how far a value has to be carried, on average.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.drift.evidence import change

if TYPE_CHECKING:
    from engine.drift.stage import Watch

VALUES_MIN = 50  # of late; fewer say little
MEASURES = ("wasserstein", "jensen_shannon", "difference")  # of numbers, categories, shares


class Distance(NamedTuple):
    """A signal's latest values beside its reference."""

    signal: str
    measure: str
    value: float
    values: int  # how many the latest are


def distances(watch: Watch, names: Collection[str]) -> Iterator[Distance]:
    """Of those of these signals that have a reference and enough values."""
    for witness in watch.witnesses:
        view = witness.recent.view()
        for row, signal in enumerate(witness.signals):
            reference = witness.references.at(row) if signal.name in names else None
            if reference is None or not reference.n:
                continue
            now = np.sort(view.values[row][~np.isnan(view.values[row])])
            if len(now) < VALUES_MIN:
                continue
            with np.errstate(all="ignore"):
                found = change.compared(signal.kind, reference, now).effects
            for measure in MEASURES:
                if (value := found.get(measure)) is not None:
                    yield Distance(signal.name, measure, float(value), len(now))
