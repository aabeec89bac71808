"""What blocks go through before detectors see them: held, put together, and never depending on cuts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.drift import prepare as preparing
from engine.drift import season
from engine.drift.dependence import estimate
from engine.drift.detector import Floats, Ints
from engine.drift.prepare import Options, Prepare
from engine.drift.signals import Kind, Signal
from engine.state import digest

VALUE, CATEGORY = Signal(Kind.VALUE, "x"), Signal(Kind.CATEGORY, "c", categories=True)
AUTO = Options(warm_up=200)
HOURLY = Options(warm_up=200, season_ms=3_600_000)
BOTH = pytest.mark.parametrize("options", [AUTO, HOURLY], ids=["plain", "season"])


def ar1(rng: np.random.Generator, size: int, phi: float) -> Floats:
    values, noise = np.empty(size), rng.normal(size=size)
    for i in range(size):
        values[i] = noise[i] + (phi * values[i - 1] if i else 0.0)
    return values


def streams(size: int = 900) -> tuple[list[Signal], Floats]:
    """Noise, remembering, constant, rare, categories that remember, never anything, infinite."""
    rng = np.random.default_rng(5)
    rare = np.where(rng.random(size) < 0.5, rng.normal(size=size), np.nan)
    remembering = np.sign(ar1(rng, size, 0.8))
    infinite = np.where(rng.random(size) < 0.1, np.inf, ar1(rng, size, 0.9))
    rows = [rng.normal(size=size), ar1(rng, size, 0.6), np.ones(size), rare, remembering]
    rows += [np.full(size, np.nan), infinite]
    signals = [VALUE] * 4 + [CATEGORY] + [VALUE] * 2
    return signals, np.array(rows)


def times_of(first: int, size: int) -> Ints:
    """A record a minute."""
    return 60_000 * np.arange(first, first + size)


def cut(prepare: Prepare, block: Floats, sizes: Sequence[int]) -> list[tuple[int, str]]:
    """What detectors take, by record: the number of the record, and what it is without regard to cuts."""
    found: list[tuple[int, str]] = []
    first = 0
    for size in sizes:
        part = np.ascontiguousarray(block[:, first : first + size])
        for values, columns in prepare.apply(part, times_of(first, size)).parts():
            found += [
                (first + int(at), column.tobytes().hex())
                for at, column in zip(columns, values.T, strict=True)
            ]
        first += size
    return found


@BOTH
@pytest.mark.parametrize("size", [1, 7, 256])
def test_cuts_make_no_difference(size: int, options: Options) -> None:
    """The same values reach detectors at the same records, and the same state is left."""
    signals, block = streams()
    whole, parted = Prepare(signals, options), Prepare(signals, options)
    sizes = [size] * (900 // size) + ([900 % size] if 900 % size else [])
    assert cut(parted, block, sizes) == cut(whole, block, [900])
    assert digest(parted.state()) == digest(whole.state())


@BOTH
@pytest.mark.parametrize("at", [100, 250, 700])
def test_goes_on_from_its_state(at: int, options: Options) -> None:
    """Restored anywhere, it goes on as the one whose state it was."""
    signals, block = streams()
    one, other = Prepare(signals, options), Prepare(signals, options)
    cut(one, block[:, :at], [at])
    other.restore(one.state())
    assert cut(other, block[:, at:], [900 - at]) == cut(one, block[:, at:], [900 - at])
    assert digest(other.state()) == digest(one.state())


@BOTH
def test_compiled_does_as_plain(options: Options) -> None:
    """Compiled kernels leave the same state, to the bit, and hand on the same values."""
    signals, block = streams()
    plain, compiled = Prepare(signals, options), Prepare(signals, options)
    expected = cut(plain, block, [450, 450])
    preparing.warm()
    try:
        assert cut(compiled, block, [450, 450]) == expected
    finally:
        preparing.jit.compiled.clear()
        season.jit.compiled.clear()
    assert digest(compiled.state()) == digest(plain.state())


def test_nothing_is_lost() -> None:
    """What detectors take of a signal without memory is what it said, once each."""
    block = np.random.default_rng(2).normal(size=(1, 700))
    prepare = Prepare([VALUE], AUTO)
    taken = np.concatenate(
        [part.block[0] for part in prepare.apply(block, times_of(0, block.shape[1])).parts()]
    )
    assert prepare.told()[0].size == 1
    assert taken[~np.isnan(taken)].tolist() == block[0].tolist()


def test_means_of_what_remembers() -> None:
    """A signal that remembers is looked at in means of blocks of four times its correlation time."""
    block = ar1(np.random.default_rng(3), 4_000, 0.5)[None]
    prepare = Prepare([VALUE], Options())
    taken = np.concatenate(
        [part.block[0] for part in prepare.apply(block, times_of(0, block.shape[1])).parts()]
    )
    size = prepare.told()[0].size
    means = block[0, : 4_000 // size * size].reshape(-1, size).mean(axis=1)
    assert 10 <= size <= 16
    np.testing.assert_allclose(taken[~np.isnan(taken)], means)


def test_categories_are_thinned() -> None:
    """A mean of categories means nothing: every so many of them is looked at."""
    signals, block = streams()
    prepare = Prepare(signals, AUTO)
    taken = np.concatenate(
        [part.block[4] for part in prepare.apply(block, times_of(0, block.shape[1])).parts()]
    )
    assert prepare.told()[4].size > 4
    assert set(taken[~np.isnan(taken)].tolist()) == {-1.0, 1.0}


def test_more_values_for_a_long_memory() -> None:
    """A memory too long for the warm-up is given more of it, up to a limit."""
    block = np.cumsum(np.random.default_rng(4).normal(size=900))[None]
    prepare = Prepare([VALUE], AUTO)
    prepare.apply(block[:, :700], times_of(0, 700))
    assert prepare.told()[0].wanted == 100
    prepare.apply(block[:, 700:], times_of(700, 200))
    assert prepare.told()[0].wanted == 0


def test_a_change_while_waiting_is_no_memory() -> None:
    """A shift among the first values doesn't slow the signal down for good."""
    block = np.random.default_rng(6).normal(size=(1, 1_100))
    block[0, 300:] += 2.0
    prepare = Prepare([VALUE], Options())
    prepare.apply(block, times_of(0, 1_100))
    assert prepare.told()[0].size <= 8


def test_infinities() -> None:
    """They are the largest and smallest values; together they leave a number."""
    prepare = Prepare([VALUE], AUTO)
    values = np.repeat(np.random.default_rng(7).choice([np.inf, -np.inf, 0.0], 60), 20)[None]
    taken = np.concatenate(
        [part.block[0] for part in prepare.apply(values, times_of(0, values.shape[1])).parts()]
    )
    assert prepare.told()[0].size > 20
    assert not np.isinf(taken).any()
    assert np.isfinite(taken).sum() > 5


def test_one_of_ten_thousand() -> None:
    """Signals that never say anything cost nothing to hold, and hold nobody up."""
    signals, block = [VALUE] * 10_000, np.full((10_000, 300), np.nan)
    block[77] = np.random.default_rng(8).normal(size=300)
    prepare = Prepare(signals, AUTO)
    taken = [part.block for part in prepare.apply(block, times_of(0, block.shape[1])).parts()]
    told = prepare.told()
    assert [row for row, each in enumerate(told) if each.wanted == 0] == [77]
    assert sum(int((~np.isnan(part)).sum()) for part in taken) == 300


def test_without_dependence_nothing_is_copied() -> None:
    """Told that there is no memory, it hands on the very block."""
    block = np.ones((2, 5))
    assert Prepare([VALUE] * 2, Options(dependence="none")).apply(block, times_of(0, 5)).block is block


def restless(rng: np.random.Generator, size: int) -> Floats:
    """GARCH(.1, .85): independent in level, but quiet and restless times alternate."""
    values, spread, noise = np.empty(size), 1.0, rng.normal(size=size)
    for i in range(size):
        values[i] = np.sqrt(spread) * noise[i]
        spread = 0.05 + 0.1 * values[i] ** 2 + 0.85 * spread
    return values


def test_restless_times_are_outlasted() -> None:
    """Where quiet and restless times alternate, that is told, and blocks are long against them."""
    rng = np.random.default_rng(11)
    prepare = Prepare([VALUE] * 2, Options())
    prepare.apply(np.array([restless(rng, 4_100), rng.normal(size=4_100)]), times_of(0, 4_100))
    told = prepare.told()
    assert [each.volatile for each in told] == [True, False]
    assert told[0].size > 30


@pytest.mark.parametrize("phi", [0.5, 0.9, -0.5])
def test_what_remembers_is_not_restless(phi: float) -> None:
    """The distances of what remembers do so, too; that is no sign of anything else."""
    rng = np.random.default_rng(12)
    assert not any(estimate(ar1(rng, 1_000, phi)).volatile for _ in range(5))


def test_restart() -> None:
    """A restarted signal waits anew; the others go on."""
    prepare = Prepare([VALUE] * 2, AUTO)
    prepare.apply(np.random.default_rng(9).normal(size=(2, 300)), times_of(0, 300))
    prepare.restart([1])
    assert [each.wanted for each in prepare.told()] == [0, 200]


def test_values_for_a_record() -> None:
    """How many values detectors see of a signal for each record, since it began."""
    rng = np.random.default_rng(13)
    rare = np.where(rng.random(8_000) < 0.25, rng.normal(size=8_000), np.nan)
    rare[:1_000] = np.nan  # it began late
    block = np.array([rng.normal(size=8_000), ar1(rng, 8_000, 0.5), rare, np.full(8_000, np.nan)])
    prepare = Prepare([VALUE] * 4, AUTO)
    prepare.apply(block, times_of(0, 8_000))
    size = prepare.told()[1].size
    assert prepare.per_record().tolist() == pytest.approx([1.0, 1 / size, 0.25, 1.0], rel=0.1)
