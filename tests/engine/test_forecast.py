"""Forecasts: the next value before it is known, a series for each entity, and bounds on them."""

from __future__ import annotations

import csv
import gzip
import math
import os
from itertools import groupby, pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import ModelError
from engine.models.compiled import Unsupported
from engine.models.forecasters import AutoForecaster, Same
from engine.shard import Shard
from engine.spec import Spec
from engine.warming import warm
from tests.engine.cases import batch, reasons, rows

STREAMS = Path(os.environ.get("DRIFTLINE_STREAMS", "../shared/streams"))
FIELDS = {"id": {"type": "text"}, "who": {"type": "text"}, "y": {"type": "number", "required": False}}


def spec(use: str = "auto", key: str | None = "who", **forecast: Any) -> Spec:
    return Spec.model_validate(
        {
            "pipeline": "p",
            "events": {"id": "id", "key": key, "fields": FIELDS},
            "forecast": {"of": "y", **forecast},
            "model": {"use": use},
        }
    )


def event(i: int, who: str, y: float | None) -> dict[str, Any]:
    return {"id": str(i), "who": who, "y": y}


def two_series(count: int) -> list[dict[str, Any]]:
    """One that climbs and one that swings, in turns, some values missing."""
    made = [event(i, "a" if i % 2 else "b", i / 2 if i % 2 else math.sin(i)) for i in range(count)]
    return [event(i, e["who"], None) if i % 17 == 3 else e for i, e in enumerate(made)]


def test_a_prediction_is_of_the_next_value_and_meets_it() -> None:
    """The outcome holds the value that came next, and belongs to the event before it in its series."""
    out = Shard(spec("tests.engine.test_forecast:Same", horizon=2), 0).walk(
        batch("p.events", [event(1, "a", 5.0), event(2, "b", 7.0), event(3, "a", 6.5)])
    )
    assert [(r["prediction"], r["forecast"]) for r in rows(out.predictions)] == [
        (5.0, [5.0, 5.0]),
        (7.0, [7.0, 7.0]),
        (6.5, [6.5, 6.5]),
    ]
    (outcome,) = rows(out.outcomes)
    assert (outcome["event_id"], outcome["label"], outcome["error"]) == ("1", 6.5, 1.5)


def test_without_a_key_the_shard_is_one_series() -> None:
    """Each event's value is the label of the event before."""
    out = Shard(spec("tests.engine.test_forecast:Same", key=None), 0).walk(
        batch("p.events", [event(i, "ab"[i % 2], float(i)) for i in range(5)])
    )
    assert [(r["event_id"], r["label"]) for r in rows(out.outcomes)] == [(str(i), i + 1.0) for i in range(4)]


@pytest.mark.parametrize("use", ["auto", "snarimax", "holt_winters"])
def test_the_cut_into_batches_does_not_show(use: str) -> None:
    """Nor does a snapshot in between: the same bytes, the same state."""
    records, wanted = two_series(300), spec(use, series_max=1)
    whole, cut = Shard(wanted, 0), Shard(wanted, 0)
    out = whole.walk(batch("p.events", records))
    predictions, outcomes = list[Any](), list[Any]()
    for start in range(0, 300, 7):
        part = cut.walk(batch("p.events", records[start : start + 7], start))
        predictions += part.predictions.values
        outcomes += part.outcomes.values
        cut = Shard.thaw(wanted, 0, b"".join(cut.freeze()))
    assert (predictions, outcomes) == (list(out.predictions.values), list(out.outcomes.values))
    assert cut.digest() == whole.digest()
    assert not reasons(out)


def test_only_so_many_series_are_remembered() -> None:
    """The least recently seen leaves, is counted, and begins anew."""
    shard = Shard(spec("tests.engine.test_forecast:Same", series_max=2), 0)
    shard.walk(batch("p.events", [event(i, who, 1.0) for i, who in enumerate("abac")]))
    assert list(shard.model.series) == ["a", "c"]  # type: ignore[attr-defined]
    assert shard.model.left == 1  # type: ignore[attr-defined]


class Fragile(Same):
    """Breaks at seven."""

    def learn_one(self, y: float, x: dict[str, Any] | None = None) -> None:
        super().learn_one(y)
        if y == 7.0:
            raise ArithmeticError("seven")


def test_an_error_costs_its_own_series_only() -> None:
    """The event is a dead letter; its series begins anew, the others go on."""
    shard = Shard(spec("tests.engine.test_forecast:Fragile"), 0)
    values = [("a", 1.0), ("b", 2.0), ("a", 7.0), ("b", 3.0), ("a", 4.0)]
    out = shard.walk(batch("p.events", [event(i, *each) for i, each in enumerate(values)]))
    assert reasons(out) == ["model_error"]
    assert [r["event_id"] for r in rows(out.outcomes)] == ["1"]
    assert [r["prediction"] for r in rows(out.predictions)] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"forecast": {"of": "z"}}, "forecast.of names 'z', which is not in events.fields"),
        ({"forecast": {"of": "who"}}, "a series is of numbers"),
        ({"features": ["y"]}, "features can't be given with forecast"),
        ({"labels": {"in_event": "y"}}, "labels.in_event can't be given with forecast"),
    ],
)
def test_specs_that_can_not_be(changed: dict[str, Any], said: str) -> None:
    """Refused with what to do."""
    given = spec().model_dump(mode="json", include={"pipeline", "events", "forecast"})
    with pytest.raises(ValidationError, match=said):
        Spec.model_validate(given | changed)


@pytest.mark.parametrize(
    ("use", "forecast", "said"),
    [
        ("naive_bayes", {"of": "y"}, "for that there are auto, snarimax, holt_winters"),
        ("holt_winters", None, "forecast.of"),
        ("tests.engine.cases:Picky", {"of": "y"}, "no forecaster"),
    ],
)
def test_models_that_can_not_be(use: str, forecast: Any, said: str) -> None:
    """Only forecasters forecast, and they do nothing else."""
    given = spec().model_dump(mode="json", include={"pipeline", "events"})
    with pytest.raises(ModelError, match=said):
        Shard(Spec.model_validate(given | {"forecast": forecast, "model": {"use": use}}), 0)


def test_there_is_nothing_to_compile() -> None:
    """And whoever wants to is told so."""
    with pytest.raises(Unsupported, match="no compiled form"):
        warm(spec())


def series_of(name: str) -> list[list[float]]:
    """The first 300 values of every fourth series, those that never change left out."""
    with gzip.open(STREAMS / f"{name}.csv.gz", "rt") as lines:
        found = [
            [float(r["value"]) for r in group if r["value"]]
            for _, group in groupby(csv.DictReader(lines), lambda r: (r["series"], r.get("var")))
        ]
    return [values[:300] for values in found[::4] if len(values) > 80 and len(set(values[:300])) > 9]


def gap(values: list[float], model: Any) -> float:
    """The mean error of a forecaster's next value, from the twentieth on."""
    errors = []
    for value, after in pairwise(values):
        model.learn_one(value)
        errors.append(abs(model.forecast(1)[0] - after))
    return float(mean(errors[20:]))


@pytest.mark.skipif(not (STREAMS / "nab_real.csv.gz").exists(), reason="needs the streams")
@pytest.mark.parametrize(("name", "share"), [("nab_real", 0.97), ("tcpd_long", 0.9)])
def test_auto_forecasts_better_than_the_last_value(name: str, share: float) -> None:
    """On real series, by the geometric mean of the ratios of their errors."""
    ratios = [gap(values, AutoForecaster()) / gap(values, Same()) for values in series_of(name)]
    assert len(ratios) >= 6
    assert math.exp(mean(map(math.log, ratios))) < share
