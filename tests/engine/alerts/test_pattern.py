"""Regular expressions of silences: what they match, what is refused, and what they may cost."""

from __future__ import annotations

import random
import re

import pytest

from engine.alerts.pattern import compiled

ATOMS = ("a", "b", "c", ".", "[ab]", "[^a]", r"\d", "1", r"\.", "-", "[a-c1]")
REPEATS = ("*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}", "*?")


def grown(dice: random.Random, depth: int = 0) -> str:
    """An expression at random."""
    kind = dice.random()
    if depth > 3 or kind < 0.4:
        return dice.choice(ATOMS)
    if kind < 0.6:
        return grown(dice, depth + 1) + grown(dice, depth + 1)
    if kind < 0.8:
        return f"({grown(dice, depth + 1)}|{dice.choice(('', grown(dice, depth + 1)))})"
    return f"({grown(dice, depth + 1)}){dice.choice(REPEATS)}"


def test_they_mean_what_they_mean_elsewhere() -> None:
    """Thousands of them match what Python's own match."""
    dice, tried = random.Random(3), 0
    for pattern in (grown(dice) for _ in range(3_000)):
        if len(pattern) > 100 or pattern.count("{") > 2:
            continue
        for _ in range(5):
            text = "".join(dice.choice("abc1.-\n") for _ in range(dice.randrange(7)))
            assert compiled(pattern).matches(text) == bool(re.fullmatch(pattern, text, re.DOTALL))
            tried += 1
    assert tried > 10_000


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(a*)*b", "(a?){140}a{140}b", "(.*)*.*.*.*x", "(((a+)+)+)+b"])
def test_none_runs_away(pattern: str) -> None:
    """Those that take others for ever read each character once."""
    assert not compiled(pattern).matches("a" * 2_000)


WRONG = {
    "a(b": "a group is not closed",
    "a)": "closed that was not opened",
    "*a": "nothing to repeat",
    "a**": "repeats a repeat",
    "a{3,2}": "asks for more than it allows",
    "[a": "a [ is not closed",
    "a\\": "stands for nothing",
    r"(a)\1": "not known here",
    r"\ba": "not known here",
    "(?=a)": "nothing to repeat",
    "a^b": "stands in the middle",
    "[[:alpha:]]": "no class",
    "[b-a]": "bad character range",
    "x" * 201: "201 characters",
    "(a{300}){300}": "more than 300",
    "(((){999}){999}){999}": "too many",
    "(" * 30 + ")" * 30: "20 deep",
}


@pytest.mark.parametrize("pattern", WRONG, ids=lambda pattern: str(pattern)[:20])
def test_what_is_refused(pattern: str) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=re.escape(WRONG[pattern])):
        compiled(pattern)


def test_ends_may_be_named() -> None:
    """The whole text has to match, so saying so changes nothing."""
    assert compiled("^pay.*$").matches("payments")
    assert not compiled("pay").matches("payments")
