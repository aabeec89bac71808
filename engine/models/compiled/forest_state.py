"""River's adaptive random forest to arrays and back, but for its trees (`hoeffding_state.py`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from river import drift, metrics

from engine.models.compiled import adwin
from engine.models.compiled.forest_members import (
    BACK,
    CELL_AT,
    COLUMN_AT,
    COUNTED,
    DRIFT,
    FIRST,
    FRONT,
    GUESSES,
    NEAR,
    NOBODY,
    RATE,
    RIGHT_GUESSES,
    ROW_AT,
    TIMES,
    WARNING,
    Forest,
)
from engine.models.compiled.labels import Classes
from engine.models.compiled.step import Unsupported

SHARED = (  # parameters that a forest hands on to its trees
    *("max_features", "grace_period", "max_depth", "delta", "tau", "leaf_prediction", "nb_threshold"),
    *("min_branch_fraction", "max_share_to_split", "memory_estimate_period", "merit_preprune"),
)


def check_forest(source: Any) -> None:
    """Refuse a forest whose parameters have no compiled form."""
    name = type(source).__name__
    if type(source.metric) is not metrics.Accuracy:
        raise Unsupported(f"{name}: this metric has no compiled form")
    for detector in (source.warning_detector, source.drift_detector):
        if type(detector) is not drift.ADWIN:
            raise Unsupported(f"{name}: {type(detector).__name__} has no compiled form")
        if not (0 < detector.delta < 1 and detector.clock >= 1 and detector.min_window_length >= 1):
            raise Unsupported(f"{name}: these parameters of ADWIN have no compiled form")
    model = source._new_base_model()
    for each in (*source.data, *source._background):
        if each is None:
            continue
        if each.rng is not source._rng:
            raise Unsupported(f"{name}: a tree draws from a generator of its own")
        if any(getattr(each, key) != getattr(model, key) for key in SHARED) or not each._growth_allowed:
            raise Unsupported(f"{name}: trees differ in their parameters")


def load_forest(source: Any, classes: Classes, room: int) -> Forest:
    """Members, their scores and their detectors. Tree t of the arena is member t's, t + n its other one."""
    n, buckets = source.n_models, max(d.max_buckets for d in detectors(source))
    forest = Forest(
        members=np.full((n, 6), NOBODY, np.int64),
        scores=np.zeros((n, 2)),
        confusion=np.full((n, 4, room, room + 1), -1.0),
        windows=adwin.empty(2 * n, buckets),
        parameters=np.zeros((4, 5)),
        by_name=np.zeros(0, np.int64),
        order=np.zeros(room, np.int64),
        dice=np.zeros(625, np.int64),
        tosses=np.zeros((1, max(1, source.max_features)), np.int64),
    )
    for row, detector in zip((WARNING, DRIFT), detectors(source), strict=True):
        forest.parameters[row] = adwin.parameters_of(detector)
    forest.parameters[RATE, 0] = math.exp(-source.lambda_value)
    forest.parameters[NEAR, 0] = 100 + 10 * source.lambda_value
    forest.confusion[:, COUNTED] = 0.0
    forest.members[:, FRONT] = np.arange(n)
    for which, tracker in enumerate((source._warning_tracker, source._drift_tracker)):
        forest.members[:, TIMES + which] = 0
        for rank, (member, times) in enumerate(tracker.items()):
            forest.members[member, [FIRST + which, TIMES + which]] = rank, times
    for member in range(n):
        if source._background[member] is not None:
            forest.members[member, BACK] = n + member
        load_score(forest, member, source._metrics[member].cm, classes)
        adwin.load(forest.windows, 2 * member + WARNING, source._warning_detectors[member])
        adwin.load(forest.windows, 2 * member + DRIFT, source._drift_detectors[member])
    return forest


def detectors(source: Any) -> tuple[Any, Any]:
    return source.warning_detector, source.drift_detector


def load_score(forest: Forest, member: int, matrix: Any, classes: Classes) -> None:
    """A confusion matrix, with the orders of its dicts."""
    if list(matrix.sum_row) != list(matrix.data) or matrix.n_samples != matrix.total_weight:
        raise Unsupported("a metric that something else than the forest has used has no compiled form")
    forest.scores[member, [RIGHT_GUESSES, GUESSES]] = matrix._total_true_positives, matrix.total_weight
    cells = forest.confusion[member]
    for rank, guessed in enumerate(matrix.sum_col):
        cells[COLUMN_AT, 0, column(guessed, classes)] = rank
    for row_rank, (label, row) in enumerate(matrix.data.items()):
        y = classes.known(label)
        cells[ROW_AT, y, 0] = row_rank
        for rank, (guessed, times) in enumerate(row.items()):
            cells[CELL_AT, y, column(guessed, classes)] = rank
            cells[COUNTED, y, column(guessed, classes)] = times


def column(guessed: Any, classes: Classes) -> int:
    return 0 if guessed is None else 1 + classes.known(guessed)


def with_classes(forest: Forest, room: int) -> Forest:
    """The forest with room for so many classes."""
    n, _, have, _ = forest.confusion.shape
    confusion = np.full((n, 4, room, room + 1), -1.0)
    confusion[:, COUNTED] = 0.0
    confusion[:, :, :have, : have + 1] = forest.confusion
    return forest._replace(confusion=confusion, order=np.zeros(room, np.int64))


def write_forest(forest: Forest, target: Any, classes: Classes) -> None:
    """Put all but the trees into River's forest."""
    for which, tracker in enumerate((target._warning_tracker, target._drift_tracker)):
        first = forest.members[:, FIRST + which]
        there = np.flatnonzero(first >= 0)
        for member in there[np.argsort(first[there])].tolist():
            tracker[member] = int(forest.members[member, TIMES + which])
    for member in range(target.n_models):
        target._metrics[member] = build_score(forest, member, target.metric, classes)
        warning, drifted = (
            adwin.build(forest.windows, 2 * member + k, d) for k, d in enumerate(detectors(target))
        )
        target._warning_detectors[member], target._drift_detectors[member] = warning, drifted


def build_score(forest: Forest, member: int, model: Any, classes: Classes) -> Any:
    made, cells = model.clone(), forest.confusion[member]
    matrix, names = made.cm, [None, *classes.labels]
    right, guesses = forest.scores[member].tolist()
    if not guesses:
        return made
    matrix.n_samples, matrix.total_weight, matrix._total_true_positives = int(guesses), guesses, right
    for y in in_order(cells[ROW_AT, :, 0]):
        matrix.sum_row[classes.labels[y]] = float(cells[COUNTED, y].sum())
        row = matrix.data[classes.labels[y]]
        for guessed in in_order(cells[CELL_AT, y]):
            row[names[guessed]] = float(cells[COUNTED, y, guessed])
    for guessed in in_order(cells[COLUMN_AT, 0]):
        matrix.sum_col[names[guessed]] = float(cells[COUNTED, :, guessed].sum())
    return made


def in_order(ranks: Any) -> list[int]:
    """The places of all ranks that are not negative, lowest rank first."""
    there = np.flatnonzero(ranks >= 0)
    found: list[int] = there[np.argsort(ranks[there], kind="stable")].tolist()
    return found
