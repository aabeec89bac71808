"""The exact Kolmogorov-Smirnov distance: equal to scipy's, whatever the data, the cuts and the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from engine.drift.detector import Alarm, Floats
from engine.drift.detectors import ks_fixed, ks_sliding
from engine.drift.detectors.ks import BYTES_MAX, Ks
from engine.errors import SpecError
from engine.state import digest

Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "digits": lambda rng, size: rng.integers(0, 10, size).astype(float),
    "shares": lambda rng, size: (rng.random(size) < 0.2).astype(float),
    "rounded": lambda rng, size: rng.normal(size=size).round(1),
    "zeros": lambda rng, size: np.where(rng.random(size) < 0.5, 0.0, rng.exponential(size=size)),
    "one": lambda rng, size: np.ones(size),
    "infinite": lambda rng, size: np.where(rng.random(size) < 0.1, np.inf, -rng.exponential(size=size)),
}


@pytest.fixture(params=["plain", "compiled"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Kernels uncompiled, and compiled."""
    for jit in (ks_fixed.jit, ks_sliding.jit):
        monkeypatch.setattr(jit, "compiled", jit.compile_all() if request.param == "compiled" else {})
    return str(request.param)


def made(signals: int, length: float, **options: Any) -> Ks:
    found = Ks(signals, options)
    found.allow(np.full(signals, length), np.inf)
    return found


def fed(detector: Ks, block: Floats, size: int) -> list[Alarm]:
    """The alarms of a block that comes in pieces, by its own columns."""
    starts = range(0, block.shape[1], size)
    pieces = ((start, np.ascontiguousarray(block[:, start : start + size])) for start in starts)
    return [
        alarm._replace(at=alarm.at + start) for start, piece in pieces for alarm in detector.update(piece)
    ]


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("n", [10, 77, 1000])
def test_as_scipy(draw: str, n: int, form: str) -> None:
    """Every window's distance is scipy's, at hundreds of moments, with a change on the way."""
    rng, windows = np.random.default_rng(n), (5, 40, 200)
    values = DRAWS[draw](rng, (2, n + 1000))
    values[:, n + 400 :] += 0.5
    detector, at = made(2, np.inf, windows=list(windows), reference=n), n
    detector.update(np.ascontiguousarray(values[:, :n]))
    for step in [200, *rng.integers(1, 12, 70).tolist()]:
        detector.update(np.ascontiguousarray(values[:, at : at + step]))
        at += step
        for signal, top in enumerate(detector.memory.top(np.arange(2))):
            for w, found in zip(windows, top, strict=True):
                there = ks_2samp(values[signal, :n], values[signal, at - w : at], method="asymp").statistic
                assert abs(found / n / w - there) < 1e-12


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("n", [10, 400])
def test_as_scipy_while_the_reference_slides(draw: str, n: int, form: str) -> None:
    """Every window's distance from what was before it is scipy's."""
    rng, windows, at = np.random.default_rng(n), (5, 40, 200), n + 200
    values = DRAWS[draw](rng, (2, n + 1000))
    values[:, n + 400 :] += 0.5
    detector = made(2, np.inf, windows=list(windows), reference=n, sliding=True)
    detector.update(np.ascontiguousarray(values[:, :at]))
    for step in rng.integers(1, 12, 70).tolist():
        detector.update(np.ascontiguousarray(values[:, at : at + step]))
        at += step
        for signal, top in enumerate(detector.memory.top(np.arange(2))):
            for w, found in zip(windows, top, strict=True):
                before, now = values[signal, at - n - w : at - w], values[signal, at - w : at]
                there = ks_2samp(before, now, method="asymp").statistic
                assert abs(found / n / w - there) < 1e-12


def changing(seed: int) -> Floats:
    """Signals that change, that are constant, missing at times or always, discrete, infinite."""
    rng = np.random.default_rng(seed)
    block = np.stack([draw(rng, (3000,)) for draw in DRAWS.values()] + [np.full(3000, np.nan)] * 2)
    block[:, 1500:] += rng.normal(size=(9, 1))
    block[rng.random(block.shape) < 0.1] = np.nan
    block[-1, 2000:] = rng.normal(size=1000)
    return block


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("size", [1, 7, 256, 3000])
def test_cuts_and_forms(size: int, sliding: bool, form: str) -> None:
    """However a stream is cut, and in both forms, there are the same alarms, levels and state."""
    options: Mapping[str, Any] = {"windows": [20, 100], "reference": 150, "sliding": sliding}
    whole, parted = made(9, 2e3, **options), made(9, 2e3, **options)
    block = changing(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ks_fixed.jit, "compiled", {})
        patch.setattr(ks_sliding.jit, "compiled", {})
        expected = whole.update(block)
    assert len(expected) > 5
    assert fed(parted, block, size) == expected
    assert digest(parted.state()) == digest(whole.state())
    for one, other in zip(parted.levels(), whole.levels(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("at", [30, 200, 1700, 2500])
def test_restored(at: int, sliding: bool, form: str) -> None:
    """It goes on from its state, with the thresholds that it had."""
    block = changing(2)
    first, then = np.ascontiguousarray(block[:, :at]), np.ascontiguousarray(block[:, at:])
    options = {"windows": [20, 100], "reference": 150, "sliding": sliding}
    one, other = (Ks(9, options) for _ in range(2))
    one.allow(np.full(9, 3e3), np.inf)
    one.update(first)
    other.restore(one.state())
    assert digest(other.state()) == digest(one.state())
    assert other.update(then) == one.update(then)
    assert digest(other.state()) == digest(one.state())


def test_alarms_say_what_moved(form: str) -> None:
    """Where to, since when, how far and in which window; the reference is then a new one."""
    rng = np.random.default_rng(3)
    block = rng.normal(size=(3, 6000))
    block[0, 3000:] += 1.0
    block[1, 3000:] -= 1.0
    block[2, 3000:] *= 4.0
    detector = made(3, 1e5)
    alarms = fed(detector, block, 256)
    assert [(alarm.signal, alarm.what) for alarm in sorted(alarms, key=lambda a: a.signal)] == [
        *((0, "up"), (1, "down"), (2, "shape"))
    ]
    assert all(abs(alarm.at + 1 - alarm.back - 3000) <= 50 for alarm in alarms)
    assert all(alarm.statistic >= alarm.threshold for alarm in alarms)
    assert all(3000 < alarm.at < 3300 for alarm in alarms)


def test_silent_on_constants(form: str) -> None:
    """Nothing is found where nothing moves, and what a constant becomes is found at once."""
    block = np.ones((2, 4000))
    block[1, 3000:] = np.inf
    alarms = fed(made(2, 1e4), block, 500)
    assert [(alarm.signal, alarm.back) for alarm in alarms] == [(1, alarms[0].at - 2999)]


def test_few_of_many(form: str) -> None:
    """Of 10,000 signals one has values: only it takes memory, and it is watched."""
    rng = np.random.default_rng(4)
    detector = made(10_000, 1e4)
    block = np.full((10_000, 2000), np.nan)
    block[7_777] = rng.normal(size=2000)
    block[7_777, 1500:] += 3.0
    assert {alarm.signal for alarm in detector.update(block)} == {7_777}
    assert detector.memory.rows.used == 1


def test_restart_and_levels(form: str) -> None:
    """Who begins anew is not ready until a reference and a window are full."""
    detector = made(2, 1e4, windows=[10], reference=20)
    assert np.isinf(detector.levels().threshold).all()
    detector.update(np.random.default_rng(5).normal(size=(2, 40)))
    detector.restart([1, 0])
    detector.restart([])
    detector.update(np.random.default_rng(6).normal(size=(2, 29)))
    assert np.isinf(detector.levels().threshold).all()
    detector.update(np.zeros((2, 1)))
    levels = detector.levels()
    assert np.isfinite(levels.threshold).all()
    assert levels.taken.tolist() == [30, 30]


@pytest.mark.parametrize(
    ("name", "length", "sliding"),
    [("normal", 3e3, False), ("digits", 3e3, False), ("normal", 2e4, False), ("normal", 3e3, True)],
)
def test_run_length(name: str, length: float, sliding: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one false alarm in so many values: for continuous data not far from it, else seldomer."""
    for jit in (ks_fixed.jit, ks_sliding.jit):
        monkeypatch.setattr(jit, "compiled", jit.compile_all())
    rng = np.random.default_rng(7)
    detector, found, signals = made(40, length, sliding=sliding), 0, 40
    for _ in range(10):
        found += len(detector.update(DRAWS[name](rng, (signals, 3000))))
    allowed = signals * 30_000 / length
    assert found <= allowed * (1 + 2 / np.sqrt(allowed))
    assert found >= allowed * (0.3 if name == "normal" else 0.01)


@pytest.mark.parametrize("windows", [(30,), (20, 300)])
def test_other_windows(windows: Sequence[int]) -> None:
    """Without a table there is a bound that is safe."""
    rng = np.random.default_rng(8)
    detector = made(20, 1e3, windows=list(windows), reference=100)
    found = sum(len(detector.update(rng.normal(size=(20, 1000)))) for _ in range(5))
    assert found <= 20 * 5


@pytest.mark.parametrize(
    "options",
    [
        {"window": [64]},
        {"windows": []},
        {"windows": 64},
        {"windows": [1]},
        {"reference": 50_000},
        {"reference": True},
        {"sliding": "yes"},
    ],
)
def test_wrong_options(options: Mapping[str, Any]) -> None:
    """What can't be is refused, with what could be meant."""
    with pytest.raises(SpecError, match=r"^drift.detectors: .*ks"):
        Ks(1, options)


def test_memory_is_bounded() -> None:
    """More signals than there is memory for are refused before there are any values."""
    with pytest.raises(SpecError, match=rf"may take {BYTES_MAX >> 20}"):
        Ks(100_000, {})


def test_no_signals() -> None:
    """There may be nothing to watch."""
    assert made(0, 1e4).update(np.zeros((0, 5))) == made(1, 1e4).update(np.zeros((1, 0))) == []
