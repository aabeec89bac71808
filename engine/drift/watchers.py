"""From the spec to detectors: who watches which signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.drift import prepare
from engine.drift.detector import Entry
from engine.drift.detectors import DETECTORS
from engine.drift.panel import Watcher
from engine.drift.signals import OF_MODEL, SHARES, Kind, Signal
from engine.errors import SpecError
from engine.nearest import nearest
from engine.specdrift import Detector, Drift

OWN = "module:Class"  # the line for detectors that are not ours
GROUPS = {
    Kind.VALUE: "features",
    Kind.CATEGORY: "features",
    Kind.MISSING: "missing",
    Kind.OUTSIDE: "outside",
    Kind.UNSEEN: "unseen",
    Kind.CORRELATION: "correlations",
    Kind.PREDICTION: "predictions",
    Kind.SCORE: "predictions",
    Kind.CONFIDENCE: "confidence",
    Kind.LABEL: "labels",
    Kind.ERROR: "errors",
    Kind.CALIBRATION: "calibration",
}
"""What a spec calls the signals of a kind."""


def entry_of(use: str) -> Entry:
    """The line of the table for what a spec names."""
    return DETECTORS[OWN if ":" in use else use]


def watchers(drift: Drift, signals: Sequence[Signal]) -> list[Watcher]:
    """A watcher for each detector that the spec names and that can watch any of the signals.

    What a model says has watchers of its own: it changes while the model learns, so it has no part in what
    is said of all signals together.
    """
    found = []
    for asked in drift.detectors:
        rows = [i for i, signal in enumerate(signals) if is_for(asked, signal)]
        of_model = [i for i in rows if signals[i].kind in OF_MODEL]
        others = [i for i in rows if signals[i].kind not in OF_MODEL]
        if others:
            found.append(_watcher(asked, drift, others, True))
        if of_model and entry_of(asked.use).each:
            found.append(_watcher(asked, drift, of_model, False))
    return found


def _watcher(asked: Detector, drift: Drift, rows: list[int], together: bool) -> Watcher:
    entry, at = entry_of(asked.use), np.array(rows)
    together &= not entry.each or (entry.together and "together" in drift.watch and len(rows) > 1)
    built = entry.build(len(rows), options(asked, drift))
    return Watcher(asked.use, asked.share, entry.each, together, built, at)


def options(asked: Detector, drift: Drift) -> dict[str, Any]:
    """The options of a detector: its own, and what the spec says of all unless it says otherwise."""
    shared = {"reference": drift.reference.first, "use": asked.use}
    known = entry_of(asked.use).options
    return {name: value for name, value in shared.items() if name in known} | asked.with_


def warm(drift: Drift) -> None:
    """Compile every kernel that watching calls."""
    prepare.warm()
    for asked in drift.detectors:
        entry_of(asked.use).warm()


def is_for(asked: Detector, signal: Signal) -> bool:
    """Whether a detector watches a signal: one that it can watch, and that it is meant for."""
    if takes(signal) not in entry_of(asked.use).takes:
        return False
    return not asked.on or signal.name in asked.on or GROUPS[signal.kind] in asked.on


def takes(signal: Signal) -> str:
    """What a signal is to a detector: numbers, shares or categories."""
    if signal.categories:
        return "categories"
    return "shares" if signal.share or signal.kind in SHARES else "numbers"


def wrong_detectors(drift: Drift) -> Iterator[str]:
    """What is wrong with the detectors that a spec names; others than ours are built by shards only."""
    for asked in drift.detectors:
        if ":" not in asked.use and asked.use not in DETECTORS:
            near = nearest(asked.use, DETECTORS) or f"; there is {', '.join(DETECTORS)}"
            yield f"drift.detectors names {asked.use!r}, which there is not{near}"
        elif asked.use in DETECTORS:
            try:
                entry_of(asked.use).build(1, options(asked, drift))
            except SpecError as error:
                yield str(error)
        yield from _wrong_places(asked, drift)


def _wrong_places(asked: Detector, drift: Drift) -> Iterator[str]:
    """Groups of signals that a detector is meant for, and nobody watches; names are known by shards only."""
    for group in asked.on:
        if group in GROUPS.values() and group not in drift.watch:
            yield f"drift.detectors: {asked.use} is on {group!r}, which drift.watch does not name"
