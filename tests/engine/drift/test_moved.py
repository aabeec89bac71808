"""What moved, of all signals at once: the same as of each by itself, and of each record by itself."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import Floats
from engine.drift.evidence import change, effects
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.moved import ENOUGH, PARTS, SOON, moved
from engine.drift.evidence.reference import made
from engine.drift.signals import Kind, Signal, place

WIDTH = 1_500
KINDS = (Kind.VALUE, Kind.MISSING, Kind.SCORE, Kind.CONFIDENCE, Kind.LABEL, Kind.ERROR, Kind.CALIBRATION)
PLACES = np.array([place(name) for name in "abc"])


def panel(seed: int, signals: int = 60) -> tuple[list[Signal], Floats]:
    """Signals of all kinds, some of a segment; steady or shifted, with gaps, ties, infinities, 0 and 1."""
    rng, told, rows = np.random.default_rng(seed), list[Signal](), list[Floats]()
    for i in range(signals):
        values = rng.normal(size=WIDTH) + (np.arange(WIDTH) >= rng.integers(100, WIDTH)) * rng.choice(
            [0, 0.3]
        )
        late = values > np.where(np.arange(WIDTH) < rng.integers(WIDTH), np.inf, 2.0)
        shapes = [values, np.round(values), np.where(values > 1.5, np.inf, values), np.sign(values) * 0.0]
        shapes += [(values > 0) * 1.0, np.where(late, 0.5, values > 0)]
        row = shapes[rng.integers(len(shapes))].astype(np.float64)
        kind, categories = KINDS[rng.integers(len(KINDS))], bool(rng.random() < 0.15)
        row = PLACES[(values > 0).astype(int) + (values > 1)] if categories else row
        row[rng.random(WIDTH) < rng.choice([0, 0.2, 0.85])] = np.nan
        told.append(Signal(kind, f"x{i}", categories, str(rng.choice(["", "", "", "c=a"]))))
        rows.append(row)
    return told, np.array(rows)


def one_by_one(signals: list[Signal], values: Floats, column: int) -> dict[str, float]:
    """The same of each signal by itself, with all that is told of it."""
    found: dict[str, float] = {}
    for part, kinds in PARTS.items():
        rows = [i for i, signal in enumerate(signals) if signal.kind in kinds and not signal.segment]
        known = [p for p in (alone(signals[i], values[i], column) for i in rows) if p is not None]
        found |= {part: min(1.0, min(known) * len(known))} if known else {}
    return found


def alone(signal: Signal, values: Floats, column: int) -> float | None:
    before, since = values[:column], values[column : column + SOON]
    before, since = before[~np.isnan(before)], np.sort(since[~np.isnan(since)])
    if min(len(before), len(since)) < ENOUGH:
        return None
    return change.compared(signal.kind, made(before, signal.categories, k=WIDTH), since).p_value


@pytest.mark.parametrize("seed", range(8))
def test_at_once_is_one_by_one(seed: int) -> None:
    """To the last bit, whatever the values, and of records that are asked for together."""
    signals, values = panel(seed)
    columns = sorted(
        {*np.random.default_rng(seed).integers(ENOUGH, WIDTH - ENOUGH, 3).tolist(), 1_100, 1_120}
    )
    with np.errstate(all="ignore"):
        found = dict(moved(signals, values, columns))
        assert found == {column: one_by_one(signals, values, column) for column in columns}
        assert {"inputs", "scores", "labels", "errors"} == found[1_100].keys()


def test_nothing_to_compare() -> None:
    """Signals that tell of nothing, values that are too few: nothing is said."""
    signals = [Signal(Kind.CALIBRATION), Signal(Kind.VALUE, "x", segment="c=a"), Signal(Kind.VALUE, "y")]
    values = np.full((3, 400), np.nan)
    values[:, ::5] = 1.5
    with np.errstate(all="ignore"):
        assert dict(moved(signals, values, [200])) == {200: {}}
        assert dict(moved([], values[:0], [200])) == {200: {}}


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (5, 40), (3_000, 7), (700, 700), (90, 2_000)])
def test_distance(n: int, m: int) -> None:
    """From the places of the fewer it is what it is at every step, with ties and infinities, too."""
    rng = np.random.default_rng(n + m)
    for digits in (0, 1, 9):
        before, now = (np.round(rng.normal(size=size), digits) for size in (n, m))
        now = np.sort(np.where(now > 1, np.inf, now))
        for k in (64, 4_096):
            sketch = made(before, k=k).values
            assert not isinstance(sketch, Counts)
            assert effects.distance(sketch, now) == effects.kolmogorov(effects.steps(sketch, now))
