"""What a condition of the spec says: `when`, read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.errors import SpecError
from engine.specalerts import Condition


class When(NamedTuple):
    """What is to be told."""

    subject: str
    of: str | None
    """The signal, where it is about one."""


def parse(text: str) -> When:
    """What a condition is about; SpecError says what was not understood.

    >>> parse("drift of amount")
    When(subject='drift', of='amount')
    """
    words = text.split()
    if words[:1] == ["drift"] and (len(words) == 1 or (len(words) == 3 and words[1] == "of")):
        return When("drift", words[2] if len(words) == 3 else None)
    raise SpecError(f'"{text}" is not understood: write `drift`, or `drift of SIGNAL`')


def name_of(condition: Condition) -> str:
    """What its alerts are called.

    >>> name_of(Condition(when="drift"))
    'Drift'
    """
    return condition.name or "Drift"


def wrong_conditions(conditions: Sequence[Condition]) -> Iterator[str]:
    """What is wrong with the conditions of a spec."""
    for place, condition in enumerate(conditions):
        try:
            parse(condition.when)
        except SpecError as error:
            yield f"alerts[{place}].when: {error}"
