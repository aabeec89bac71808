"""What drifted: the data, the labels, the relation between both, or only the model's confidence.

Two panels with clocks of their own know a part each, so this is asked at a shard's turns, once there are
enough records since a change began in both. What is compared are the records before that moment, by event
time, with those since.

| | inputs | labels | label, given the score | score, given the label | wrong |
|---|---|---|---|---|---|
| data | moved | | | | |
| labels | | moved | moved | as before, but for a shift | |
| relation | as before | | moved | moved | moved |
| confidence | as before | as before | | | as before |

An empty cell may be either. Why: where only the data changed, a score still means what it meant. Where only
the shares of the labels changed, each class looks as it did, so its scores are spread as they were, but for a
common shift once the model learned it. Score and label are known together where labels are true and false.
Elsewhere it is told from which kinds of signals moved, and data and relation are only told apart where one of
them did not.

Of 24 simulated streams of each kind, with a logistic regression that goes on learning, so many were named as
they are (streams as in `tests/engine/drift/test_cause.py`):

| learning rate | data | labels | relation | confidence | nothing |
|---|---|---|---|---|---|
| .01 | 22 | 24 | 24 | 24 | 24 |
| .03 | 22 | 15 | 24 | 24 | 24 |
| .1 | 23 | 4 | 13 | 24 | 23 |

A model that takes over new labels within some dozen records hides what happened to them: then it is data.
While it gets over a change, what it says moves on and nothing else does: that is told as confidence, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence import change, effects
from engine.drift.evidence.moved import ENOUGH, SOON
from engine.drift.evidence.moved import moved as parts
from engine.drift.evidence.recent import View
from engine.drift.evidence.reference import made
from engine.drift.evidence.sweep import near
from engine.drift.signals import Kind, Signal

MOVED = 1e-3  # a p-value below says that it did
BINS = 5
TINY = 1e-6  # scores are kept so far from 0 and 1

Moved = Mapping[str, float]
"""By part, how likely it is that chance alone moved it so far."""


def column_of(view: View, time: int) -> int | None:
    """The first record since a moment; None while there are too few before or since."""
    column = int(np.argmax(view.times >= time)) if len(view) else 0
    return None if column < ENOUGH or len(view) - column < ENOUGH else column


def moved(signals: Sequence[Signal], view: View, columns: Iterable[int]) -> dict[int, dict[str, float]]:
    """What moved in one panel since each of some records."""
    found = {}
    for group in near(columns):
        for column, p in parts(signals, view.values, group):
            gaps = _gaps(signals, view.values[:, : column + SOON])
            found[column] = p if gaps is None else p | _judged(gaps, column)
    return found


def _gaps(signals: Sequence[Signal], values: Floats) -> Floats | None:
    """Labels less scores, where labels are true and false."""
    rows: dict[Kind, Floats] = {}
    for i, signal in enumerate(signals):
        if not (signal.segment or signal.categories):
            rows[signal.kind] = values[i]
    if Kind.CALIBRATION in rows:
        return rows[Kind.CALIBRATION]
    labels, errors = rows.get(Kind.LABEL), rows.get(Kind.ERROR)
    if labels is None or errors is None or not change.is_share(labels[~np.isnan(labels)]):
        return None
    found: Floats = np.where(labels > 0, errors, -errors)
    return found


def _judged(gaps: Floats, column: int) -> dict[str, float]:
    """What labels and scores tell together; `gaps` are labels less scores."""
    before, since = (part[np.isfinite(part)] for part in (gaps[:column], gaps[column:]))
    if min(len(before), len(since)) < ENOUGH:
        return {}
    then, now = _pair(before), _pair(since)
    found = {"label given score": _label_given_score(then, now), "wrong": _wrong(before, since)}
    within = _score_given_label(then, now)
    return found if within is None else found | {"score given label": within}


def _wrong(before: Floats, since: Floats) -> float:
    """Whether more or fewer predictions are wrong."""
    shares = [float((np.abs(part) > 0.5).mean()) for part in (before, since)]
    ones = shares[0] * len(before) + shares[1] * len(since)
    return effects.shares_p(shares[1] - shares[0], ones, len(before), len(since))


def _pair(gaps: Floats) -> tuple[Floats, Floats]:
    """Labels and scores."""
    labels = np.where(gaps > 0, 1.0, 0.0)
    return labels, np.clip(labels - gaps, TINY, 1 - TINY)


def _label_given_score(then: tuple[Floats, Floats], now: tuple[Floats, Floats]) -> float:
    """Whether equal scores come true equally often: in bins of the score, a chi-square."""
    edges = np.unique(np.quantile(np.concatenate([then[1], now[1]]), np.arange(1, BINS) / BINS))
    total, freedom = 0.0, 0
    for i in range(len(edges) + 1):
        z = _gap(*(_in_bin(pair, edges, i) for pair in (then, now)))
        if z is not None:
            total, freedom = total + z * z, freedom + 1
    return effects.chi_square_p(total, freedom) if freedom else 1.0


def _in_bin(pair: tuple[Floats, Floats], edges: Floats, i: int) -> Floats:
    """Labels less scores: what is left of a label when its score is known."""
    labels, scores = pair
    here = np.searchsorted(edges, scores, side="right") == i
    found: Floats = labels[here] - scores[here]
    return found


def _gap(then: Floats, now: Floats) -> float | None:
    if min(len(then), len(now)) < 5:
        return None
    spread = math.sqrt(float(then.var()) / len(then) + float(now.var()) / len(now))
    return float(now.mean() - then.mean()) / spread if spread else None


def _score_given_label(then: tuple[Floats, Floats], now: tuple[Floats, Floats]) -> float | None:
    """Whether the scores of each class are spread as before, but for a shift that both have."""
    parts = []
    for label in (0.0, 1.0):
        before, since = (np.sort(_logit(scores[labels == label])) for labels, scores in (then, now))
        if min(len(before), len(since)) >= 20:
            parts.append((before, since))
    if len(parts) < 2:
        return None
    sizes = np.array([len(since) for _, since in parts])
    shifts = np.array([np.median(since) - np.median(before) for before, since in parts])
    shift = float((shifts * sizes).sum() / sizes.sum())
    ps = [_ks(before, since - shift) for before, since in parts]
    return min(1.0, 2 * min(ps))


def _ks(before: Floats, since: Floats) -> float:
    distance = effects.kolmogorov(effects.steps(made(before).values, since))  # type: ignore[arg-type]
    return effects.kolmogorov_p(distance, len(before), len(since))


def _logit(scores: Floats) -> Floats:
    found: Floats = np.log(scores / (1 - scores))
    return found


def cause(p: Moved) -> str | None:
    """What drifted; None where nothing that is known tells.

    Examples
    --------
    >>> cause({"inputs": 1e-9, "scores": 1e-9, "labels": 0.5, "label given score": 0.4, "wrong": 0.2})
    'data'
    >>> cause({"inputs": 0.5, "labels": 0.5, "label given score": 1e-9, "wrong": 1e-9})
    'relation'
    """
    is_moved = {part for part, value in p.items() if value < MOVED}
    given = "label given score" in p
    relation = "label given score" in is_moved if given else "errors" in is_moved
    wrong = "wrong" in is_moved if given else "errors" in is_moved
    if not is_moved & {"inputs", "labels"} and not wrong and (relation or "scores" in is_moved):
        return "confidence"
    alike = p.get("score given label", 0.0) >= MOVED  # each class looks as it did
    if "labels" in is_moved and alike and (relation or "inputs" not in is_moved):
        return "labels"
    if "inputs" in is_moved:
        return "data and relation" if relation else "data"
    if relation or wrong:
        return "relation"
    return "labels" if "labels" in is_moved else None
