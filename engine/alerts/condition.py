"""What a condition says, read: `missing of amount > 5%`.

    drift [of SIGNAL]
    SUBJECT [of NAME] < VALUE            also <=, >, >=
    SUBJECT [of NAME] rises VALUE        also falls: against the window before

A value is a number, `5%`, and where it fits `10m` or `2GB`. After `rises` and `falls` a percentage is a share
of what it was before, a number is the difference.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.alerts.subjects import SUBJECTS, Unit
from engine.duration import duration_ms
from engine.errors import SpecError
from engine.nearest import nearest
from engine.specalerts import Condition

BELOW, ABOVE, MOVES = ("<", "<="), (">", ">="), ("rises", "falls")
SURE = 3.0  # standard errors by which a rise or fall is more than chance
WORDS = {"<": "below", "<=": "below", ">": "above", ">=": "above"}
WHEN = re.compile(
    r"""\s*(?P<subject>\w+)
    (?:\s+of\s+(?P<of>"[^"]+"|.+?))??
    (?:\s*(?P<op><=|>=|<|>|\brises\b|\bfalls\b)(?:\s+by\b)?\s*(?P<value>\S+))?\s*""",
    re.VERBOSE,
)
NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(%|[kMGT]i?B|B)?")
BYTES: dict[str, int] = {"B": 1, **{f"{p}B": 1000**i for i, p in enumerate("kMGT", 1)}}
BYTES |= {f"{p}iB": 1024**i for i, p in enumerate("kMGT", 1)}
HOW = "write SUBJECT < VALUE (or <=, >, >=), SUBJECT rises VALUE (or falls), or drift"


class When(NamedTuple):
    """When people are told."""

    subject: str
    of: str | None = None
    """The feature, class, reason or signal that it is about."""
    op: str = ""
    """`<`, `<=`, `>`, `>=`, `rises` or `falls`; nothing for `drift`."""
    value: float = 0.0
    """In the subject's unit: shares from 0 to 1, durations in milliseconds."""
    relative: bool = False
    """Of `rises` and `falls`: whether the value is a share of what was before."""

    @property
    def falls(self) -> bool:
        """Whether it is small values that people are told of."""
        return self.op in BELOW or self.op == "falls"

    @property
    def moves(self) -> bool:
        """Whether it compares with its own past."""
        return self.op in MOVES


def parse(text: str) -> When:
    """What a condition is about; SpecError says what was not understood.

    >>> parse("missing of amount > 5%")
    When(subject='missing', of='amount', op='>', value=0.05, relative=False)
    >>> parse("error_rate rises 20%").relative, parse("label_delay > 2d").value
    (True, 172800000.0)
    >>> parse("drift of amount")
    When(subject='drift', of='amount', op='', value=0.0, relative=False)
    """
    found = WHEN.fullmatch(text)
    if found is None:
        raise SpecError(f'"{text}" is not understood: {HOW}')
    name, of, op = found["subject"], found["of"], found["op"]
    if name not in SUBJECTS:
        near = nearest(name, SUBJECTS) or f"; there are {', '.join(SUBJECTS)}"
        raise SpecError(f'there is nothing called "{name}"{near}')
    of = None if of is None else of.strip('"')
    _check_of(name, of)
    if (name == "drift") is not (op is None):
        raise SpecError(f'"{text}" is not understood: {_shape(name)}')
    if op is None:
        return When(name, of)
    return When(name, of, op, *_value(name, op, found["value"]))


def _shape(name: str) -> str:
    return (
        "a drift has no bound" if name == "drift" else f"what of it? write {name} < VALUE, or {name} > VALUE"
    )


def _check_of(name: str, of: str | None) -> None:
    subject = SUBJECTS[name]
    if of is not None and not subject.of:
        raise SpecError(f"{name} is of nothing in particular: leave out `of {of}`")
    if of is None and subject.needed:
        raise SpecError(f"{name} of what? write `{name} of` and the name of a {subject.of}")


def _value(name: str, op: str, text: str) -> tuple[float, bool]:
    moves = op in MOVES
    if moves and text.endswith("%"):
        value = amount(text, Unit.SHARE, name)
    else:
        value = amount(text, SUBJECTS[name].unit, name)
        share = SUBJECTS[name].unit is Unit.SHARE
        if share and not 0 <= value <= 1:
            raise SpecError(f"{name} is a share, from 0 to 1 or 0% to 100%; {text} is beyond it")
    if moves and value <= 0:
        raise SpecError(f"{name} {op} {text}: by how much? write a number above 0")
    return value, moves and text.endswith("%")


def amount(text: str, unit: Unit, name: str) -> float:
    """A value in a unit: shares as they are, durations in milliseconds.

    >>> amount("5%", Unit.SHARE, "missing"), amount("2GB", Unit.BYTES, "model_bytes")
    (0.05, 2000000000.0)
    """
    if unit is Unit.DURATION:
        try:
            return float(duration_ms(text))  # type: ignore[arg-type]
        except ValueError:
            raise SpecError(f'{name} is a duration, as 30s, 10m or 2d; "{text}" is none') from None
    found = NUMBER.fullmatch(text)
    if found is None:
        raise SpecError(f'"{text}" is not a number')
    mark = found[2] or ""
    if mark == "%" and unit not in (Unit.SHARE, Unit.RATIO):
        raise SpecError(f"{name} is no share, so {text} is none of it; write a number")
    if mark in BYTES and unit is not Unit.BYTES:
        raise SpecError(f"{name} is not counted in bytes; write a number without {mark}")
    if mark == "%":
        return float(f"{found[1]}e-2") if "e" not in found[1].lower() else float(found[1]) / 100
    times: int = BYTES.get(mark, 1)
    return float(found[1]) * times


def clear_of(condition: Condition, when: When) -> float | None:
    """The value at which a condition is over, if it says so.

    >>> clear_of(Condition(when="missing of amount > 5%", clear="4%"), parse("missing of amount > 5%"))
    0.04
    """
    if condition.clear is None:
        return None
    unit = Unit.SHARE if when.relative else SUBJECTS[when.subject].unit
    return amount(str(condition.clear), unit, when.subject)


def name_of(condition: Condition) -> str:
    """What its alerts are called.

    >>> name_of(Condition(when="drift")), name_of(Condition(when="missing of amount > 5%"))
    ('Drift', 'MissingOfAmountAbove')
    >>> name_of(Condition(when="error_rate rises 20%"))
    'ErrorRateRises'
    """
    if condition.name is not None:
        return condition.name
    when = parse(condition.when)
    told = [when.subject, *(["of", when.of] if when.of else []), WORDS.get(when.op, when.op)]
    return "".join(word[:1].upper() + word[1:] for part in told for word in re.findall("[A-Za-z0-9]+", part))


def holds(when: When, value: float, past: float | None = None, noise: float = 0.0) -> bool:
    """Whether people are to be told of a value, and of what it was before.

    `noise` is the standard error of the difference, where it is known: what may be chance is no rise or fall.

    >>> holds(parse("accuracy < 0.8"), 0.79), holds(parse("mae rises 20%"), 1.3, past=1.0)
    (True, True)
    >>> holds(parse("error_rate rises 20%"), 0.013, past=0.01, noise=0.002)
    False
    """
    sure = past is None or abs(value - past) > SURE * noise
    return sure and _beyond(when, when.value, value, past)


def is_over(when: When, clear: float | None, value: float, past: float | None = None) -> bool:
    """Whether a value has come back far enough for an alert to end.

    `clear` is the value at which it does, in the terms of the condition. Without one it has to come back by
    a twentieth of the bound (of a share near 1, of what it lacks to 1), so that what lies close to the bound
    does not come and go.

    >>> when = parse("accuracy < 0.8")
    >>> is_over(when, None, 0.805), is_over(when, None, 0.81), is_over(when, 0.82, 0.81)
    (False, True, False)
    """
    bound = default_clear(when) if clear is None else clear
    return not _beyond(when, bound, value, past)


def default_clear(when: When) -> float:
    """Where an alert ends if the spec doesn't say.

    >>> default_clear(parse("accuracy < 0.8")), default_clear(parse("lag > 1000"))
    (0.81, 950.0)
    """
    bound = when.value
    if when.moves:
        return bound / 2
    margin = abs(bound) / 20
    if SUBJECTS[when.subject].unit is Unit.SHARE and when.falls:
        margin = min(margin, (1 - bound) / 20)
    return bound + margin if when.falls else bound - margin


def _beyond(when: When, bound: float, value: float, past: float | None) -> bool:
    if when.moves:
        if past is None:
            return False
        by = bound * abs(past) if when.relative else bound
        moved = value - past if when.op == "rises" else past - value
        return moved > 0 and moved >= by
    if when.op in BELOW:
        return value < bound or (when.op == "<=" and value == bound)
    return value > bound or (when.op == ">=" and value == bound)
