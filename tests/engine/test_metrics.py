"""Every metric against River's, or against what it is defined to be."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from river import metrics

from engine.errors import SpecError
from engine.joined import Settled, Settlements
from engine.metrics import Kind, Quality, measures, merged
from engine.metrics.spread import Spread
from engine.metrics.summary import Told
from engine.shard import Shard
from engine.specmetrics import NAMES, Metrics
from tests.engine import cases
from tests.engine.cases import Feed, event, rows, spec
from tests.engine.test_walk import stream, total

Judged = tuple[Any, Any, float | None]  # label, prediction, score


def binary(n: int, seed: int = 1) -> list[Judged]:
    """A fair classifier of a rare class, a little too sure of itself."""
    rng = random.Random(seed)
    found: list[Judged] = []
    for _ in range(n):
        odds = rng.random() ** 3
        score = min(1.0, max(0.0, odds * 1.2 - 0.05))
        found.append((rng.random() < odds, score > 0.5, score))
    return found


def multiclass(n: int, seed: int = 1) -> list[Judged]:
    rng = random.Random(seed)
    names, found = ["red", "green", "blue", "grey"], list[Judged]()
    for _ in range(n):
        label = rng.choices(names, [8, 4, 2, 1])[0]
        found.append((label, label if rng.random() < 0.6 else rng.choice(names), rng.random()))
    return found


def regression(n: int, seed: int = 1) -> list[Judged]:
    """Labels that are large and close together, where careless sums lose their digits."""
    rng = random.Random(seed)
    labels = [1000 + rng.gauss(0, 3) for _ in range(n)]
    found = ((label, label + rng.gauss(0.5, 2)) for label in labels)
    return [(label, guess, guess) for label, guess in found]


STREAMS: dict[Kind, Callable[[int, int], list[Judged]]] = {
    Kind.BINARY: binary,
    Kind.MULTICLASS: multiclass,
    Kind.REGRESSION: regression,
    Kind.ANOMALY: lambda n, seed: [
        (label, None, 5 * (score or 0) - 1) for label, _, score in binary(n, seed)
    ],
}
# River's names for ours; with the score instead of the prediction where it takes one.
RIVER: dict[Kind, dict[str, Callable[[], Any]]] = {
    Kind.BINARY: {
        "accuracy": metrics.Accuracy,
        "balanced_accuracy": metrics.BalancedAccuracy,
        "precision": metrics.Precision,
        "recall": metrics.Recall,
        "f1": metrics.F1,
        "kappa": metrics.CohenKappa,
        "log_loss": metrics.LogLoss,
    },
    Kind.MULTICLASS: {
        "accuracy": metrics.Accuracy,
        "balanced_accuracy": metrics.BalancedAccuracy,
        "precision": metrics.MacroPrecision,
        "recall": metrics.MacroRecall,
        "f1": metrics.MacroF1,
        "kappa": metrics.CohenKappa,
    },
    Kind.REGRESSION: {"mae": metrics.MAE, "rmse": metrics.RMSE, "r2": metrics.R2, "mape": metrics.MAPE},
}


def settled(judged: Sequence[Judged], row: Sequence[Any] = (), step_ms: int = 1000) -> list[Settled]:
    """Outcomes as the walk hands them on, an event every `step_ms`."""
    return [
        Settled(i, f"e{i}", (tuple(row), i * step_ms, i, "", guess, score, None), None, label, 0, None)
        for i, (label, guess, score) in enumerate(judged)
    ]


def counted(kind: Kind, judged: Sequence[Judged], **wanted: Any) -> Quality:
    """Outcomes through the stage, a turn after every hundredth."""
    quality = Quality(kind, ("colour", "new"), Metrics.model_validate(wanted))
    outcomes = settled(judged)
    for i in range(0, len(outcomes), 100):
        quality.update(Settlements.of(outcomes[i : i + 100]))
        quality.turn()
    return quality


def rivers(
    kind: Kind, name: str, judged: Sequence[Judged], make: Callable[[Any], Any] | None = None
) -> float:
    """What River says of the same outcomes."""
    metric = RIVER[kind][name]()
    for label, guess, score in judged:
        metric.update(label, score if name == "log_loss" else guess)
    found: float = metric.get()
    return found / 100 if name == "mape" else found


RIVERS = [(kind, name) for kind, names in RIVER.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), RIVERS)
def test_as_river(kind: Kind, name: str) -> None:
    """Over the whole life it is River's to the last digits."""
    judged = STREAMS[kind](2_345, 3)
    assert counted(kind, judged).report()[name] == pytest.approx(rivers(kind, name, judged), rel=1e-12)


@pytest.mark.parametrize(("kind", "name"), RIVERS)
def test_windows_as_river(kind: Kind, name: str) -> None:
    """Over the last so many outcomes, too."""
    judged = STREAMS[kind](777, 4)
    told = counted(kind, judged, windows=[250]).summary().told("250")
    assert told[name] == pytest.approx(rivers(kind, name, judged[-250:]), rel=1e-12)


def assert_alike(found: Told, expected: Told) -> None:
    """Equal but for rounding, and for kappa_t, which hangs on the order."""
    assert found.keys() == expected.keys()
    for name in found.keys() - {"kappa_t"}:
        wanted = expected[name]
        assert found[name] == (None if wanted is None else pytest.approx(wanted, rel=1e-9)), name


def labels_and_guesses(judged: Sequence[Judged]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    label, guess, _ = zip(*judged, strict=True)
    return np.array(label), np.array(guess)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.MULTICLASS])
def test_kappas_beside_their_yardsticks(kind: Kind) -> None:
    """Kappa-M is 0 for whoever always says the most frequent label, Kappa-T for whoever repeats the last."""
    judged = STREAMS[kind](999, 5)
    label, guess = labels_and_guesses(judged)
    most = max((label == each).mean() for each in set(label))
    again = (label[1:] == label[:-1]).sum() / len(label)
    right, told = (label == guess).mean(), counted(kind, judged).report()
    assert told["kappa_m"] == pytest.approx((right - most) / (1 - most), rel=1e-12)
    assert told["kappa_t"] == pytest.approx((right - again) / (1 - again), rel=1e-12)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.ANOMALY])
def test_roc_auc(kind: Kind) -> None:
    """Close to what all pairs say, also where scores are tiny, tied, or beyond 0 and 1."""
    judged = [(y, p, s if i % 3 else s**4) for i, (y, p, s) in enumerate(STREAMS[kind](3_000, 6)) if s]
    label, score = np.array([y for y, _, _ in judged]), np.array([s for _, _, s in judged])
    gaps = score[label][:, None] - score[~label][None, :]
    exact = float(((gaps > 0) + (gaps == 0) / 2).mean())
    assert counted(kind, judged).report()["roc_auc"] == pytest.approx(exact, abs=1e-3)


def test_brier() -> None:
    """The mean squared distance of the probability from what came."""
    judged = binary(500)
    exact = sum((s - y) ** 2 for y, _, s in judged if s is not None) / len(judged)
    assert counted(Kind.BINARY, judged).report()["brier"] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.MULTICLASS])
def test_calibration_error(kind: Kind) -> None:
    """The mean gap between score and share over ten bins, each weighing as much as it holds."""
    judged = STREAMS[kind](2_000, 7)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for label, guess, score in judged:
        came = label if kind is Kind.BINARY else label == guess
        bins.setdefault(min(9, int((score or 0.0) * 10)), []).append((score or 0.0, came))
    gaps = [abs(sum(score - came for score, came in held)) for held in bins.values()]
    assert counted(kind, judged).report()["ece"] == pytest.approx(sum(gaps) / len(judged), rel=1e-12)


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_told_of_nothing(kind: Kind) -> None:
    """Without an outcome there is no metric, and a single one raises no question."""
    told = counted(kind, []).report()
    assert told.pop("labelled") == 0
    assert told == dict.fromkeys(measures(kind))
    assert counted(kind, STREAMS[kind](1, 1)).report()["labelled"] == 1


def test_fading() -> None:
    """Each outcome makes all before it weigh less: an old mistake is as good as forgotten."""
    judged = [(True, False, 0.2)] * 700 + [(True, True, 0.9)] * 300
    told = counted(Kind.BINARY, judged, fading=0.99).summary().told("fading")
    weights = 0.99 ** np.arange(999, -1, -1)
    assert told["accuracy"] == pytest.approx(weights[700:].sum() / weights.sum(), rel=1e-12)
    assert told["labelled"] == pytest.approx(weights.sum(), rel=1e-12)


def test_a_window_of_time() -> None:
    """Counts the outcomes whose events lie within the last minute; late ones in their place."""
    quality = counted(Kind.BINARY, binary(1_000), windows=["1m"])  # an event a second
    assert quality.summary().told("1m")["labelled"] == 60
    late = [s for s in settled([(True, True, 0.9)] * 1_000) if s.index in (100, 990)]
    quality.update(Settlements.of(late))
    assert quality.summary().told("1m")["labelled"] == 61


def test_segments() -> None:
    """Each value of a field has the metrics of its own outcomes; beyond the bound they are `other`."""
    quality = Quality(Kind.BINARY, ("new", "colour"), Metrics(segments=("colour",), segments_max=2))
    for colour, right in (("red", 0.5), ("blue", 1.0), ("grey", 0.0), ("pink", 0.0), (None, 0.0)):
        judged = [(True, i < 4 * right, 0.5) for i in range(4)]
        quality.update(Settlements.of(settled(judged, row=(True, colour))))
    summary, names = quality.summary(), ["colour=red", "colour=blue", "colour=other"]
    for window in ("life", "1000"):
        assert summary.segments(window) == names
        assert [summary.told(window, name)["accuracy"] for name in names] == [0.5, 1.0, 0.0]
        assert [summary.told(window, name)["labelled"] for name in names] == [4, 4, 12]


def test_hours_and_days() -> None:
    """By the event's own time, in UTC: a Thursday's first two hours, and the Sunday after."""
    quality = Quality(Kind.BINARY, (), Metrics(hours=True))
    quality.update(Settlements.of(settled([(True, True, 0.5)] * 7_200)))
    quality.update(Settlements.of(settled([(True, False, 0.5)], step_ms=0) * 2))
    quality.update(
        Settlements.of([s for s in settled([(True, False, 0.5)] * 4, step_ms=86_400_000) if s.index == 3])
    )
    summary = quality.summary()
    told = {name: summary.told("life", name)["labelled"] for name in summary.segments()}
    assert {name: n for name, n in told.items() if n} == {
        "hour of day=00": 3_603,
        "hour of day=01": 3_600,
        "day of week=thursday": 7_202,
        "day of week=sunday": 1,
    }


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.MULTICLASS, Kind.REGRESSION])
@pytest.mark.parametrize("at_once", [True, False])
def test_corrections(kind: Kind, at_once: bool) -> None:
    """Everything but Kappa-T and what fades is as if the right label had come at first."""
    judged, again = STREAMS[kind](300, 8), STREAMS[kind](300, 9)
    right = [(label, *rest) for (label, *_), (_, *rest) in zip(again, judged, strict=True)]
    wanted = {"windows": [50, "30m"], "hours": True}
    mended, plain = counted(kind, [] if at_once else judged, **wanted), counted(kind, right, **wanted)
    if at_once:
        mended.update(Settlements.of(settled(judged)))
    for each, (label, *_) in zip(settled(judged), again, strict=True):
        if each.label != label:
            mended.update(Settlements.of([Settled(0, each.event_id, each.entry, each.label, label, 0, None)]))
    found, expected = mended.summary(), plain.summary()
    assert found.rows.keys() == expected.rows.keys()
    for window, segment in expected.rows:
        assert_alike(found.told(window, segment), expected.told(window, segment))


@pytest.mark.parametrize("kind", Kind)
def test_shards_together(kind: Kind) -> None:
    """Pooled they say what one shard would have said, whatever came first to either."""
    judged = STREAMS[kind](900, 10)
    parts = [counted(kind, judged[:400]).summary(), counted(kind, judged[:399:-1]).summary()]
    assert_alike(merged(parts).told(), counted(kind, judged).report())


def test_classes_beyond_the_bound() -> None:
    """They share a place, and are still not taken for one another."""
    judged = [(f"c{i}", f"c{i}", 0.5) for i in range(10)] + [("c8", "c9", 0.5)] * 10
    told = counted(Kind.MULTICLASS, judged, classes_max=3).report()
    assert (told["accuracy"], told["labelled"]) == (0.5, 20)


EVERYTHING = {"windows": [100, "10m"], "fading": 0.99, "segments": ["flag"], "segments_max": 1, "hours": True}


def numbers(value: bytes | None) -> bytes:
    """A record with numbers for labels."""
    return (value or b"").replace(b"true", b"1.5").replace(b"false", b"0.25")


@pytest.mark.parametrize("model", ["logistic_regression", "linear_regression"])
def test_cuts_and_snapshots(model: str) -> None:
    """However a stream is cut, and from a snapshot at any place, the state is the same in every part."""
    fields = {
        "id": {"type": "text"},
        "at": {"type": "timestamp", "unit": "ms"},
        "amount": {"type": "number"},
        "flag": {"type": "boolean", "required": False},
    }
    events = {"id": "id", "time": "at", "fields": fields}
    labels = {"in_event": "y", "wait": "2h"}
    asked = spec(events=events, labels=labels, model={"use": model}, metrics=EVERYTHING)
    runs, shard = stream(5, 900), Shard(asked, 0)
    if model == "linear_regression":
        runs = [replace(run, values=[numbers(value) for value in run.values]) for run in runs]
    total(shard, runs[:9], None)
    thawed = Shard.thaw(asked, 0, b"".join(shard.freeze()))
    total(shard, runs[9:], None)
    total(thawed, runs[9:], random.Random(1))
    assert thawed.digest() == shard.digest()
    assert shard.quality.report()["labelled"] == shard.join.counts.joined > 300


def test_asking_for_other_metrics() -> None:
    """What is asked for as before goes on; what is new begins, and the model stays as it is."""
    before = counted(Kind.BINARY, binary(1_000), windows=[100], fading=0.9)
    after = Quality(Kind.BINARY, (), Metrics(windows=(100, "1h"), fading=0.99, hours=True))
    after.restore(before.state())
    summary = after.summary()
    assert summary.told() == before.report()
    assert summary.told("100") == before.summary().told("100")
    assert [summary.told(window)["labelled"] for window in ("1h", "fading")] == [0, 0]


def test_in_outcomes() -> None:
    """Each carries what is asked for, as of the last turn: the same bytes however the stream is cut."""
    asked = {"windows": [50], "outcomes": ["accuracy", "log_loss"]}
    more: dict[str, Any] = {"labels": {"in_event": "y"}, "metrics": asked}
    feed = Feed(**more)
    events = [event(f"e{i}", float(i % 9), y=i % 9 > 4) for i in range(600)]
    found = [row["metrics"] for row in rows(feed("events", *events).outcomes)]
    assert found[:256] == [None] * 256
    assert len({row["log_loss"] for row in found[256:]}) == 2
    single = Feed(**more)
    assert [row["metrics"] for each in events for row in rows(single("events", each).outcomes)] == found


def test_metrics_in_outcomes_are_a_part_of_the_spec() -> None:
    """Other outputs are another spec; without them metrics can be changed at any time."""
    prints = {
        spec(metrics=asked).fingerprint
        for asked in ({}, {"windows": [10]}, {"outcomes": ["f1"]}, {"outcomes": ["f1"], "fading": 0.9})
    }
    assert len(prints) == 3


def test_names() -> None:
    """The spec knows every metric that there is, and says which of them a kind of model has not."""
    assert set(NAMES) == {"labelled", *(name for kind in Kind for name in measures(kind))}
    with pytest.raises(SpecError, match="mae is not told of a binary model; it has labelled, accuracy"):
        Feed(metrics={"outcomes": ["mae"]})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"segments": ["ages"]}, "not among the features; did you mean .age"),
        ({"segments": ["age"]}, "of type integer; segments are categories or booleans"),
        ({"windows": [1]}, "2 to 100000 outcomes"),
        ({"windows": ["soon"]}, "a number of outcomes, 1000, or a duration, 1h"),
        ({"windows": [1000, 1000]}, "names one twice"),
        ({"fading": 1}, "less than 1"),
        ({"outcomes": ["acuracy"]}, "no metric; did you mean .accuracy"),
        ({"outcomes": ["mae"], "windows": []}, "windows is empty"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], words: str) -> None:
    """A spec that asks for what can't be is refused with a reason."""
    with pytest.raises(ValueError, match=words):
        spec(metrics=asked)


def test_probabilities_of_many_classes() -> None:
    """Remembered until the label comes: cross entropy as River has it, and Brier's sum over the classes."""
    more: dict[str, Any] = {
        "labels": {"type": "category"},
        "model": {"use": "naive_bayes"},
        "metrics": {"probabilities": True, "windows": [40]},
        "confidence": {"coverage": 0.9},
    }
    feed, plain = Feed(**more), Feed(**more | {"metrics": {}})
    rng, events, labels = random.Random(1), list[Any](), list[Any]()
    for i in range(300):
        colour = rng.choice(["red", "green", "blue"][: 2 + (i > 100)])
        events.append(event(f"e{i}", {"red": 10, "green": 30, "blue": 50}[colour] + rng.gauss(0, 15) + 50))
        labels.append(cases.label(f"e{i}", colour))
    odds, met = [], metrics.CrossEntropy()
    for i in range(0, 300, 20):
        odds += [row["probabilities"] for row in rows(feed("events", *events[i : i + 20]).predictions)]
        feed("labels", *labels[i : i + 20])
        plain("events", *events[i : i + 20])
        plain("labels", *labels[i : i + 20])
    # The notes of others pass by.
    assert feed.shard.confidence is not None
    assert plain.shard.confidence is not None
    assert feed.shard.confidence.state() == plain.shard.confidence.state()
    known = [(each["label"], p) for each, p in zip(labels, odds, strict=True) if p]
    for colour, each in known:
        met.update(colour, {name: each.get(name, 0.0) for name in ("red", "green", "blue")})
    told = feed.shard.quality.report()
    assert told["log_loss"] == pytest.approx(met.get(), rel=1e-12)
    names = ("red", "green", "blue")
    briers = [sum((p.get(name, 0.0) - (name == colour)) ** 2 for name in names) for colour, p in known]
    assert told["brier"] == pytest.approx(sum(briers) / len(briers), rel=1e-12)
    frozen = b"".join(feed.shard.freeze())
    assert Shard.thaw(feed.shard.spec, 0, frozen).quality.report() == told


def test_no_probabilities_of_many_classes() -> None:
    """Without being asked nothing is remembered, and there is no log loss."""
    told = counted(Kind.MULTICLASS, multiclass(50)).report()
    assert (told["log_loss"], told["brier"]) == (None, None)


def test_probabilities_that_are_none() -> None:
    """A user's own model may say what it likes: it is judged, and counted at the edge."""
    wild = [(i % 2 == 0, i % 3 == 0, [-0.5, 0.2, 1.7, -1e300, 1e300][i % 5]) for i in range(600)]
    told = counted(Kind.BINARY, wild, windows=[100, "1h"], fading=0.9).summary()
    assert all(told.told(window)["ece"] is not None for window in told.windows())
    for n in (5, 500):
        spread = Spread(Kind.BINARY, 10)
        spread.add([True] * n, [score for _, _, score in wild[:n]])
        assert [count for _, _, count in spread.histogram()] == [2 * n // 5, n // 5, 2 * n // 5]


def test_numbers_without_measure() -> None:
    """A regressor that runs away has an infinite error, over the life; a window forgets it."""
    wild = [(1.0, 1e308, 1e308), (1.0, -1e308, -1e308), *regression(300)]
    summary = counted(Kind.REGRESSION, wild, windows=[100]).summary()
    assert summary.told()["rmse"] == float("inf")
    assert (summary.told("100")["rmse"] or 0) < 10
