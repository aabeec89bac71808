"""What a condition can be about: a line each.

To add one that the shard can see: its line here, and in `sources.py` where its numbers come from. Those of
the worker, which knows the clock, are judged in `streams/alerts`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

DRIFTS = "what drifted at the same time: `driftline drift status`"


class Unit(StrEnum):
    """What a value is counted in."""

    SHARE = "share"  # from 0 to 1
    RATIO = "ratio"  # written as a share is, and it may be above 1
    NUMBER = "number"
    DURATION = "duration"  # milliseconds
    COUNT = "count"
    RATE = "rate"  # in a second
    BYTES = "bytes"


Over = Literal["outcomes", "events", "labels", "records", "time", "now"]
"""What a window of so many holds; `time`: it can only be so long; `now`: there is none."""
Of = Literal["", "feature", "field", "class", "reason", "signal"]


class Subject(NamedTuple):
    """One of them."""

    told: str
    """What it is, as a sentence goes on after `is`."""
    unit: Unit = Unit.SHARE
    over: Over = "outcomes"
    of: Of = ""
    """What `of` names, if it may name something,"""
    needed: bool = False
    """and whether it has to."""
    where: Literal["shard", "worker"] = "shard"
    look: str = DRIFTS
    """Where to look first."""


_S, _N, _D = Unit.SHARE, Unit.NUMBER, Unit.DURATION
_SOURCE = "what sends the events, and what was changed there"
_LABELS = "what sends the labels: is it late, or has it stopped?"
_LETTERS = "what was refused, and why: `driftline dead-letters list`"
_FEATURES = "the drifts of features, since labels have not told yet: `driftline drift status`"
_GROWTH = "`limits.model_bytes_max`, and what makes the model grow"
_WORKER = "the worker's log and its /metrics"
_LAG = "whether more comes than one worker can do, or it is held up: the worker's log and its /metrics"


def _expected(told: str, unit: Unit = Unit.SHARE) -> Subject:
    return Subject(told, unit, "now", look=_FEATURES)


def _events(told: str, of: Of, look: str = _SOURCE) -> Subject:
    return Subject(told, Unit.SHARE, "events", of, needed=True, look=look)


def _delay(told: str) -> Subject:
    return Subject(told, Unit.DURATION, "labels", look=_LABELS)


def _worker(told: str, unit: Unit = Unit.DURATION, look: str = _WORKER, over: Over = "now") -> Subject:
    return Subject(told, unit, over, where="worker", look=look)


SUBJECTS: dict[str, Subject] = {
    "drift": Subject("a signal that is not what it was", _N, "now", "signal"),
    # what outcomes tell
    "accuracy": Subject("the share of predictions that were right"),
    "error_rate": Subject("the share of predictions that were wrong"),
    "balanced_accuracy": Subject("the mean recall of all classes"),
    "precision": Subject("the share of those predicted as true that were"),
    "recall": Subject("the share of the true that were predicted as such"),
    "f1": Subject("the harmonic mean of precision and recall"),
    "kappa": Subject("how much better predictions were than chance", _N),
    "kappa_m": Subject("how much better predictions were than always the most frequent label", _N),
    "kappa_t": Subject("how much better predictions were than repeating the last label", _N),
    "log_loss": Subject("the loss of the probabilities", _N),
    "brier": Subject("Brier's score of the probabilities", _N),
    "ece": Subject("how far probabilities were from what came true"),
    "roc_auc": Subject("how often a true one had a higher score than a false one"),
    "mae": Subject("the mean absolute error", _N),
    "rmse": Subject("the root of the mean squared error", _N),
    "r2": Subject("the share of the labels' variance that was foretold", _N),
    "mape": Subject("the mean error as a share of the label", Unit.RATIO),
    # what is expected before labels come, where `drift` watches `performance`
    "accuracy_estimated": _expected("the accuracy to be expected before labels come"),
    "accuracy_low": _expected("the least accuracy to be expected before labels come"),
    "accuracy_high": _expected("the greatest accuracy to be expected before labels come"),
    "mae_estimated": _expected("the error to be expected before labels come", _N),
    "mae_low": _expected("the least error to be expected before labels come", _N),
    "mae_high": _expected("the greatest error to be expected before labels come", _N),
    # what comes in, and goes out
    "missing": _events("the share of events without it", "feature"),
    "outside": _events("the share of events refused because it was out of range", "field"),
    "refused": _events("the share of events refused because of it, for any reason", "field", _LETTERS),
    "unseen": _events("the share of events with a value never seen before", "feature"),
    "predictions": _events("the share of predictions of this class", "class", DRIFTS),
    "score": Subject("the mean score", _N, "events"),
    "labels": Subject("labels that came for each event that came", Unit.RATIO, "events", look=_LABELS),
    "label_delay": _delay("how late labels were, on the average"),
    "label_delay_p50": _delay("how late half of the labels were at least"),
    "label_delay_p90": _delay("how late one in ten labels was at least"),
    "dead_letters": Subject("the share of records that were refused", _S, "records", "reason", look=_LETTERS),
    "events_per_second": Subject("how many events came in a second", Unit.RATE, "time", look=_SOURCE),
    "model_bytes": Subject("the size of the model", Unit.BYTES, "now", look=_GROWTH),
    # what only the worker can know, by its clock
    "lag": _worker("how many records wait", Unit.COUNT, _LAG),
    "event_lag": _worker("how old the newest scored record is", look=_LAG),
    "latency": _worker("from an event to its prediction, 99 of 100", look=_LAG),
    "commit_age": _worker("how long ago the last commit was"),
    "snapshot_age": _worker("how long ago the last snapshot was"),
    "no_data": _worker("how long no event came", look=_SOURCE),
    "feature_age": _worker("how old the features in the cache are"),
    "cache_errors": _worker("how many writes to the cache failed", Unit.COUNT, over="time"),
    "stalled": _worker("how long there was no progress while records waited"),
    "reopened": _worker("how often the shard was opened anew in ten minutes", Unit.COUNT, over="time"),
    "retention_short": _worker("how many topics no longer reach back to the older snapshot", Unit.COUNT),
    "cache_away": _worker("how long the cache could not be reached"),
    "storage": _worker("how full the disk is", Unit.SHARE),
}
