"""What a condition says, and what is refused when the spec is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.alerts.condition import When, holds, is_over, parse
from engine.errors import SpecError
from engine.shard import Shard
from tests.engine.alerts.streams import spec

READ = {
    "drift": When("drift"),
    "drift of x[c=a]": When("drift", "x[c=a]"),
    "accuracy<0.8": When("accuracy", None, "<", 0.8),
    "accuracy <= 80%": When("accuracy", None, "<=", 0.8),
    'missing of "a > b" >= 5%': When("missing", "a > b", ">=", 0.05),
    "label_delay > 2d": When("label_delay", None, ">", 172_800_000.0),
    "model_bytes > 2MiB": When("model_bytes", None, ">", 2_097_152.0),
    "error_rate rises by 20%": When("error_rate", None, "rises", 0.2, relative=True),
    "mae falls 0.5": When("mae", None, "falls", 0.5),
    "mape > 150%": When("mape", None, ">", 1.5),
    "lag > 1e4": When("lag", None, ">", 10_000.0),
}

REFUSED: dict[str, tuple[Any, str]] = {
    "typo": ("accurcy < 0.8", 'there is nothing called "accurcy"; did you mean "accuracy"?'),
    "unlike anything": ("zzz < 1", 'there is nothing called "zzz"; there are drift, accuracy,'),
    "no bound": ("accuracy", "write accuracy < VALUE"),
    "no condition": ("accuracy ! 3", "is not understood: write SUBJECT < VALUE"),
    "no number": ("accuracy < low", '"low" is not a number'),
    "no share": ("accuracy < 80", "accuracy is a share, from 0 to 1 or 0% to 100%; 80 is beyond it"),
    "a share of what is none": ("mae < 5%", "mae is no share"),
    "no duration": ("label_delay > 5", 'label_delay is a duration, as 30s, 10m or 2d; "5" is none'),
    "bytes of what is none": ("lag > 2GB", "lag is not counted in bytes"),
    "no rise": ("error_rate rises 0", "by how much?"),
    "of what": ("missing > 5%", "missing of what?"),
    "of nothing": ("accuracy of x < 0.5", "accuracy is of nothing in particular"),
    "a bound of a drift": ("drift > 3", "a drift has no bound"),
    "a drift that is not watched": ("drift", "nothing is watched for drift; add the section `drift`"),
    "no feature": ("missing of amount > 5%", "'amount' is not among the features; there are x, z, w, c"),
    "no category": ("unseen of x > 5%", "'x' is of type number; only of a category"),
    "no field": ("refused of ww > 5%", "'ww' is not among events.fields; did you mean \"w\"?"),
    "no range": ("outside of x > 5%", "nothing of 'x' is out of range"),
    "no reason": ("dead_letters of wrong > 1%", "is no reason of a dead letter"),
    "a window of a moment": ({"when": "model_bytes > 1GB", "over": 100}, "it has no window"),
    "a rise of a moment": ("model_bytes rises 5%", "has no window to compare"),
    "a count of time": ({"when": "events_per_second < 1", "over": 100}, "write a duration, as 5m"),
    "a small window": ({"when": "accuracy < 0.5", "over": 1}, "over is a number from 10"),
    "a long window": ({"when": "accuracy < 0.5", "over": "200d"}, "over is at most 90d"),
    "too much": ({"when": "accuracy < 0.5", "over": 100, "at_least": 101}, "a window of 100 never holds 101"),
    "no segment": ({"when": "accuracy < 0.5", "by": "c"}, "metrics.segments does not tell apart; it has"),
    "no outcomes": ({"when": "score < 0.5", "by": "c"}, "only metrics of outcomes are told by segment"),
    "clear at once": ({"when": "accuracy < 0.5", "clear": 0.4}, "clear: 0.4 is below the bound"),
    "clear of what": ({"when": "accuracy < 0.5", "clear": "soon"}, 'clear: "soon" is not a number'),
    "a blank": ({"when": "accuracy < 0.5", "summary": "{valu}"}, 'filled in; did you mean "value"?'),
    "inhibits nobody": ({"when": "accuracy < 0.5", "inhibits": ["Drift"]}, "which is no other condition"),
    "inhibits the shard's": ({"when": "lag > 9", "inhibits": ["AccuracyBelow"]}, "which the shard judges"),
    "a name that is ours": ({"when": "accuracy < 0.5", "name": "AlertsHeldBack"}, "another name"),
    "a key": ({"when": "accuracy < 0.5", "ovr": 3}, "ovr"),
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_what_is_read(text: str) -> None:
    """Subject, what of, bound and value, in the subject's unit."""
    assert parse(text) == READ[text]


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    """When the spec is read, with its place in the list, in one sentence."""
    condition, said = REFUSED[case]
    with pytest.raises(ValidationError) as refused:
        spec("accuracy < 0.1", condition)
    (error,) = refused.value.errors()
    assert said in error["msg"] or said in error["loc"]
    assert "alerts[1]." in error["msg"] or error["loc"][:2] == ("alerts", 1)


def test_none_inhibits_itself() -> None:
    """Neither at once nor by way of others: all of them would be told to nobody."""
    first = {"when": "accuracy < 0.5", "name": "A", "inhibits": ["B"]}
    second, third = ({"when": "accuracy < 0.5", "name": name, "inhibits": ["A"]} for name in "BC")
    with pytest.raises(ValidationError, match=r"alerts\[0\].inhibits: A would inhibit itself"):
        spec(first, second, third)
    assert len(spec(first, {"when": "accuracy < 0.4", "name": "B"}, third).conditions) == 3


@pytest.mark.parametrize(
    ("key", "condition"), [("inputs", "missing of x > 5%"), ("predictions", "score > 0.5")]
)
def test_what_is_not_counted(key: str, condition: str) -> None:
    """A condition says which count it needs."""
    with pytest.raises(ValidationError, match=f"is counted with `metrics.{key}: true`"):
        spec(condition, metrics={key: False})


def test_names_are_different() -> None:
    """Two conditions with one name would have one alert."""
    with pytest.raises(ValidationError, match=r"alerts\[1\].name: alerts\[0\] is called AccuracyBelow, too"):
        spec("accuracy < 0.8", "accuracy < 0.7")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("mae > 3", "mae is not told of a binary model; it has accuracy, .*, error_rate"),
        ("predictions of maybe > 5%", "the classes are true and false"),
        ("mae_estimated > 3", "mae_estimated is not told of a binary model"),
        ("accuracy_low < 0.5", "add it to `drift.watch`"),
    ],
)
def test_what_the_model_has_not(condition: str, said: str) -> None:
    """Is refused where the model is known."""
    with pytest.raises(SpecError, match=rf"alerts\[0\].when: .*{said}"):
        Shard(spec(condition), 0)


@pytest.mark.parametrize(
    ("text", "past", "values"),
    [
        ("accuracy < 0.8", None, [(0.79, True, False), (0.8, False, False), (0.811, False, True)]),
        ("missing of x >= 5%", None, [(0.05, True, False), (0.049, False, False), (0.047, False, True)]),
        ("mae rises 20%", 1.0, [(1.25, True, False), (1.15, False, False), (1.05, False, True)]),
        ("accuracy falls 0.25", 0.75, [(0.5, True, False), (0.6, False, False), (0.7, False, True)]),
        ("error_rate rises 20%", 0.0, [(0.0, False, True), (0.01, True, False)]),
    ],
)
def test_where_it_holds_and_where_it_is_over(
    text: str, past: float | None, values: list[tuple[float, bool, bool]]
) -> None:
    """Between the two nothing changes, so that an alert does not come and go."""
    when = parse(text)
    found = [(v, holds(when, v, past), is_over(when, None, v, past)) for v, _, _ in values]
    assert found == values
