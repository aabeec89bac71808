"""What each compiled form is tried on: models, labels and streams, by River's class.

A form of the table without a case fails the suite; so adding a form means adding its line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from river import anomaly, compose, forest, naive_bayes, optim, stats, tree
from river import linear_model as lm
from river import preprocessing as pp

from engine.models.auto.classifier import AutoClassifier
from tests.engine.compiled.beside import Label, binary, multiclass, nothing, number


@dataclass(frozen=True)
class Case:
    """A model and what it is shown.

    Attributes
    ----------
    make
        Makes the model, always the same.
    label
        What it learns.
    streams
        Names of streams (`streams.py`).
    share
        Of a hundred events of an even share, how many it gets in a quick run: less where events are slow.
    handed_max
        The share of events that may be handed over to River.
    """

    make: Callable[[], Any]
    label: Label
    streams: tuple[str, ...] = ("numbers", "elec2")
    share: int = 100
    handed_max: float = 0.02


def scaled(model: Any) -> Any:
    return pp.StandardScaler() | model


def encoded(model: Any, categories: Any, scaler: Any = pp.StandardScaler) -> Any:
    """As the ready models do where there are categories."""
    return (compose.SelectType(int, float, bool) | scaler()) + (compose.SelectType(str) | categories) | model


def small() -> Any:
    return anomaly.HalfSpaceTrees(n_trees=2, height=4, seed=3)


def ordinal() -> Any:
    return pp.OrdinalEncoder(unknown_value=-5)


def filled(model: Any) -> Any:
    means = [(f"f{j}", stats.Mean()) for j in range(3)]
    return pp.StatImputer(*means, ("f3", 0.5), ("f4", -1)) | model


WIDE = ("insects2013_abrupt",)  # 49 features
KDD = ("kdd99_10pct",)
MIXED = ("texts", "bank_marketing")

CASES: dict[str, list[Case]] = {
    "engine.models.auto.classifier.AutoClassifier": [
        Case(AutoClassifier, multiclass, ("texts", "elec2"), share=1)
    ],
    "river.forest.ARFClassifier": [
        Case(lambda: forest.ARFClassifier(n_models=3, seed=1), multiclass, share=6),
        Case(lambda: forest.ARFClassifier(n_models=10, seed=2), binary, ("elec2",), share=3),
    ],
    "river.linear_model.LogisticRegression": [
        Case(lambda: scaled(lm.LogisticRegression()), binary),
        Case(lambda: scaled(lm.LogisticRegression()), binary, WIDE, share=4),
        Case(lambda: scaled(lm.LogisticRegression(optim.Adam(0.01), l2=0.001)), binary),
        Case(lambda: pp.MinMaxScaler() | lm.LogisticRegression(l1=0.001), binary, handed_max=0.05),
    ],
    "river.linear_model.LinearRegression": [
        Case(lambda: scaled(lm.LinearRegression(intercept_lr=0.001)), number),
        Case(lambda: scaled(lm.LinearRegression(optim.RMSProp(0.01))), number),
    ],
    "river.linear_model.Perceptron": [Case(lambda: scaled(lm.Perceptron()), binary)],
    "river.linear_model.PAClassifier": [
        Case(lambda: scaled(lm.PAClassifier(C=0.1)), binary),
        Case(lambda: scaled(lm.PAClassifier(C=0.1, mode=2)), binary),
        Case(lambda: lm.PAClassifier(mode=0, learn_intercept=False), binary),
    ],
    "river.linear_model.PARegressor": [
        Case(lambda: scaled(lm.PARegressor(C=0.1)), number),
        Case(lambda: scaled(lm.PARegressor(C=0.1, mode=2, eps=0.5)), number),
        Case(lambda: lm.PARegressor(mode=0, learn_intercept=False), number, ("numbers",)),
    ],
    "river.linear_model.ALMAClassifier": [
        Case(lambda: scaled(lm.ALMAClassifier()), binary),
        Case(lambda: scaled(lm.ALMAClassifier()), binary, WIDE, share=4),
        Case(lambda: lm.ALMAClassifier(alpha=0.5, B=2.0, C=1.0), binary),
    ],
    "river.linear_model.SoftmaxRegression": [
        Case(lambda: scaled(lm.SoftmaxRegression()), multiclass, ("numbers", "keystroke", "elec2")),
        Case(lambda: scaled(lm.SoftmaxRegression(optim.SGD(0.1), l2=0.01)), multiclass),
        Case(lambda: scaled(lm.SoftmaxRegression()), multiclass, WIDE, share=2),
    ],
    "river.naive_bayes.GaussianNB": [
        Case(naive_bayes.GaussianNB, multiclass, ("numbers", "keystroke"), share=60),
        Case(lambda: scaled(naive_bayes.GaussianNB()), binary, ("numbers", "elec2"), share=60),
        Case(naive_bayes.GaussianNB, multiclass, WIDE, share=1),
    ],
    "river.anomaly.HalfSpaceTrees": [
        Case(lambda: pp.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=4, height=5, seed=7), nothing),
        Case(
            lambda: anomaly.HalfSpaceTrees(n_trees=3, height=4, window_size=50, seed=1), nothing, ("numbers",)
        ),
        Case(lambda: pp.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=7), nothing, ("elec2",), share=4),
    ],
    "river.preprocessing.StandardScaler": [
        Case(lambda: pp.StandardScaler() | pp.StandardScaler() | lm.LinearRegression(), number),
        Case(lambda: pp.StandardScaler(with_std=False) | naive_bayes.GaussianNB(), binary, ("numbers",)),
    ],
    "river.preprocessing.MinMaxScaler": [
        Case(lambda: pp.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=2, height=3, seed=7), nothing),
        Case(lambda: scaled(pp.MinMaxScaler()) | lm.LinearRegression(), number, handed_max=0.05),
    ],
    "river.tree.HoeffdingTreeClassifier": [
        Case(tree.HoeffdingTreeClassifier, multiclass, ("numbers", "elec2")),
        Case(lambda: tree.HoeffdingTreeClassifier(grace_period=50, delta=1e-3, tau=0.1), binary),
    ],
    "river.compose.Select": [
        Case(lambda: compose.Select("f1", "f3", "f0") | lm.LinearRegression(), number, ("whole",)),
        Case(
            lambda: compose.Select("nswprice", "day") | naive_bayes.GaussianNB(),
            binary,
            ("elec2",),
            handed_max=0.15,
        ),
    ],
    "river.compose.SelectType": [
        Case(lambda: compose.SelectType(float, bool) | scaled(lm.LogisticRegression()), binary),
        Case(lambda: compose.SelectType(int, float) | lm.PAClassifier(), binary, ("texts",)),
    ],
    "river.compose.TransformerUnion": [
        Case(lambda: encoded(lm.LogisticRegression(), pp.OneHotEncoder()), binary, MIXED),
        Case(
            lambda: encoded(anomaly.HalfSpaceTrees(2, 4, seed=3), pp.OrdinalEncoder(), pp.MinMaxScaler),
            nothing,
            MIXED,
        ),
        Case(
            lambda: pp.MinMaxScaler() + pp.StandardScaler() + compose.SelectType(int) | lm.LinearRegression(),
            number,
            handed_max=0.05,
        ),
    ],
    "river.preprocessing.OneHotEncoder": [
        Case(lambda: encoded(naive_bayes.GaussianNB(), pp.OneHotEncoder()), multiclass, ("texts",), share=10),
        Case(lambda: encoded(lm.ALMAClassifier(), pp.OneHotEncoder()), binary, MIXED),
        Case(lambda: encoded(lm.LinearRegression(), pp.OneHotEncoder(drop_zeros=True)), number, MIXED),
        Case(
            lambda: encoded(lm.SoftmaxRegression(), pp.OneHotEncoder()), multiclass, ("kdd99_10pct",), share=5
        ),
    ],
    "river.preprocessing.OrdinalEncoder": [
        Case(lambda: encoded(lm.PARegressor(), pp.OrdinalEncoder()), number, MIXED),
        Case(
            lambda: encoded(lm.LinearRegression(), pp.OrdinalEncoder(unknown_value=-5) | pp.MinMaxScaler()),
            number,
            MIXED,
        ),
    ],
    "river.preprocessing.StatImputer": [
        Case(lambda: filled(scaled(lm.LinearRegression())), number, ("holes",)),
        Case(lambda: filled(pp.MinMaxScaler() | anomaly.HalfSpaceTrees(3, 4, seed=2)), nothing, ("holes",)),
    ],
}
