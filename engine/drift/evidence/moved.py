"""Which parts of a panel moved since a record: inputs, scores, labels or errors, by all signals of each.

A part's p-value is the least of its signals', times how many they are. Numbers are compared all at once
(`sweep.py`), and only of the one that moved farthest a p-value is worked out; what is 0 or 1 all at once,
too; categories one by one. All values that are remembered count, not a sketch of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.evidence import change, effects
from engine.drift.evidence.reference import made
from engine.drift.evidence.sweep import Sweep
from engine.drift.signals import Kind, Signal

ENOUGH = 100  # values on either side
SOON = 300  # records since that are looked at: a model that learns has not got over it yet
ROWS = 256  # signals that are compared together: what that takes stays near the processor
LOT = 64  # columns that are looked at together for what is neither 0 nor 1

PARTS: dict[str, tuple[Kind, ...]] = {
    "inputs": (Kind.VALUE, Kind.CATEGORY, Kind.MISSING, Kind.OUTSIDE, Kind.UNSEEN, Kind.CORRELATION),
    "scores": (Kind.SCORE, Kind.PREDICTION, Kind.CONFIDENCE),
    "labels": (Kind.LABEL,),
    "errors": (Kind.ERROR,),
}
"""What the signals of a kind tell of."""

PART_OF = {kind: part for part, kinds in PARTS.items() for kind in kinds}


def moved(
    signals: Sequence[Signal], values: Floats, columns: Sequence[int]
) -> Iterator[tuple[int, dict[str, float]]]:
    """By part, how likely chance alone moves a signal so far; for each of some columns, the first one first.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=400), np.r_[rng.normal(size=200), rng.normal(1.0, size=200)]
    >>> [(column, found)] = moved([Signal(Kind.VALUE, "x"), Signal(Kind.SCORE)], np.array([x, y]), [200])
    >>> found["inputs"] > 0.1, found["scores"] < 1e-6
    (True, True)
    """
    values = values[:, : columns[-1] + SOON]
    rows = [i for i, signal in enumerate(signals) if signal.kind in PART_OF and not signal.segment]
    until = _zeros_and_ones(values)
    numbers = [i for i in rows if _is_number(signals[i]) and until[i] < values.shape[1]]
    far = _far(values, numbers, columns)
    for column in columns:
        seen = values[:, : column + SOON]
        x = np.where(until[numbers] < seen.shape[1], far[column], np.nan)
        shares = [i for i in rows if not signals[i].categories and until[i] >= seen.shape[1]]
        done = {*numbers, *shares}
        p = _shares(seen[shares], shares, column)
        p |= {i: _p(signals[i], seen[i], column) for i in rows if i not in done}
        yield column, _least(signals, zip(numbers, x.tolist(), strict=True), p.items())


def _is_number(signal: Signal) -> bool:
    return not signal.categories and signal.kind is not Kind.MISSING


def _zeros_and_ones(values: Floats) -> Ints:
    """By row, the column of the first value that is neither 0 nor 1; behind the last one without any."""
    found, rows = np.full(len(values), values.shape[1]), np.arange(len(values))
    for start in range(0, values.shape[1], LOT):  # of most rows the first values are enough
        here = values[rows, start : start + LOT]
        other = ~((here == 0) | (here == 1) | np.isnan(here))
        is_there = other.any(axis=1)
        found[rows[is_there]] = start + other[is_there].argmax(axis=1)
        rows = rows[~is_there]
    return found


def _far(values: Floats, rows: Sequence[int], columns: Sequence[int]) -> dict[int, Floats]:
    """How far numbers moved since each column, in units of chance; NaN of those with too few values."""
    found = {column: np.empty(len(rows)) for column in columns}
    for start in range(0, len(rows), ROWS):
        sweep = Sweep(values[rows[start : start + ROWS]], columns[0])
        for column in columns:
            far = sweep.far(column, SOON)
            enough = np.minimum(far.n, far.m) >= ENOUGH
            found[column][start : start + ROWS] = np.where(enough, far.scaled, np.nan)
    return found


def _shares(values: Floats, rows: Sequence[int], column: int) -> dict[int, float | None]:
    there, ones = ~np.isnan(values), values == 1
    counts = [
        part.sum(axis=1).tolist() for each in (ones, there) for part in np.split(each, [column], axis=1)
    ]
    return {
        row: None if min(n, m) < ENOUGH else change.share_gap(before / n, since / m, n, m)[1]
        for row, before, since, n, m in zip(rows, *counts, strict=True)
    }


def _p(signal: Signal, values: Floats, column: int) -> float | None:
    before, since = (part[~np.isnan(part)] for part in (values[:column], values[column:]))
    if min(len(before), len(since)) < ENOUGH:
        return None
    reference = made(before, signal.categories, k=len(before))
    return change.compared(signal.kind, reference, np.sort(since)).p_value


def _least(
    signals: Sequence[Signal],
    scaled: Iterable[tuple[int, float]],
    others: Iterable[tuple[int, float | None]],
) -> dict[str, float]:
    """By part the least p-value, times the number of signals; of `scaled` only the largest has it."""
    far: dict[str, list[float]] = {part: [] for part in PARTS}
    known: dict[str, list[float]] = {part: [] for part in PARTS}
    for row, x in scaled:
        if x == x:
            far[PART_OF[signals[row].kind]].append(x)
    for row, p in others:
        if p is not None:
            known[PART_OF[signals[row].kind]].append(p)
    least = {
        part: min(
            [*known[part], *([effects.kolmogorov_tail(max(far[part]))] if far[part] else [])], default=1.0
        )
        for part in PARTS
    }
    counts = {part: len(far[part]) + len(known[part]) for part in PARTS}
    return {part: min(1.0, least[part] * count) for part, count in counts.items() if count}
