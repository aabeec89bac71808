"""Streams for detectors: what is steady, and what comes after a change."""

from __future__ import annotations

import numpy as np

from engine.drift.detector import Floats
from engine.drift.signals import place

PLACES = np.array([place(name) for name in ("NL", "BR", "US", "FR", "IN")])
BEFORE, AFTER = (0.4, 0.3, 0.2, 0.05, 0.05), (0.05, 0.05, 0.2, 0.3, 0.4)


def steady(kind: str, signals: int, records: int, seed: int = 0) -> Floats:
    """Values of one distribution, for signals of a kind that detectors take."""
    return _drawn(kind, signals, records, seed, changed=False)


def shifted(kind: str, signals: int, before: int, after: int, seed: int = 0) -> Floats:
    """The same, and then values of another distribution."""
    parts = steady(kind, signals, before, seed), _drawn(kind, signals, after, seed + 1, changed=True)
    return np.concatenate(parts, axis=1)


def _drawn(kind: str, signals: int, records: int, seed: int, changed: bool) -> Floats:
    rng, shape = np.random.default_rng(seed), (signals, records)
    if kind == "numbers":
        return rng.normal(3.0 if changed else 0.0, 1.0, shape)
    if kind == "shares":
        return (rng.random(shape) < (0.7 if changed else 0.1)).astype(np.float64)
    return rng.choice(PLACES, shape, p=AFTER if changed else BEFORE)


def gaps(block: Floats, share: float, seed: int = 0) -> Floats:
    """The same without some of the values."""
    missing = np.random.default_rng(seed).random(block.shape) < share
    return np.where(missing, np.nan, block)


REFERENCE = 1000  # values after which every detector is ready

ODD = {
    "nothing at all": np.full(2500, np.nan),
    "a constant": np.full(2500, 1.0),
    "two values": np.arange(2500) % 2.0,
    "one value, long after none": np.r_[np.full(2499, np.nan), 0.5],
    "infinite values": np.tile([np.inf, 0.1, -np.inf, 0.9, np.inf], 500),
    "infinite values only": np.full(2500, np.inf),
    "largest numbers": np.tile([1.7e308, -1.7e308, 0.0, 1e300], 625),
    "smallest numbers": np.tile([5e-324, 0.0, -5e-324, 1e-310], 625),
    "a new value every record": np.array([place(str(i)) for i in range(2500)]),
    "one other value": np.r_[np.zeros(1999), 1.0, np.zeros(500)],
}
