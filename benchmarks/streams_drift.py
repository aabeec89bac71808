"""Streams in which nothing changes, but which make detectors raise alarms: values that resemble those
before them, and values that come and go with the day.

    >>> import numpy as np
    >>> values, times = STREAMS["daily, AR 0.5"](np.random.default_rng(1), 10)
    >>> len(values), int(times[1] - times[0])
    (10, 60000)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

START_MS = 1_700_006_400_000  # a midnight
EVERY_MS = 60_000
DAY = 1_440  # values


def times_of(size: int) -> Ints:
    """A value a minute."""
    return START_MS + EVERY_MS * np.arange(size)


def ar1(rng: Rng, size: int, phi: float) -> Floats:
    """Each value resembles the one before; mean 0 and standard deviation 1."""
    from scipy.signal import lfilter

    noise = rng.normal(size=size + 1_000) * np.sqrt(1 - phi * phi)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise)[1_000:])


def remembering(rng: Rng, size: int, phi: float) -> tuple[Floats, Ints]:
    return ar1(rng, size, phi), times_of(size)


def daily(rng: Rng, size: int, phi: float) -> tuple[Floats, Ints]:
    """A sine over the day, with noise."""
    return np.sin(2 * np.pi * np.arange(size) / DAY) + 0.3 * ar1(rng, size, phi), times_of(size)


def office_hours(rng: Rng, size: int, phi: float) -> tuple[Floats, Ints]:
    """High from nine to six, with a sine besides, and noise."""
    minute = np.arange(size) % DAY
    level = np.where((minute > 540) & (minute < 1_080), 2.0, 0.0)
    return level + 0.5 * np.sin(4 * np.pi * minute / DAY) + 0.3 * ar1(rng, size, phi), times_of(size)


def spread_by_hour(rng: Rng, size: int, phi: float) -> tuple[Floats, Ints]:
    """A sine over the day, with noise that is larger at its height."""
    wave = np.sin(2 * np.pi * np.arange(size) / DAY)
    return wave + 0.2 * (2 + wave) * ar1(rng, size, phi), times_of(size)


def restless(rng: Rng, size: int) -> tuple[Floats, Ints]:
    """Quiet and restless times alternate: GARCH(.1, .85)."""
    values, spread, noise = np.empty(size), 1.0, rng.normal(size=size)
    for i in range(size):
        values[i] = np.sqrt(spread) * noise[i]
        spread = 0.05 + 0.1 * values[i] ** 2 + 0.85 * spread
    return values, times_of(size)


STREAMS: dict[str, Callable[[Rng, int], tuple[Any, Any]]] = {
    **{f"AR {phi}": partial(remembering, phi=phi) for phi in (0.0, 0.1, 0.2, 0.5, 0.9, 0.99)},
    **{f"daily, AR {phi}": partial(daily, phi=phi) for phi in (0.0, 0.5, 0.9)},
    **{f"office hours, AR {phi}": partial(office_hours, phi=phi) for phi in (0.0, 0.5, 0.9)},
    **{f"spread by hour, AR {phi}": partial(spread_by_hour, phi=phi) for phi in (0.0, 0.5, 0.9)},
    "GARCH": restless,
}
"""Values and their times by name; each is to be drawn as long as wanted."""
