"""The options that a spec gives a detector: known names, numbers within their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import SpecError
from engine.nearest import nearest

Bounds = Mapping[str, tuple[float, float]]


def read(name: str, defaults: Mapping[str, Any], bounds: Bounds, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a detector: those that are given, and the defaults of the others.

    Parameters
    ----------
    name
        The detector's.
    defaults
        Of each option; it says of which type a value has to be.
    bounds
        The least and the largest value of options that are numbers.
    given
        What the spec says.

    Examples
    --------
    >>> read("cusum", {"shift": 1.0}, {"shift": (0.1, 4.0)}, {"shift": 2})
    {'shift': 2.0}
    >>> read("cusum", {"shift": 1.0}, {}, {"shfit": 2})
    Traceback (most recent call last):
    ...
    engine.errors.SpecError: drift.detectors: cusum has no option 'shfit'; did you mean "shift"?
    """
    for option in given:
        if option not in defaults:
            raise SpecError(f"drift.detectors: {name} has no option {option!r}{nearest(option, defaults)}")
    return {
        option: _fit(f"{name}.{option}", default, bounds.get(option), given.get(option, default))
        for option, default in defaults.items()
    }


def _fit(place: str, default: Any, bounds: tuple[float, float] | None, value: Any) -> Any:
    kind = type(default)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and (kind is float or value == int(value)) if kind in (int, float) else type(value) is kind
    if not fits or (number and not math.isfinite(value)):
        raise SpecError(f"drift.detectors: {place} is {value!r}, which is no {kind.__name__}")
    value = kind(value)
    if bounds is not None and not bounds[0] <= value <= bounds[1]:
        least, most = (format(bound, ",.12g") for bound in bounds)
        raise SpecError(f"drift.detectors: {place} is {value}; it has to be from {least} to {most}")
    return value
