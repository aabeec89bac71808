"""Planted changes are what is written, where it is written, and the same at every run."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest
from pydantic import ValidationError

from engine.drift.inject.plan import Change, Planted, row_of, span, wrong_changes
from engine.drift.inject.rows import Barren, Planter
from engine.spec import Spec

ROWS, START = 4_000, 2_000
FIELDS = {
    "id": {"type": "text"},
    "x": {"type": "number", "min": -50},
    "n": {"type": "integer", "path": "deep.n"},
    "country": {"type": "category"},
    "new": {"type": "boolean"},
    "note": {"type": "ignored"},
}
SPEC = Spec.model_validate(
    {"pipeline": "p", "events": {"id": "id", "fields": FIELDS}, "labels": {"in_event": "y"}}
)


def rows() -> list[dict[str, Any]]:
    rng = random.Random(7)
    return [
        {
            "id": str(i),
            "x": rng.gauss(10, 2),
            "deep": {"n": rng.randrange(100)},
            "country": rng.choice("AABC"),
            "new": rng.random() < 0.5,
            "y": rng.random() < 0.3,
        }
        for i in range(ROWS)
    ]


def planted(*changes: dict[str, Any], spec: Spec = SPEC, **more: Any) -> list[dict[str, Any]]:
    """The rows with these changes, by default from the middle on."""
    wanted = Planted.model_validate({"changes": changes, **more})
    assert list(wrong_changes(wanted, spec)) == []
    planter, given = Planter(wanted, spec, "boolean"), rows()
    for change in wanted.changes:
        start, until = row_of(change.at, ROWS), change.until
        planter.spans.append(span(change, ROWS, start or 0, None if until is None else row_of(until, ROWS)))
    for row in given[: planter.first]:
        planter.see(row)
    planter.check()
    for i, row in enumerate(given):
        planter.change(i, row)
    return given


def column(given: list[dict[str, Any]], name: str) -> tuple[list[Any], list[Any]]:
    """A field before the change and behind it."""
    values = [row["deep"].get("n") if name == "n" else row.get(name) for row in given]
    return values[:START], values[START:]


@pytest.mark.parametrize(
    "change",
    [
        {"change": "mean", "fields": ["x"], "strength": 0.5},
        {"change": "spread", "fields": ["n"]},
        {"change": "shape", "fields": ["x"]},
        {"change": "categories", "fields": ["country"], "to": "D"},
        {"change": "missing", "fields": ["n"]},
        {"change": "label_flip"},
    ],
)
def test_only_what_is_named(change: dict[str, Any]) -> None:
    """Nothing is touched before the change, nor in other fields; and again it is the same."""
    before, after = rows(), planted(change)
    assert after[:START] == before[:START]
    assert after != before
    touched = {key for a, b in zip(before, after, strict=True) for key in a if a[key] != b.get(key)}
    name = change.get("fields", ["y"])[0]
    assert touched == {"deep" if name == "n" else name}
    assert planted(change) == after


def test_mean() -> None:
    """So many standard deviations are added; the spread stays."""
    before, after = column(planted({"change": "mean", "fields": ["x"], "strength": 1.5}), "x")
    spread = statistics.stdev(before)
    assert statistics.mean(after) - statistics.mean(before) == pytest.approx(1.5 * spread, abs=0.2)
    assert statistics.stdev(after) == pytest.approx(spread, rel=0.05)


def test_spread() -> None:
    """It is scaled, and integers stay integers."""
    before, after = column(planted({"change": "spread", "fields": ["n"], "strength": 3}), "n")
    assert statistics.stdev(after) == pytest.approx(3 * statistics.stdev(before), rel=0.05)
    assert statistics.mean(after) == pytest.approx(statistics.mean(before), rel=0.1)
    assert all(type(value) is int for value in after)


@pytest.mark.parametrize("into", ["bimodal", "skewed"])
def test_shape(into: str) -> None:
    """Mean and spread are what they were, and yet it looks different."""
    before, after = column(planted({"change": "shape", "fields": ["x"], "into": into}), "x")
    assert statistics.mean(after) == pytest.approx(statistics.mean(before), abs=0.15)
    assert statistics.stdev(after) == pytest.approx(statistics.stdev(before), rel=0.06)
    middle = [sum(abs(v - 10) < 0.8 for v in part) / len(part) for part in (before, after)]
    assert middle[0] == pytest.approx(0.31, abs=0.03)
    assert middle[1] < 0.15 if into == "bimodal" else statistics.median(after) < 9.7


def test_shares() -> None:
    """A category, missing values and turned labels come in the share of rows that is asked for."""
    given = planted(
        {"change": "categories", "fields": ["country"], "to": "D", "strength": 0.2},
        {"change": "missing", "fields": ["n"], "strength": 0.4},
        {"change": "label_flip", "strength": 1},
    )
    assert column(given, "country")[1].count("D") / START == pytest.approx(0.2, abs=0.03)
    assert column(given, "n")[1].count(None) / START == pytest.approx(0.4, abs=0.03)
    assert column(given, "y")[1] == [not row["y"] for row in rows()[START:]]


def test_known_categories() -> None:
    """Without a name of its own the mix shifts among those that were there."""
    before, after = column(planted({"change": "categories", "fields": ["country"], "strength": 1}), "country")
    assert set(after) == set("ABC")
    assert after.count("A") < before.count("A") * 0.7


def test_swap() -> None:
    """Two columns change places, whole."""
    fields = {**FIELDS, "z": {"type": "number"}}
    spec = SPEC.model_copy(update={"events": SPEC.events.model_validate({"id": "id", "fields": fields})})
    given = planted({"change": "swap", "fields": ["x", "z"]}, spec=spec)
    was = [row["x"] for row in rows()]
    assert [row.get("z") for row in given] == [None] * START + was[START:]
    assert [row.get("x") for row in given] == was[:START] + [None] * START


def test_gradual() -> None:
    """It comes about little by little over so many rows."""
    _, after = column(planted({"change": "mean", "fields": ["x"], "strength": 5, "over": 1_000}), "x")
    quarters = [statistics.mean(after[i : i + 250]) - 10 for i in (0, 500, 1_000)]
    assert quarters == pytest.approx([1.25, 6.25, 10], abs=0.5)


def test_recurring() -> None:
    """It ends, and comes again."""
    change = {"change": "mean", "fields": ["x"], "strength": 20, "at": 1_000, "until": 1_200, "every": 1_000}
    high = [i for i, row in enumerate(planted(change)) if row["x"] > 30]
    assert high == [*range(1_000, 1_200), *range(2_000, 2_200), *range(3_000, 3_200)]


def test_limits_of_a_field() -> None:
    """A change keeps within what the field takes: it is to be seen, not refused."""
    _, after = column(planted({"change": "mean", "fields": ["x"], "strength": -100}), "x")
    assert set(after) == {-50}


def test_odd_rows() -> None:
    """Values of the wrong type, and rows that are no objects inside, stay as they are."""
    wanted = Planted.model_validate({"changes": [{"change": "mean", "fields": ["x", "n"], "at": 3}]})
    planter = Planter(wanted, SPEC, "boolean")
    planter.spans = [span(wanted.changes[0], 10, 3, None)]
    for value in (1, 2, 3.5):
        planter.see({"x": value, "deep": {"n": value}})
    odd: list[dict[str, Any]] = [{}, {"x": "many", "deep": 3}, {"x": None, "deep": {"n": [1]}}, {"x": True}]
    for i, row in enumerate(odd):
        planter.change(3 + i, row)
    assert odd == [{}, {"x": "many", "deep": 3}, {"x": None, "deep": {"n": [1]}}, {"x": True}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"change": "mean"}, "mean takes fields, not 0"),
        ({"change": "swap", "fields": ["x"]}, "swap takes two fields, not 1"),
        ({"change": "label_flip", "fields": ["x"]}, "label_flip takes no fields, not 1"),
        ({"change": "mean", "fields": ["x"], "to": "D"}, "to means nothing for mean, only for categories"),
        ({"change": "missing", "fields": ["x"], "strength": 2}, "strength is a share for missing"),
        ({"change": "spread", "fields": ["x"], "strength": 1}, "strength is a factor for spread"),
        ({"change": "mean", "fields": ["x"], "strength": 0}, "strength 0 changes nothing"),
        ({"change": "mean", "fields": ["x"], "at": "soon"}, "a place is a row"),
        ({"change": "mean", "fields": ["x"], "at": 0}, "a place is a row"),
        ({"change": "mean", "fields": ["x", "x"]}, "names one twice"),
    ],
)
def test_refused(change: dict[str, Any], said: str) -> None:
    """What makes no sense by itself."""
    with pytest.raises(ValidationError, match=said):
        Change.model_validate(change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"change": "mean", "fields": ["X"]}, "names 'X', which is not in events.fields"),
        ({"change": "missing", "fields": ["contry"]}, 'did you mean "country"'),
        ({"change": "missing", "fields": ["id"]}, "by which an event is known"),
        ({"change": "missing", "fields": ["note"]}, "which is ignored"),
        ({"change": "mean", "fields": ["country"]}, "a category; mean takes number, integer"),
        ({"change": "categories", "fields": ["new"], "to": "D"}, "has no category 'D'"),
        ({"change": "swap", "fields": ["x", "country"]}, "swap takes two of one type"),
    ],
)
def test_wrong_for_the_pipeline(change: dict[str, Any], said: str) -> None:
    """What does not go with the fields that there are."""
    (sentence,) = wrong_changes(Planted.model_validate({"changes": [change]}), SPEC)
    assert said in sentence


@pytest.mark.parametrize(
    ("more", "until", "said"),
    [
        ({"at": 5_000}, None, "lies behind the last of 4,000 rows"),
        ({"at": 100, "until": 50}, 50, "lies before"),
        ({"at": 100, "until": 400, "every": 200}, 400, "no longer than the change itself"),
        ({"at": 1, "every": 2}, None, "more than 1,000 times"),
    ],
)
def test_wrong_for_the_file(more: dict[str, Any], until: int | None, said: str) -> None:
    """What does not go with the rows that there are."""
    change = Change.model_validate({"change": "mean", "fields": ["x"], **more})
    with pytest.raises(ValueError, match=said):
        span(change, ROWS, int(change.at), until)


def test_nothing_to_measure_by() -> None:
    """A field that never varied has no spread to be moved by: that is said, not passed over."""
    wanted = Planted.model_validate({"changes": [{"change": "mean", "fields": ["x"], "at": 3}]})
    planter = Planter(wanted, SPEC, "boolean")
    planter.spans = [span(wanted.changes[0], 10, 3, None)]
    for _ in range(3):
        planter.see({"x": 1.0})
    with pytest.raises(Barren, match="x has no spread before row 3"):
        planter.check()
