"""What the numbers that stand for categories are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.drift.signals import place

NAMES_MAX = 1_000  # of one feature, the first that came
LENGTH_MAX = 100  # characters


class Names:
    """The categories of some features by the numbers that stand for them.

    Examples
    --------
    >>> names = Names(["country"])
    >>> names.learn("country", ["NL", None, "BR"])
    >>> names.of("country")[place("BR")]
    'BR'
    """

    def __init__(self, features: Iterable[str]) -> None:
        self.known: dict[str, dict[Any, float]] = {feature: {None: -1.0} for feature in features}

    def learn(self, feature: str, values: Iterable[Any]) -> None:
        """Remember new ones of a feature that is asked for, in their order, as long as there is room."""
        known = self.known.get(feature)
        if known is None or len(known) > NAMES_MAX:
            return
        for value in dict.fromkeys(values):
            if value not in known and len(known) <= NAMES_MAX:
                known[value] = place(value)

    def of(self, feature: str) -> Mapping[float, str]:
        """Each number's name."""
        known = self.known.get(feature, {})
        return {number: str(value)[:LENGTH_MAX] for value, number in known.items() if value is not None}

    def state(self) -> dict[str, list[Any]]:
        return {feature: list(known)[1:] for feature, known in self.known.items()}

    def restore(self, state: dict[str, list[Any]]) -> None:
        self.known = {
            feature: {None: -1.0} | {value: place(value) for value in values}
            for feature, values in state.items()
        }
