"""What is wrong with the conditions of a spec, in a sentence each: found when the spec is read.

Which metrics a model has is known where the model is; the shard refuses those that it has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.alerts.condition import When, clear_of, name_of, parse
from engine.alerts.subjects import SUBJECTS
from engine.duration import DAY_MS, duration_text
from engine.errors import SpecError
from engine.nearest import nearest
from engine.reasons import Reason
from engine.specalerts import Condition
from engine.specparts import Kind

if TYPE_CHECKING:
    from engine.spec import Spec

OVER_MAX_MS = 90 * DAY_MS
FILLED = ("value", "bound", "past", "n", "of", "segment")
BLANK = re.compile(r"\{([^{}]*)\}")
MADE_OF = (
    "prediction",
    "score",
    "confidence",
    "label",
    "error",
    "calibration",
    "together",
    "together.outcomes",
)
RESERVED = "AlertsHeldBack"
OF_FEATURE = ("missing", "outside", "unseen")


def wrong_conditions(spec: Spec) -> Iterator[str]:
    """What is wrong with the conditions of a spec."""
    names = [_named(condition) for condition in spec.conditions]
    for place, condition in enumerate(spec.conditions):
        where = f"alerts[{place}]"
        try:
            when = parse(condition.when)
        except SpecError as error:
            yield f"{where}.when: {error}"
            continue
        for wrong in (_of, _window, _by, _clear, _summary):
            yield from (f"{where}.{said}" for said in wrong(condition, when, spec))
        yield from (f"{where}.{said}" for said in _wrong_names(place, condition, names))
        yield from (f"{where}.{said}" for said in _out_of_reach(condition, spec.conditions, names))
    yield from _in_circles(spec.conditions, names)


def _named(condition: Condition) -> str | None:
    try:
        return name_of(condition)
    except SpecError:
        return None


def _wrong_names(place: int, condition: Condition, names: Sequence[str | None]) -> Iterator[str]:
    name = names[place]
    if name == RESERVED:
        yield f"name: {RESERVED} tells of alerts that were held back; give the condition another name"
    if (first := names.index(name)) < place:
        yield f"name: alerts[{first}] is called {name}, too; give one of them a name"
    known = [each for each in names if each not in (None, name)]
    for other in condition.inhibits:
        if other not in known:
            near = nearest(other, filter(None, known)) or f"; the others are {', '.join(filter(None, known))}"
            yield f"inhibits names {other!r}, which is no other condition{near}"


def _in_circles(conditions: Sequence[Condition], names: Sequence[str | None]) -> Iterator[str]:
    """Conditions that hold each other back would all be told to nobody."""
    under = {name: condition.inhibits for condition, name in zip(conditions, names, strict=True) if name}
    for place, name in enumerate(names):
        seen, next_ = set[str](), list(under.get(name or "", ()))
        while next_:
            if (other := next_.pop()) not in seen:
                seen.add(other)
                next_ += under.get(other, ())
        if name in seen:
            yield f"alerts[{place}].inhibits: {name} would inhibit itself, by way of others that it inhibits"
            return


def _out_of_reach(
    condition: Condition, conditions: Sequence[Condition], names: Sequence[str | None]
) -> Iterator[str]:
    """What the worker judges by its clock can't hold back what a replay has to repeat, nor the other way."""
    mine = _judged(condition)
    for other, name in zip(conditions, names, strict=True):
        theirs = _judged(other)
        if name in condition.inhibits and theirs not in (None, mine):
            yield f"inhibits names {name!r}, which the {theirs} judges, and this one the {mine}"


def _judged(condition: Condition) -> str | None:
    """By the shard or the worker; None if nobody knows, since it can't be read."""
    try:
        return SUBJECTS[parse(condition.when).subject].where
    except SpecError:
        return None


def _of(condition: Condition, when: When, spec: Spec) -> Iterator[str]:
    """What `of` names, and what it is about, has to be there."""
    kind, name, metrics = SUBJECTS[when.subject].of, when.of or "", spec.metrics
    if when.subject == "drift" and spec.drift is None:
        yield "when: nothing is watched for drift; add the section `drift`"
    elif when.subject == "drift" and name:
        yield from _signal(name, spec)
    if kind in ("feature", "field") and not metrics.inputs:
        yield f"when: {when.subject} is counted with `metrics.inputs: true`"
    if when.subject in ("predictions", "score") and not metrics.predictions:
        yield f"when: {when.subject} is counted with `metrics.predictions: true`"
    if kind == "feature":
        yield from _feature(when, name, spec)
    elif kind == "field":
        yield from _field(when, name, spec)
    elif kind == "reason" and name and name not in list(Reason):
        near = nearest(name, Reason) or f"; there are {', '.join(Reason)}"
        yield f"when: {name!r} is no reason of a dead letter{near}"


def _signal(name: str, spec: Spec) -> Iterator[str]:
    base = name.partition("[")[0]
    features = spec.feature_names
    known = [*features, *(f"{feature}.{kind}" for feature in features for kind in OF_FEATURE), *MADE_OF]
    if base not in known and not ("*" in base and set(base.split("*")) <= set(features)):
        yield f"when: there is no signal {base!r}{nearest(base, known)}"


def _feature(when: When, name: str, spec: Spec) -> Iterator[str]:
    fields = list(spec.events.fields) if when.subject == "missing" else []
    known = list(dict.fromkeys([*spec.feature_names, *fields]))
    if name not in known:
        near = nearest(name, known) or f"; there are {', '.join(known)}"
        yield f"when: {name!r} is not among the features{near}"
    elif when.subject == "unseen":
        kinds = dict(zip(spec.feature_names, spec.feature_kinds, strict=True))
        if kinds[name] is not Kind.CATEGORY:
            yield f"when: {name!r} is of type {kinds[name].value}; only of a category are there unseen values"


def _field(when: When, name: str, spec: Spec) -> Iterator[str]:
    fields = spec.events.fields
    if name not in fields:
        near = nearest(name, fields) or f"; there are {', '.join(fields)}"
        yield f"when: {name!r} is not among events.fields{near}"
    elif when.subject == "outside":
        field = fields[name]
        if field.min is None and field.max is None and field.one_of is None:
            yield f"when: nothing of {name!r} is out of range: give the field min, max or one_of"


def _window(condition: Condition, when: When, spec: Spec) -> Iterator[str]:
    over, subject = condition.over, when.subject
    counted = SUBJECTS[subject].over
    if counted == "now":
        if over is not None:
            yield f"over: {subject} is known at any moment, it has no window"
        if condition.at_least is not None and subject == "drift":
            yield "at_least: a drift knows by itself how much is enough"
        if when.moves:
            yield f"when: {subject} has no window to compare with the one before; give a bound"
        return
    if counted == "time" and over is not None and not condition.is_timed:
        yield f"over: {subject} is counted over a time; write a duration, as 5m"
    if condition.is_timed and condition.window() > OVER_MAX_MS:
        yield f"over is at most {duration_text(OVER_MAX_MS)}"
    if not condition.is_timed and condition.at_least is not None and condition.at_least > condition.window():
        yield f"at_least: a window of {condition.window():,.0f} never holds {condition.at_least:,}"


def _by(condition: Condition, when: When, spec: Spec) -> Iterator[str]:
    if condition.by is None:
        return
    if SUBJECTS[when.subject].over != "outcomes":
        yield f"by: only metrics of outcomes are told by segment, and {when.subject} is none"
    elif condition.by not in spec.metrics.segments:
        told = ", ".join(spec.metrics.segments) or "none"
        yield f"by names {condition.by!r}, which metrics.segments does not tell apart; it has {told}"


def _clear(condition: Condition, when: When, spec: Spec) -> Iterator[str]:
    try:
        clear = clear_of(condition, when)
    except SpecError as error:
        yield f"clear: {error}"
        return
    if clear is None:
        return
    if when.subject == "drift":
        yield "clear: a drift has no bound; `lasts` says when it is over"
    elif clear < when.value if when.falls and not when.moves else clear > when.value:
        side = "above" if clear > when.value else "below"
        yield f"clear: {condition.clear} is {side} the bound of {condition.when}; it would be over at once"


def _summary(condition: Condition, when: When, spec: Spec) -> Iterator[str]:
    for blank in BLANK.findall(condition.summary or ""):
        if blank not in FILLED:
            filled = ", ".join(FILLED)
            yield f"summary: {{{blank}}} can't be filled in{nearest(blank, FILLED)}; there are {filled}"
