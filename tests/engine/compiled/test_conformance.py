"""Every compiled form beside River: the same bits in every prediction, and in every state written back.

The forms are those of the table, so a new one is held to this by being there. One run shows each form some
100,000 events in all, slow models fewer; `DRIFTLINE_CONFORMANCE=full` shows each case 100,000 of its own, and
`DRIFTLINE_CONFORMANCE_EVENTS` says another number.
"""

from __future__ import annotations

import os
from itertools import takewhile
from typing import Any

import numpy as np
import pytest

from engine.models.compiled import COMPILED
from engine.models.compiled.step import Step
from engine.models.compiled.twin import Twin
from engine.state import digest
from tests.engine.compiled.beside import Compiled, bits, side_by_side
from tests.engine.compiled.cases import CASES, Case
from tests.engine.compiled.streams import Event, stream, there

FULL = os.environ.get("DRIFTLINE_CONFORMANCE") == "full"
EVENTS = int(os.environ.get("DRIFTLINE_CONFORMANCE_EVENTS", "100000"))
EVERY = [(form, case, name) for form, cases in CASES.items() for case in cases for name in case.streams]


def size_of(form: str, case: Case) -> int:
    shares = sum(len(each.streams) for each in CASES[form])
    return EVENTS if FULL else EVENTS * case.share // 100 // shares


@pytest.mark.timeout(3600 if FULL else 900)
@pytest.mark.parametrize(("form", "case", "name"), EVERY)
def test_the_same_bits(form: str, case: Case, name: str) -> None:
    """Random cuts, round trips at random moments, predicting and learning mixed, rows of every shape."""
    if not there(name):
        pytest.skip(f"the stream {name} is not here")
    events = stream(name, size_of(form, case), seed=len(form))
    outcome = side_by_side(case.make, case.label, events)
    assert not outcome.answers
    assert not outcome.states
    assert outcome.handed <= case.handed_max * outcome.events + 2


def test_every_form_has_cases_of_its_own() -> None:
    """A form without a case is held to nothing."""
    assert set(CASES) == set(COMPILED)
    for form, cases in CASES.items():
        for case in cases:
            assert form in {place(step.part) for step in steps(Twin(case.make()))}


@pytest.mark.parametrize("form", [form for form in CASES if not form.startswith("river.compose.")])
def test_one_bit_off_is_seen(form: str) -> None:
    """With one number off by its last bit, what is compared is not the same any more.

    The forms of `compose` have no state of their own.
    """
    case = CASES[form][0]
    events = stream(case.streams[0], 610, seed=1)
    right = after(form, case, events, None)
    assert right == after(form, case, events, None)
    tries = (after(form, case, events, which) for which in range(100))
    assert any(found != right for found in takewhile(lambda found: found is not None, tries))


def after(form: str, case: Case, events: list[Event], which: int | None) -> tuple[Any, str] | None:
    """What a compiled model says and comes to; on the way one of its arrays is made wrong by a bit."""
    compiled = Compiled(Twin(case.make()), case.label)
    compiled.take(events[:600])
    if which is not None:
        found = arrays(step_of(form, compiled.twin))
        if which >= len(found):
            return None
        spoil(found[which])
    state = digest(compiled.twin.write_back())
    return bits(dict(enumerate(compiled.take(events[600:])))), state


def spoil(array: Any) -> None:
    """Change the last bit of a number that is not whole, or of the largest; turn an order round."""
    if array.dtype == np.int64:
        there = np.flatnonzero(array >= 0)
        array[there] = array[there[::-1]]
    elif array.size:
        fraction = np.isfinite(array) & (array != np.trunc(array))
        worth = fraction if fraction.any() else np.where(np.isfinite(array), array, -1)
        at = np.unravel_index(np.argmax(worth), array.shape)
        array[at] = np.nextafter(array[at], np.inf) if array.dtype == np.float64 else array[at] + 1


def step_of(form: str, twin: Twin) -> Step:
    return next(step for step in steps(twin) if place(step.part) == form)


def arrays(step: Step) -> list[Any]:
    """The arrays in which a step has its state, directly or in a part."""
    parts = [step, step.part, *(value for value in vars(step).values() if hasattr(value, "write_back"))]
    found = [each for part in parts for value in vars(part).values() for each in within(value)]
    found = [each for each in found if each.dtype in (np.float64, np.int32)]
    return found or [getattr(step, name) for name in ("ranks", "learned") if hasattr(step, name)]


def within(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [each for part in value for each in within(part)]
    return [value] if isinstance(value, np.ndarray) else []


def steps(twin: Twin) -> list[Step]:
    """All steps, those within a union, too."""
    found = [*twin.transformers, twin.model]
    within_unions = [step for union in found for line in getattr(union, "members", ()) for step in line.steps]
    return [*found, *within_unions]


def place(part: Any) -> str:
    """A class by the name under which the table knows it."""
    module = type(part).__module__
    if module.startswith("river."):
        module = ".".join(module.split(".")[:2])
    return f"{module}.{type(part).__qualname__}"
