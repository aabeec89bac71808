"""What drifted is told apart, by what moved in events and in outcomes, with a model that goes on learning."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import Alarm, Floats
from engine.drift.evidence import cause
from engine.drift.evidence.record import Drift
from engine.drift.evidence.witness import PATIENCE, Witness
from engine.drift.panel import Found
from engine.drift.signals import Kind, Signal
from engine.outputs import Origin
from engine.state import digest

ORIGIN = Origin("p", "logistic_regression", "v1", "p.events", 0)
EVENTS = [Signal(Kind.VALUE, "a"), Signal(Kind.VALUE, "b"), Signal(Kind.SCORE)]
OUTCOMES = [Signal(Kind.LABEL), Signal(Kind.ERROR)]
TURN, AT, N = 1_024, 3_600, 5 * 1_024
ALARM = AT + 40


def simulated(what: str, seed: int, rate: float = 0.01) -> tuple[Floats, Floats]:
    """Events and outcomes of a logistic regression, trained as it goes; from AT on something is other."""
    rng, weights = np.random.default_rng(seed), np.zeros(3)
    events, outcomes = np.empty((3, N)), np.empty((2, N))
    for t in range(N):
        new, x = t >= AT, rng.normal(size=2)
        if what == "labels":
            y = bool(rng.random() < (0.75 if new else 0.4))
            x += (1.0 if y else -0.2) * np.array([1, 0.5])
        else:
            x += new and what == "data"
            slope = [-1.0, 1.5] if new and what == "relation" else [1.5, -1.0]
            y = bool(rng.random() < 1 / (1 + np.exp(0.3 - x @ slope)))
        row = np.append(x, 1.0)
        learned = 1 / (1 + np.exp(-weights @ row))
        score = 1 / (1 + np.exp(-3 * weights @ row)) if new and what == "confidence" else learned
        events[:, t], outcomes[:, t] = [*x, score], [y, abs(y - score)]
        weights += rate * (y - learned) * row
    return events, outcomes


def revised(events: Floats, outcomes: Floats, late: int = 0, cut: int = TURN) -> tuple[list[Drift], str]:
    """What is told again of an alarm of the score, where outcomes come `late` records after their events."""
    pair = [
        Witness("events", ORIGIN, EVENTS, records=2_048),
        Witness("outcomes", ORIGIN, OUTCOMES, records=2_048),
    ]
    told = []
    for start in range(0, N, cut):
        take(pair[0], events, range(start, start + cut))
        take(pair[1], outcomes, range(max(0, start - late), max(0, start + cut - late)))
        if (start + cut) % TURN == 0:
            told += [drift for drift, _ in pair[0].turn(pair[1:])]
    return told, digest([witness.state() for witness in pair])


def take(witness: Witness, block: Floats, numbers: range) -> None:
    """Records, with an alarm of the score in its place."""
    at = ALARM - numbers.start
    here = witness.clock == "events" and 0 <= at < len(numbers)
    found = [Found(at, at, len(numbers) - 1 - at, 2, "ks", Alarm(at, 2, 9.0, 1.0, 40, ""), 40)]
    part = np.ascontiguousarray(block[:, numbers.start : numbers.stop])
    witness.take(part, np.array(numbers), 1_000 * np.array(numbers), [], found if here else [])


@pytest.mark.parametrize("seed", [1, 3, 4])
@pytest.mark.parametrize("what", ["data", "labels", "relation", "confidence"])
def test_what_drifted_is_told(what: str, seed: int) -> None:
    """Covariate shift, prior shift, another P(y|x), and a model that is too sure of itself."""
    told, _ = revised(*simulated(what, seed))
    assert [drift.revision - told[0].revision for drift in told] == [*range(len(told))]
    assert told[-1].cause == what
    assert (told[-1].start.offset, told[-1].detected.offset) == (told[0].start.offset, ALARM)
    assert told[-1].current.n > 200


def test_nothing_moved() -> None:
    """An alarm that was false has no cause."""
    assert revised(*simulated("nothing", 3))[0][-1].cause is None


def test_labels_come_late() -> None:
    """It is told as far as it is known, and again when labels are there."""
    told, _ = revised(*simulated("relation", 1), late=700)
    assert (told[0].moved, told[-1].cause) == ([], "relation")
    assert len(told) == 2


def test_cuts_change_nothing() -> None:
    """The same is told at the same turns, and the same is kept."""
    streams = simulated("labels", 4)
    (told, state), (same, other) = revised(*streams), revised(*streams, cut=128)
    assert [drift.json() for drift in told] == [drift.json() for drift in same]
    assert state == other


def test_labels_never_come() -> None:
    """After a while nothing more is waited for, and nothing is kept."""
    witness = Witness("events", ORIGIN, EVENTS)
    block = np.random.default_rng(1).normal(size=(3, 1_024))
    alarm = Found(900, 900, 123, 0, "ks", Alarm(900, 0, 9.0, 1.0, 40, ""), 40)
    others, told = [Witness("outcomes", ORIGIN, OUTCOMES)], 0
    for start in range(0, PATIENCE + 4 * 1_024, 1_024):
        numbers = np.arange(start, start + 1_024)
        witness.take(block, numbers, numbers, [], [] if start else [alarm])
        told += len(witness.turn(others))
    assert told <= 2
    assert witness.pending == []


@pytest.mark.parametrize("what", ["constant", "missing", "infinite"])
def test_odd_outcomes(what: str) -> None:
    """Whatever errors and labels are, something is told or nothing, and no failure."""
    events, outcomes = simulated("data", 1)
    outcomes[:] = {"constant": 1.0, "missing": np.nan, "infinite": np.inf}[what]
    assert revised(events, outcomes)[0][-1].cause in ("data", "data and relation")


def test_numbers_and_classes() -> None:
    """Where labels are not true and false it is told from which signals moved."""
    p = {"inputs": 0.4, "labels": 0.2, "errors": 1e-9}
    assert cause.cause(p) == "relation"
    assert cause.cause(p | {"inputs": 1e-9}) == "data and relation"
    assert cause.cause(p | {"inputs": 1e-9, "errors": 0.1}) == "data"
    assert cause.cause({"scores": 1e-9, "inputs": 0.3}) == "confidence"
    assert cause.cause({}) is None
