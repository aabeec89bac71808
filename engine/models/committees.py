"""Ready models made of several: committees of trees, stacking, and a choice among settings.

They stand beside `recipes.py`, and follow the same rules.
"""

from __future__ import annotations

from typing import Any

from river import (
    base,
    ensemble,
    linear_model,
    metrics,
    model_selection,
    naive_bayes,
    optim,
    tree,
)

from engine.models.recipes import SEED, scaled

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
L2S = (0.0, 0.001)


def streaming_random_patches(n_models: int = 10, *, categories: bool, task: str) -> Any:
    """Any number of classes, or a number: trees that each see a part of events and features; very slow."""
    if task == "regression":
        leaf_linear = ensemble.SRPRegressor(n_models=n_models, seed=SEED)
        return scaled(leaf_linear, categories) if categories else leaf_linear
    return ensemble.SRPClassifier(n_models=n_models, seed=SEED)


def leveraging_bagging(n_models: int = 10, w: float = 6, *, categories: bool) -> Any:
    """Any number of classes: trees that each weigh events at random, the worst is replaced on drift; slow."""
    return ensemble.LeveragingBaggingClassifier(
        tree.HoeffdingTreeClassifier(), n_models=n_models, w=w, seed=SEED
    )


def online_selection(budget: int = 20_000, *, categories: bool, task: str) -> Any:
    """Chooses learning rate and l2 of a linear model by successive halving; for streams that hold still."""
    grid = [(optim.SGD(rate), l2) for rate in RATES for l2 in L2S]
    if task == "regression":
        models = [linear_model.LinearRegression(optimizer, l2=l2) for optimizer, l2 in grid]
        halving = model_selection.SuccessiveHalvingRegressor(models, metrics.MAE(), budget)
        return scaled(halving, categories)
    linear = linear_model.LogisticRegression if task == "binary" else linear_model.SoftmaxRegression
    classifiers = [linear(optimizer, l2=l2) for optimizer, l2 in grid]
    return scaled(
        model_selection.SuccessiveHalvingClassifier(classifiers, metrics.Accuracy(), budget), categories
    )


def stacking(learning_rate: float = 0.1, *, categories: bool, task: str) -> Any:
    """A linear model, naive Bayes and a tree, and a linear model that learns whom to believe."""
    linear = linear_model.LogisticRegression if task == "binary" else linear_model.SoftmaxRegression
    members: list[base.Classifier] = [
        linear(optim.SGD(0.05)),
        naive_bayes.GaussianNB(),
        tree.HoeffdingTreeClassifier(),
    ]
    judge = linear(optim.SGD(learning_rate))
    return scaled(ensemble.StackingClassifier(members, judge, include_features=False), categories)
