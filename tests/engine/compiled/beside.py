"""A model and its compiled twin side by side on the same events: every bit, and every state."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.models.chain import planned
from engine.models.compiled.block import BOOL, FLOAT, INT, LEARN, NONE, PREDICT, TEXT, Answers, Ragged
from engine.models.compiled.twin import Twin
from engine.state import digest
from tests.engine.compiled.streams import Event

CUTS = (1, 2, 16, 100, 256, 999)
KINDS = {float: FLOAT, int: INT, bool: BOOL, str: TEXT, type(None): NONE}

Label = Callable[[Event], Any]


def binary(event: Event) -> bool:
    return event.number > 0


def multiclass(event: Event) -> str:
    return event.kind


def number(event: Event) -> float:
    return event.number


def nothing(event: Event) -> None:
    """Anomalies have no labels."""


@dataclass
class River:
    """River's own side, event by event."""

    model: Any
    label: Label

    def predict(self, event: Event) -> Any:
        if self.label is number:
            return self.model.predict_one(event.x)
        if self.label is nothing:
            return self.model.score_one(event.x)
        return self.model.predict_proba_one(event.x)

    def take(self, event: Event) -> Any:
        """Predict and learn as the operation says; what raises says its name instead."""
        said = None
        try:
            if event.op & PREDICT:
                said = self.predict(event)
            if event.op & LEARN:
                self.learn(event)
        except (ArithmeticError, KeyError, TypeError, ValueError) as exc:
            said = type(exc).__name__
        return said

    def learn(self, event: Event) -> None:
        learn = self.model.learn_one
        if event.op == LEARN:  # some models of ours mind whether a label came at once
            learn = getattr(self.model, "learn_late_one", learn)
        learn(event.x, *(() if self.label is nothing else (self.label(event),)))


@dataclass
class Compiled:
    """The twin's side, in batches; what it hands over is River's.

    Attributes
    ----------
    handed
        How many events were handed over.
    """

    twin: Twin
    label: Label
    handed: int = 0

    def take(self, events: Sequence[Event]) -> list[Any]:
        said, at = list[Any](), 0
        while at < len(events):
            answers, done = self.run(events[at:])
            ops = [event.op for event in events[at : at + done]]
            said += [self.answer(answers, i) if op & PREDICT else None for i, op in enumerate(ops)]
            at += done
            if at < len(events):
                said.append(River(self.twin.write_back(), self.label).take(events[at]))
                self.twin = Twin(self.twin.river, self.twin.names)
                self.handed += 1
                at += 1
        return said

    def run(self, events: Sequence[Event]) -> tuple[Answers, int]:
        ops = np.array([event.op for event in events], np.uint8)
        labels = [self.label(event) if event.op & LEARN else None for event in events]
        rows = encoded(self.twin, [event.x for event in events])
        return self.twin.run(ops, rows, self.twin.model.labels(labels))

    def answer(self, answers: Answers, i: int) -> Any:
        """What River would have returned, but for the type of a 0 or a 1."""
        if answers.kinds is not None and answers.classes is not None:
            classes = answers.classes[answers.kinds[i]]
            return dict(zip(classes, answers.values[i].tolist(), strict=False))
        value = float(answers.values[i])
        return {False: 1.0 - value, True: value} if self.label in (binary, multiclass) else value


def encoded(twin: Twin, rows: Sequence[dict[Any, Any]]) -> Ragged:
    """Rows as the twin takes them."""
    names, flat = twin.names, list[float]()
    layouts = [names.layout(tuple(x), bytes(KINDS[type(v)] for v in x.values())) for x in rows]
    for x in rows:
        for v in x.values():
            flat.append(names.text(v) if isinstance(v, str) else np.nan if v is None else float(v))
    return Ragged(np.array(layouts, np.int64), np.array(flat, np.float64))


def bits(said: Any) -> Any:
    """A prediction as something that is equal only if every bit is; NaN is NaN."""
    if isinstance(said, dict):
        return [(repr(key), bits(value)) for key, value in said.items()]
    if said is None or isinstance(said, str):
        return said
    return "nan" if said != said else struct.pack("d", float(said))


@dataclass
class Outcome:
    """What came of it: the first difference in predictions and in states, if any."""

    events: int
    handed: int
    answers: str = ""
    states: list[str] = field(default_factory=list)


def side_by_side(make: Callable[[], Any], label: Label, events: Sequence[Event], seed: int = 0) -> Outcome:
    """Run both in batches of random sizes, with round trips through River at random moments."""
    rng = random.Random(seed)
    river = River(planned(make()), label)
    compiled = Compiled(Twin(make()), label)
    outcome, at = Outcome(len(events), 0), 0
    while at < len(events) and not (outcome.answers or outcome.states):
        part = events[at : at + rng.choice(CUTS)]
        wanted = [river.take(event) for event in part]
        if rng.random() < 0.1:
            own = River(compiled.twin.write_back(), label)
            said = [own.take(event) for event in part]
            compiled.twin = Twin(own.model, rng.choice((None, compiled.twin.names)))
        else:
            said = compiled.take(part)
        for i, (ours, theirs) in enumerate(zip(said, wanted, strict=True)):
            if bits(ours) != bits(theirs):
                outcome.answers = f"event {at + i}: {ours}, not {theirs}"
                break
        at += len(part)
        if rng.random() < 0.02 or at >= len(events):
            outcome.states = differences(compiled.twin.write_back(), river.model)
    outcome.handed = compiled.handed
    return outcome


def differences(ours: Any, theirs: Any) -> list[str]:
    """The steps whose states differ."""
    if digest(ours) == digest(theirs):
        return []
    steps = getattr(theirs, "steps", {"model": theirs})
    mine = getattr(ours, "steps", {"model": ours})
    return [name for name in steps if digest(steps[name]) != digest(mine[name])] or ["the pipeline"]
