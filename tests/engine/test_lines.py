"""The kernel that writes outputs makes the bytes that msgspec makes."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.log import Batch
from engine import outputs
from engine.columns import Events
from engine.joined import Settlements
from engine.lines import Template
from engine.lines_kernel import fill
from engine.models.scores import Odds, Scores
from engine.outputs import Origin
from engine.templates import Templates

ORIGIN = Origin('pi"pe', "my_models:build", "0a1b", "p.events", 3)
TEMPLATES = Templates(ORIGIN, fill)
WHOLE = st.integers(-(2**62), 2**62)
SHARE = st.floats(0, 1)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUE = st.one_of(st.none(), st.booleans(), FLOAT, NAMES)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


@st.composite
def scored(draw: st.DrawFn) -> tuple[Events, list[int], Scores]:
    """Events with predictions of any kind."""
    n = draw(st.integers(1, 9))

    def column(of: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(of, min_size=n, max_size=n))

    events = Events(Batch("p.events", 3, 0, 0, [], [], [], []), list(range(n)))
    events.ids, events.entities, events.times = column(NAMES), column(NAMES), column(WHOLE)
    odds: Any = column(some(st.dictionaries(NAMES, SHARE, max_size=4)))
    scores = column(some(FLOAT))
    if draw(st.booleans()):
        scores = column(SHARE)
        odds = Odds([1 - yes for yes in scores], scores)
    sets = draw(some(st.just(column(st.lists(NAMES, max_size=3)))))
    intervals = draw(some(st.just(column(st.tuples(FLOAT, FLOAT)))))
    found = Scores(column(VALUE), scores, odds)
    found.intervals, found.sets = intervals, sets
    return events, column(WHOLE), found


@settings(max_examples=300, deadline=None)
@given(scored())
def test_predictions_are_the_same_bytes(drawn: tuple[Events, list[int], Scores]) -> None:
    """Whatever is predicted, and whatever events and entities are called."""
    events, offsets, scores = drawn
    wanted = outputs.predictions(ORIGIN, events, offsets, scores)
    assert TEMPLATES.predictions(events, offsets, scores) == wanted


KINDS = (st.booleans(), NAMES, FLOAT)
JUDGED = st.one_of(*(st.tuples(some(kind), kind) for kind in KINDS))  # a prediction and its label
ROW = st.tuples(NAMES, NAMES, JUDGED, some(FLOAT), some(FLOAT), VALUE, st.booleans(), WHOLE, WHOLE, WHOLE)


@settings(max_examples=300, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=9), some(st.booleans()), some(st.dictionaries(NAMES, some(FLOAT))))
def test_outcomes_are_the_same_bytes(rows: list[Any], covered: Any, metrics: Any) -> None:
    """Whatever the label is, and whatever is known of it."""
    ids, entities, judged, scores, weights, before, assumed, *whole = map(list, zip(*rows, strict=True))
    settled = Settlements(list(range(len(rows))), ids, entities=entities, scores=scores, weights=weights)
    settled.predictions, settled.labels = map(list, zip(*judged, strict=True))
    settled.before, settled.assumed = before, assumed
    settled.times, settled.label_times, settled.offsets = whole
    inside = None if covered is None else [covered] * len(rows)
    wanted = outputs.outcomes(ORIGIN, settled, inside, metrics)
    assert TEMPLATES.outcomes(settled, inside, metrics) == wanted


@given(st.lists(st.tuples(NAMES, WHOLE), min_size=1, max_size=300))
def test_a_line_has_room_for_all(rows: list[tuple[str, int]]) -> None:
    """Long texts and long numbers lie behind one another, and nothing is cut."""
    names, numbers = zip(*rows, strict=True)
    made = Template([b"<", 0, b"|", ~0, b">"]).lines(fill, len(rows), [names], [numbers])
    wanted = b"".join(b"<%s|%d>\n" % (msgspec.json.encode(name), number) for name, number in rows)
    assert made == wanted
