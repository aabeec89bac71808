"""What an alert says: to be understood by somebody who has just woken up."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alerts.condition import parse
from engine.alerts.measures import Reading
from engine.alerts.subjects import SUBJECTS, Unit
from engine.alerts.telling import annotated, evidence
from engine.specalerts import Condition


def reading(value: float, past: float | None = None, **labels: str) -> Reading:
    return Reading(0, labels, value, past, 0.0, 1204, 1_320_000, 10_240, 12_400)


def told(condition: Condition, found: Reading) -> dict[str, str]:
    return annotated(condition, parse(condition.when), found)


def test_what_is_wrong_and_where_to_look() -> None:
    """Value, bound, how far off, of how much, since which event, what first to look at, what to do."""
    condition = Condition(when="accuracy < 0.80", runbook="https://wiki/fraud")
    assert told(condition, reading(0.7125, segment="country=BR")) == {
        "summary": "accuracy where country=BR is 71.25%, below 80%",
        "description": "`accuracy` is the share of predictions that were right. It is 8.75 points beyond "
        "80%, of 1,204 outcomes in 22m. That tells of the events at offsets 10,240 to 12,400. "
        "Look at what drifted at the same time: `driftline drift status`.",
        "runbook_url": "https://wiki/fraud",
        "value": "0.7125",
        "threshold": "0.8",
    }


@pytest.mark.parametrize(
    ("when", "value", "past", "summary"),
    [
        ("error_rate rises 20%", 0.15, 0.1, "error_rate rose from 10% to 15%, by 20% or more"),
        ("error_rate rises 20%", 0.11, 0.1, "error_rate is 11%, and was 10% before: it rises no more by 20%"),
        ("mae falls 0.5", 1.25, 2.0, "mae fell from 2 to 1.25, by 0.5 or more"),
        ("accuracy < 0.80", 0.85, None, "accuracy is 85%, no longer below 80%"),
        ("label_delay > 2d", 273_600_000, None, "label_delay is 3d 4h, above 2d"),
        ("missing of amount >= 5%", 0.05, None, "missing of amount is 5%, at or above 5%"),
        ("model_bytes > 100MB", 123_456_789, None, "model_bytes is 123 MB, above 100 MB"),
        ("events_per_second < 2", 1.5, None, "events_per_second is 1.5 a second, below 2 a second"),
        ("dead_letters of wrong_type > 1%", 0.5, None, "dead_letters of wrong_type is 50%, above 1%"),
    ],
)
def test_the_line_that_is_read_first(when: str, value: float, past: float | None, summary: str) -> None:
    """In the subject's unit; other words once it is over."""
    assert told(Condition(when=when), reading(value, past))["summary"] == summary


def test_a_line_of_one_s_own() -> None:
    """What is in braces is filled in."""
    text = "{of}: {value} of {n} events in {segment}, {bound} is fine, {past} it was"
    condition = Condition(when="missing of amount rises 10%", summary=text)
    found = told(condition, reading(0.5, 0.25, segment="country=BR"))
    assert found["summary"] == "amount: 50% of 1,204 events in country=BR, 27.5% is fine, 25% it was"


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name != "drift"])
def test_every_subject_can_be_told(name: str) -> None:
    """With its value, its figures, and something to look at."""
    subject = SUBJECTS[name]
    bound = "1m" if subject.unit is Unit.DURATION else "0.5"
    condition = Condition(when=f"{name}{' of x' if subject.needed else ''} > {bound}")
    found = told(condition, reading(0.75))
    assert found["value"] == "0.75"
    assert subject.told in found["description"]
    assert "Look at " in found["description"]
    figures: dict[str, Any] = {**evidence(condition, parse(condition.when), reading(0.75))}
    assert (figures["value"], figures["n"], figures["first_offset"]) == (0.75, 1204, 10_240)
    assert bool(figures["window"]) is (subject.over != "now")
