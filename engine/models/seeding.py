"""A replay gives the same bytes only if every random choice comes from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import ModelError


def seeded(model: Any) -> Any:
    """Return the model if none of its parts draws from an unset seed, else raise ModelError.

    Examples
    --------
    >>> from river import forest
    >>> seeded(forest.ARFClassifier())
    Traceback (most recent call last):
    ...
    engine.errors.ModelError: the model's seed is not set (ARFClassifier.seed); give it a number
    >>> seeded(forest.ARFClassifier(seed=1)).seed
    1
    """
    if hasattr(model, "_get_params"):
        name = type(model).__name__
        for place in _unset(model._get_params(), name):
            raise ModelError(f"the model's seed is not set ({place}); give it a number")
    return model


def _unset(part: Any, place: str) -> Iterator[str]:
    """The places of every `seed` that is None, in River's nested parameters."""
    if hasattr(part, "_get_params") and not isinstance(part, type):
        yield from _unset(part._get_params(), f"{place}.{type(part).__name__}")
    elif isinstance(part, Mapping):
        for name, value in part.items():
            if name == "seed" and value is None:
                yield f"{place}.seed"
            yield from _unset(value, f"{place}.{name}")
    elif isinstance(part, (tuple, list)):
        for value in part:
            yield from _unset(value, place)
