"""The ready models: River pipelines with sensible defaults, one function each.

Each takes `categories`: whether texts come among the features. Linear models then one-hot encode
them; trees take them as they are.
"""

from __future__ import annotations

from typing import Any

from river import (
    anomaly,
    compose,
    forest,
    linear_model,
    neighbors,
    optim,
    preprocessing,
    tree,
)
from river import (
    naive_bayes as bayes,
)

from engine.models.forecasters import AutoForecaster
from engine.models.gaussian_scorers import GaussianScorers

SEED = 20240229  # any number: the same one everywhere, so that a replay is the same


def scaled(model: Any, categories: bool) -> Any:
    """Numbers scaled, categories one-hot encoded, then the model."""
    if not categories:
        return preprocessing.StandardScaler() | model
    return (compose.SelectType(int, float, bool) | preprocessing.StandardScaler()) + (
        compose.SelectType(str) | preprocessing.OneHotEncoder()
    ) | model


def auto(*, categories: bool, task: str) -> Any:
    """Does well with nothing to set: experts of many kinds, and a mixture that learns whom to believe."""
    from engine.models.auto.classifier import AutoClassifier
    from engine.models.auto.regressor import AutoRegressor

    if task == "regression":
        return AutoRegressor()
    if task == "forecasting":
        return AutoForecaster()
    if task == "anomaly":
        return half_space_trees(categories=categories)
    return AutoClassifier(seed=SEED)


def logistic_regression(learning_rate: float = 0.01, l2: float = 0.0, *, categories: bool) -> Any:
    """Two classes; fast and hard to beat where the classes part along a line."""
    model = linear_model.LogisticRegression(optimizer=optim.SGD(learning_rate), l2=l2)
    return scaled(model, categories)


def linear_regression(learning_rate: float = 0.01, l2: float = 0.0, *, categories: bool) -> Any:
    """A number as a weighted sum of the features."""
    model = linear_model.LinearRegression(optimizer=optim.SGD(learning_rate), l2=l2)
    return scaled(model, categories)


def softmax_regression(learning_rate: float = 0.01, *, categories: bool) -> Any:
    """Logistic regression for more than two classes."""
    return scaled(linear_model.SoftmaxRegression(optimizer=optim.SGD(learning_rate)), categories)


def alma(p: int = 2, alpha: float = 0.9, c: float = 1.0, *, categories: bool) -> Any:
    """Two classes with a large margin; follows changes quickly."""
    return scaled(linear_model.ALMAClassifier(p=p, alpha=alpha, C=c), categories)


def passive_aggressive(c: float = 1.0, mode: int = 1, *, categories: bool) -> Any:
    """Two classes; corrects itself fully on each mistake."""
    return scaled(linear_model.PAClassifier(C=c, mode=mode), categories)


def passive_aggressive_regressor(c: float = 1.0, mode: int = 1, eps: float = 0.1, *, categories: bool) -> Any:
    """A number; corrects itself fully beyond a tolerance."""
    return scaled(linear_model.PARegressor(C=c, mode=mode, eps=eps), categories)


def naive_bayes(*, categories: bool) -> Any:
    """Any number of classes from few examples, if the features tell apart on their own."""
    return scaled(bayes.GaussianNB(), categories) if categories else bayes.GaussianNB()


def hoeffding_tree(grace_period: int = 200, delta: float = 1e-7, *, categories: bool) -> Any:
    """Any number of classes, rules that a person can read; grows as it is sure."""
    return tree.HoeffdingTreeClassifier(grace_period=grace_period, delta=delta)


def hoeffding_tree_regressor(grace_period: int = 200, delta: float = 1e-7, *, categories: bool) -> Any:
    """A number from rules that grow as they are sure."""
    model = tree.HoeffdingTreeRegressor(grace_period=grace_period, delta=delta)
    return scaled(model, categories) if categories else model  # its leaves are linear


def adaptive_random_forest(n_models: int = 10, *, categories: bool) -> Any:
    """Any number of classes, strong without tuning, replaces trees that drift; slow."""
    return forest.ARFClassifier(n_models=n_models, seed=SEED)


def adaptive_random_forest_regressor(n_models: int = 10, *, categories: bool) -> Any:
    """A number, strong without tuning, replaces trees that drift; slow."""
    model = forest.ARFRegressor(n_models=n_models, seed=SEED)
    return scaled(model, categories) if categories else model  # its leaves are linear


def aggregated_mondrian_forest(n_estimators: int = 10, *, categories: bool) -> Any:
    """Any number of classes with good probabilities, no tuning; slow."""
    model = forest.AMFClassifier(n_estimators=n_estimators, seed=SEED)
    return scaled(model, categories) if categories else model


def nearest_neighbours(n_neighbors: int = 5, window_size: int = 1000, *, categories: bool, task: str) -> Any:
    """Any number of classes, or a number, by the most similar of the recent events; slow."""
    make = neighbors.KNNRegressor if task == "regression" else neighbors.KNNClassifier
    return scaled(make(n_neighbors, neighbors.LazySearch(window_size=window_size)), categories)


def half_space_trees(n_trees: int = 10, height: int = 8, window_size: int = 250, *, categories: bool) -> Any:
    """Anomalies without labels: a score from 0 to 1, high where few events fall."""
    model = anomaly.HalfSpaceTrees(n_trees=n_trees, height=height, window_size=window_size, seed=SEED)
    if not categories:
        return preprocessing.MinMaxScaler() | model
    return (compose.SelectType(int, float, bool) | preprocessing.MinMaxScaler()) + (
        compose.SelectType(str) | preprocessing.OneHotEncoder()
    ) | model


def gaussian_scorer(window_size: int = 1000, grace_period: int = 100, *, categories: bool) -> Any:
    """Anomalies without labels: a score from 0 to 1, high where a number is far from its usual range."""
    return GaussianScorers(window_size, grace_period)
