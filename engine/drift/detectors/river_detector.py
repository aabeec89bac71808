"""Detectors of River, or anybody's: an object with `update(x)` and `drift_detected`, one for each signal.

The first values of a signal are its reference. With `standardise`, numbers count as deviations from its
mean, so that their scale does not matter, unless the reference lies between 0 and 1 as errors do; infinite
ones count as the last that is not far out. The object takes the reference first. How often it raises false
alarms is its own affair: there is no telling how its arguments move that. So nothing is promised; but it
is tried on values drawn from the reference, and `rests` says how often it fell for these.

It goes event by event: 0.3 us a value with River's ADWIN, 300 us with its KSWIN.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.drift.detector import Alarm, Entry, Floats, Levels
from engine.drift.detectors.bootstrap import drawn
from engine.drift.detectors.held import Held, deviations, tamed
from engine.drift.detectors.options import read
from engine.errors import SpecError
from engine.imported import imported
from engine.nearest import nearest

OPTIONS = {"use": "module:Class", "standardise": True, "trial": 2000, "reference": 1000}
BOUNDS = {"trial": (0, 1_000_000), "reference": (50, 1_000_000)}
CLIP = 4.0  # deviations
REACHED = 1.0  # what stands for statistic and threshold where nobody tells them
SEED = 5


@dataclass(slots=True)
class Running:
    """A signal's object, and how values are brought before it."""

    mean: float
    scale: float
    low: float
    high: float
    falls: int  # false alarms on the trial's values
    made: Any

    def scaled(self, values: Floats) -> list[float]:
        with np.errstate(all="ignore"):
            found: list[float] = np.clip((values - self.mean) / self.scale, self.low, self.high).tolist()
        return found

    def first(self, values: Sequence[float]) -> int:
        """Which value is the first that it finds drift at; their number if none."""
        for at, value in enumerate(values):
            self.made.update(value)
            if self.made.drift_detected:
                return at
        return len(values)


class Own:
    """An object for each signal.

    Parameters
    ----------
    signals
        How many.
    make
        Makes one.
    options
        Of the detector itself.

    Examples
    --------
    >>> own = build(1, {"use": "river.drift:ADWIN", "delta": 1e-6, "reference": 200})
    >>> rng = np.random.default_rng(1)
    >>> own.update(rng.normal(0, 1, (1, 1000))), own.rests(0)
    ([], ['nothing: no alarm on 2,000 values drawn from its reference'])
    >>> [alarm.at for alarm in own.update(rng.normal(2, 1, (1, 100)))]
    [55]
    """

    def __init__(self, signals: int, make: Callable[[], Any], options: Mapping[str, Any]) -> None:
        self.make, self.options = make, options
        self.taken = np.zeros(signals, np.int64)
        self.held: dict[int, Held] = {}
        self.running: dict[int, Running] = {}

    def update(self, block: Floats) -> list[Alarm]:
        found: list[Alarm] = []
        for signal in np.flatnonzero((block == block).any(axis=1)).tolist():
            row = block[signal]
            self._take(signal, row, np.flatnonzero(row == row), found)
        return sorted(found, key=lambda alarm: (alarm.at, alarm.signal))

    def _take(self, signal: int, row: Floats, there: Any, found: list[Alarm]) -> None:
        """Take what is there of a signal's values."""
        values, start = row[there], 0
        while start < values.size:
            if (it := self.running.get(signal)) is not None:
                stop = start + it.first(it.scaled(values[start:])) + 1
                self.taken[signal] += min(stop, values.size) - start
                if stop <= values.size:
                    found.append(Alarm(int(there[stop - 1]), signal, REACHED, REACHED, 0, ""))
                    self.restart([signal])
            else:
                held = self.held.setdefault(signal, Held(self.options["reference"]))
                stop = held.take(values, start) + 1
                self.taken[signal] += min(stop, values.size) - start
                if stop <= values.size:
                    self.running[signal] = self._begun(signal, self.held.pop(signal).values)
            start = stop

    def _begun(self, signal: int, reference: Floats) -> Running:
        """What a signal runs with behind its reference."""
        values = tamed(reference)
        it = Running(0.0, 1.0, float(values.min()), float(values.max()), 0, self.make())
        if self.options["standardise"] and not (values.min() >= 0 and values.max() <= 1):
            it.mean, it.scale = deviations(values)
            it.low, it.high = -CLIP, CLIP
        trial = copy.copy(it)
        trial.made = self.make()
        size = self.options["trial"]
        rows = drawn(values, 1, values.size + size, 1, np.random.default_rng([SEED, signal]))
        it.falls = fallen(trial, trial.scaled(rows[0]), values.size)
        for value in it.scaled(values):
            it.made.update(value)
        return it

    # -- what others ask -------------------------------------------------------------------------------

    def allow(self, lengths: Floats, together: float) -> None:
        """Its own arguments say how often it raises alarms."""

    def restart(self, signals: Sequence[int]) -> None:
        for signal in signals:
            self.held.pop(signal, None)
            self.running.pop(signal, None)
            self.taken[signal] = 0

    def levels(self) -> Levels:
        threshold = np.full(self.taken.size, np.inf)
        threshold[list(self.running)] = REACHED
        return Levels(np.zeros(self.taken.size), threshold, self.taken.copy())

    def rests(self, signal: int) -> list[str]:
        """What is known of the run length of a signal, for people."""
        if signal not in self.running or not (trial := self.options["trial"]):
            return []
        falls = self.running[signal].falls
        often = f"a false alarm every {trial / falls:,.0f}" if falls else "no alarm"
        return [f"nothing: {often} on {trial:,} values drawn from its reference"]

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        running = {
            signal: [it.mean, it.scale, it.low, it.high, it.falls, copy.deepcopy(it.made)]
            for signal, it in sorted(self.running.items())
        }
        held = {signal: held.values.copy() for signal, held in sorted(self.held.items())}
        return {"taken": self.taken.copy(), "held": held, "running": running}

    def restore(self, state: dict[str, Any]) -> None:
        self.taken = state["taken"].copy()
        size = self.options["reference"]
        self.held = {signal: Held(size, values) for signal, values in state["held"].items()}
        self.running = {
            signal: Running(mean, scale, low, high, falls, copy.deepcopy(made))
            for signal, (mean, scale, low, high, falls, made) in state["running"].items()
        }


def fallen(it: Running, values: list[float], primed: int) -> int:
    """How many alarms there are on values behind the first, which it takes in silence."""
    for value in values[:primed]:
        it.made.update(value)
    rest, alarms, start = values[primed:], 0, 0
    while start < len(rest):
        start += it.first(rest[start:]) + 1
        alarms += start <= len(rest)
    return alarms


def build(signals: int, given: Mapping[str, Any]) -> Own:
    """Objects for so many signals, of the class that `use` names, with all else that is given."""
    use = given.get("use", OPTIONS["use"])
    options = read(use, OPTIONS, BOUNDS, {name: given[name] for name in OPTIONS if name in given})
    made = imported(use, "drift.detectors", SpecError)
    arguments = {name: given[name] for name in given if name not in OPTIONS}
    _check(use, made, arguments)

    def make() -> Any:
        return made(**arguments)

    try:
        one = make()
        one.update(0.0)
        found = one.drift_detected
    except Exception as exc:  # the user's own code: any error of it is the spec's error
        raise SpecError(f"drift.detectors: {use} raised {type(exc).__name__}: {exc}") from exc
    if not isinstance(found, bool | np.bool_):
        raise SpecError(f"drift.detectors: {use} has a drift_detected that is neither true nor false")
    if getattr(one, "seed", 0) is None:
        raise SpecError(f"drift.detectors: the seed of {use} is not set; give it a number, with: {{seed: 1}}")
    return Own(signals, make, options)


def _check(use: str, made: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Whether it takes these arguments."""
    try:
        signature = inspect.signature(made)
    except ValueError:
        return  # a built-in without a signature: the call itself will tell
    known = [*OPTIONS, *signature.parameters]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for name in arguments:
        if name not in known and not takes_all:
            raise SpecError(f"drift.detectors: {use} has no option {name!r}{nearest(name, known)}")


ENTRY = Entry(build, ("numbers", "shares"), "none", OPTIONS)
