"""What every line of the table of detectors holds."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine.drift.detector import TOGETHER, Alarm, Detector, Floats
from engine.drift.detectors import DETECTORS
from engine.errors import SpecError
from engine.kernels import Kernels
from engine.state import digest
from tests.engine.drift.streams import ODD, REFERENCE, gaps, shifted, steady

NEEDED: dict[str, Mapping[str, Any]] = {"module:Class": {"use": "river.drift:ADWIN", "delta": 1e-7}}
"""What a line can't be built without."""
CASES = [(name, kind) for name, entry in DETECTORS.items() for kind in entry.takes]
EACH = [name for name, entry in DETECTORS.items() if entry.each]
PROMISING = [(name, kind) for name, kind in CASES if DETECTORS[name].guarantee != "none"]
CUTS = (1, 7, 256, 1_000_000)
LENGTH = 1e6
BYTES_MAX = 1 << 19  # of a signal's state


def built(name: str, signals: int, length: float = LENGTH, together: float = np.inf) -> Detector:
    """A detector whose signals may each raise an alarm in so many values."""
    detector = DETECTORS[name].build(signals, NEEDED.get(name, {}))
    detector.allow(np.full(signals, length), together)
    return detector


def fed(detector: Detector, stream: Floats, cut: int = 256) -> list[Alarm]:
    """All alarms on a stream, at their columns of the whole."""
    found: list[Alarm] = []
    for start in range(0, stream.shape[1], cut):
        block = np.ascontiguousarray(stream[:, start : start + cut])
        block.flags.writeable = False
        found += [alarm._replace(at=start + alarm.at) for alarm in detector.update(block)]
    return found


def mixed(kind: str, signals: int = 3) -> Floats:
    """Signals with gaps, which change one after the other; the last has no values at all."""
    rows = [shifted(kind, 1, 2000 + 300 * i, 900 - 300 * i, 10 + i) for i in range(signals)]
    return np.concatenate([gaps(np.concatenate(rows), 0.1), np.full((1, 2900), np.nan)])


def _forms() -> Iterator[dict[str, Any]]:
    """What is compiled, of each module with kernels of detectors."""
    for name, module in list(sys.modules.items()):
        if name.startswith("engine.drift.") and isinstance(getattr(module, "jit", None), Kernels):
            yield module.jit.compiled


@pytest.fixture(scope="module", autouse=True)
def compiled() -> Iterator[None]:
    """Kernels are compiled here, which is quicker; others did not ask for that."""
    before = [(form, dict(form)) for form in _forms()]
    for entry in DETECTORS.values():
        entry.warm()
    yield
    for form, parts in before:
        form.clear()
        form.update(parts)


@pytest.fixture
def uncompiled() -> Iterator[None]:
    """But not in this test."""
    before = [(form, dict(form)) for form in _forms()]
    for form, _ in before:
        form.clear()
    yield
    for form, parts in before:
        form.update(parts)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_quiet_then_loud(name: str, kind: str) -> None:
    """Silent on steady noise, and fires soon after a large change, where it was."""
    detector = built(name, 2)
    assert fed(detector, steady(kind, 2, 2000)) == []
    found = fed(detector, shifted(kind, 2, 0, 700))
    signals = (0, 1) if DETECTORS[name].each else (TOGETHER,)
    assert {alarm.signal for alarm in found} - {TOGETHER} == set(signals) - {TOGETHER}
    first = [next(alarm for alarm in found if alarm.signal == signal) for signal in signals]
    assert all(alarm.statistic >= alarm.threshold > 0 for alarm in first)
    assert all(0 <= alarm.back <= alarm.at + 2001 for alarm in first)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_cuts_change_nothing(name: str, kind: str) -> None:
    """The same alarms and the same state, however the stream is cut."""
    stream, detectors = mixed(kind), [built(name, 4, together=1e5) for _ in CUTS]
    found = [fed(detector, stream, cut) for detector, cut in zip(detectors, CUTS, strict=True)]
    assert found[0]
    assert found == [found[0]] * len(CUTS)
    assert len({digest(detector.state()) for detector in detectors}) == 1


@pytest.mark.parametrize("at", [700, 2100])
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_restored(name: str, kind: str, at: int) -> None:
    """It goes on from its state as if nothing had been, and a state that was given doesn't change."""
    stream, old, new = mixed(kind), built(name, 4), built(name, 4)
    fed(old, stream[:, :at])
    state = old.state()
    before = digest(state)
    rest = fed(old, stream[:, at:])
    assert digest(state) == before
    new.restore(pickle.loads(pickle.dumps(state)))
    assert digest(new.state()) == before
    assert fed(new, stream[:, at:]) == rest
    assert digest(new.state()) == digest(old.state())
    assert digest(state) == before


@pytest.mark.parametrize("name", DETECTORS)
def test_the_state_is_bounded(name: str) -> None:
    """It doesn't grow with the stream."""
    detector, kind = built(name, 1, 1e9), DETECTORS[name].takes[0]
    fed(detector, steady(kind, 1, 10_000, 1), 4096)
    small = len(pickle.dumps(detector.state()))
    fed(detector, steady(kind, 1, 40_000, 2), 4096)
    assert len(pickle.dumps(detector.state())) <= min(BYTES_MAX, small * 1.1 + 1000)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_missing_values_are_no_values(name: str, kind: str) -> None:
    """Records that say nothing of a signal leave no trace in it."""
    values, sparse = shifted(kind, 1, 1500, 500), built(name, 1)
    with_gaps = np.full((1, 4000), np.nan)
    with_gaps[:, 1::2] = values
    found = fed(sparse, with_gaps)
    dense = built(name, 1)
    assert [alarm._replace(at=alarm.at // 2) for alarm in found] == fed(dense, values)
    for one, other in zip(dense.levels(), sparse.levels(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", DETECTORS)
def test_odd_values(name: str, odd: str) -> None:
    """Whatever comes, there are levels, no warnings, and the same state whatever the cuts."""
    stream, detectors = ODD[odd][None], [built(name, 1), built(name, 1)]
    found = [fed(detector, stream, cut) for detector, cut in zip(detectors, (97, 256), strict=True)]
    assert found[0] == found[1]
    assert digest(detectors[0].state()) == digest(detectors[1].state())
    statistic, threshold, taken = detectors[0].levels()
    assert not np.isnan(statistic).any()
    assert not np.isnan(threshold).any()
    assert (taken <= stream.shape[1]).all()
    if odd in ("nothing at all", "a constant", "infinite values only", "one value, long after none"):
        assert found[0] == []


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_constant_that_changes(name: str, kind: str) -> None:
    """A signal that never moved is watched, too."""
    low, high = (0.0, 1.0) if kind == "shares" else (0.25, 0.75)
    detector = built(name, 1)
    assert fed(detector, np.full((1, 2 * REFERENCE), low)) == []
    assert fed(detector, np.full((1, 2 * REFERENCE), high)) != []


@pytest.mark.parametrize("name", DETECTORS)
def test_one_signal_of_many(name: str) -> None:
    """A shift of one signal is found among hundreds that have no values."""
    stream = np.full((300, 2600), np.nan)
    stream[123] = shifted(DETECTORS[name].takes[0], 1, 2000, 600)
    wanted = 123 if DETECTORS[name].each else TOGETHER
    assert {alarm.signal for alarm in fed(built(name, 300), stream)} == {wanted}


@pytest.mark.parametrize("name", EACH)
def test_begun_anew(name: str) -> None:
    """A signal that begins anew is as on its first day, and the others don't notice."""
    kind = DETECTORS[name].takes[0]
    before, after = steady(kind, 2, 1300), shifted(kind, 2, 1500, 500, 5)
    old, fresh, other = built(name, 2), built(name, 2), built(name, 2)
    for detector in (old, other):
        fed(detector, before)
    old.restart([0])
    assert old.levels().taken[0] == 0
    assert np.array_equal(old.levels().taken[1], other.levels().taken[1])
    rows = [[alarm for alarm in fed(each, after) if alarm.signal != TOGETHER] for each in (old, fresh, other)]
    assert [alarm for alarm in rows[0] if alarm.signal == 0] == [a for a in rows[1] if a.signal == 0]
    assert [alarm for alarm in rows[0] if alarm.signal == 1] == [a for a in rows[2] if a.signal == 1]


@pytest.mark.parametrize("name", DETECTORS)
def test_allowed_again(name: str) -> None:
    """Another run length holds from there on, and only the last one given counts."""
    stream, once, twice = mixed(DETECTORS[name].takes[0])[:, :1500], built(name, 4, 1e9), built(name, 4, 1e9)
    fed(once, stream)
    fed(twice, stream, 31)
    thresholds = [once.levels().threshold]
    for length in (1e5, 1e4, 1e3):
        twice.allow(np.full(4, length), np.inf)
        thresholds.append(twice.levels().threshold)
    assert all((less <= more).all() for more, less in pairwise(thresholds))
    once.allow(np.full(4, 1e3), np.inf)
    assert np.array_equal(once.levels().threshold, twice.levels().threshold)
    assert digest(once.state()) == digest(twice.state())


@pytest.mark.parametrize("name", DETECTORS)
def test_levels(name: str) -> None:
    """An alarm is where the statistic reaches the threshold, nowhere else; behind it all begins anew."""
    detector, stream = built(name, 1, 1e4), shifted(DETECTORS[name].takes[0], 1, 1300, 300)
    assert np.isposinf(detector.levels().threshold).all()
    taken = 0
    for column in stream.T:
        found = detector.update(np.ascontiguousarray(column[:, None]))
        levels, taken = detector.levels(), 0 if found else taken + 1
        assert levels.taken.tolist() == [taken]
        assert all(alarm.statistic >= alarm.threshold for alarm in found)
        assert levels.statistic[0] < levels.threshold[0]


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_to_watch(name: str) -> None:
    """No signals, or no records, are no reason to fail."""
    none, some = built(name, 0), built(name, 2)
    assert none.update(np.empty((0, 5))) == some.update(np.empty((2, 0))) == []
    assert none.levels().taken.shape == (0,)
    none.restore(none.state())
    before = digest(some.state())
    some.restart([])
    assert digest(some.state()) == before


@pytest.mark.parametrize("name", DETECTORS)
def test_options(name: str) -> None:
    """The defaults can be written out; a name that is not known is refused, with the nearest one."""
    entry, needed = DETECTORS[name], NEEDED.get(name, {})
    entry.build(1, {**entry.options, **needed})
    for option in entry.options:
        with pytest.raises(SpecError, match=f'did you mean "{option}"'):
            entry.build(1, {**needed, option + "x": 1})
    with pytest.raises(SpecError, match="zzz"):
        entry.build(1, {**needed, "zzz": 1})


@pytest.mark.parametrize(("name", "kind"), PROMISING)
def test_the_budget_holds(name: str, kind: str) -> None:
    """On steady noise there are hardly more alarms than were allowed."""
    signals, records, length = 5, 4000, 1000.0
    found = fed(built(name, signals, length), steady(kind, signals, records, 7), 2000)
    assert len(found) <= signals * records / length / 0.7


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_compiled(name: str, kind: str) -> None:
    """Kernels find the same and leave the same state, uncompiled, compiled, and when they change over."""
    stream, (plain, switched, compiled) = mixed(kind), [built(name, 4, together=1e5) for _ in range(3)]
    found = fed(plain, stream)
    first = fed(switched, stream[:, :1100])
    DETECTORS[name].warm()
    assert first + [a._replace(at=a.at + 1100) for a in fed(switched, stream[:, 1100:])] == found
    assert fed(compiled, stream) == found
    assert digest(plain.state()) == digest(switched.state()) == digest(compiled.state())
