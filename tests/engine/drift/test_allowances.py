"""What detectors are told is what people are told."""

from __future__ import annotations

import numpy as np

from engine.drift.allowances import given, lengths
from engine.drift.detector import TOGETHER
from engine.drift.stage import Watch
from engine.shard import Shard
from engine.spec import Spec


def watched() -> Watch:
    fields = {"a": {"type": "number"}, "c": {"type": "category", "required": False}}
    drift = {
        "detectors": ["cusum", {"use": "ks", "share": 3}, "classifier"],
        "watch": ["features", "missing", "errors"],
    }
    told = {"pipeline": "p", "events": {"fields": fields}, "labels": {"in_event": "y"}, "drift": drift}
    watch = Shard(Spec.model_validate(told), 0).watch
    assert watch is not None
    return watch


def test_lengths_are_what_is_given() -> None:
    """Each run length is the one that the budget's table shows."""
    watch = watched()
    panels, parts = watch.panels, given(watch.drift, 2, watch.panels, 5.0)
    found = lengths(watch.drift, 2, panels, 5.0)
    for each in parts:
        of_signals, together = found[each.panel][each.watcher]
        told = together if each.row == TOGETHER else of_signals[each.row]
        assert told == each.allowed.values
    assert np.isclose(sum(each.allowed.part for each in parts), 0.5)  # of two partitions, one
