"""A River pipeline's calls without the pipeline: the same steps in the same order, an eighth faster.

River's `Pipeline` routes arguments and kinds of steps anew at each call. For the plain case, transformers
that learn without labels and one model behind them, the calls that it would make are known beforehand.
Everything else keeps its own methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Predict = Callable[[Any], Any]
Learn = Callable[[Any, Any], Any]


def calls(model: Any, method: str) -> tuple[Predict, Learn]:
    """How to predict with `method`, and how to learn with a label.

    >>> from river import linear_model, preprocessing
    >>> model = preprocessing.StandardScaler() | linear_model.LinearRegression()
    >>> predict, learn = calls(model, "predict_one")
    >>> learn({"x": 1.0}, 2.0)
    >>> predict({"x": 1.0}) == model.predict_one({"x": 1.0})
    True
    """
    parts = plain_steps(model)
    if parts is None:
        return getattr(model, method), model.learn_one
    transformers, last = parts
    if len(transformers) == 1:
        return _two_steps(transformers[0], last, method)
    transforms = tuple(step.transform_one for step in transformers)
    pairs = tuple((step.learn_one, step.transform_one) for step in transformers)
    predict_last, learn_last = getattr(last, method), last.learn_one

    def predict(x: Any) -> Any:
        for transform in transforms:
            x = transform(x)
        return predict_last(x)

    def learn(x: Any, y: Any) -> None:
        for learn_step, transform in pairs:
            learn_step(x)
            x = transform(x)
        learn_last(x, y)

    return predict, learn


def _two_steps(transformer: Any, last: Any, method: str) -> tuple[Predict, Learn]:
    """The commonest pipeline, without loops."""
    learn_step, transform = transformer.learn_one, transformer.transform_one
    predict_last, learn_last = getattr(last, method), last.learn_one

    def learn(x: Any, y: Any) -> None:
        learn_step(x)
        learn_last(transform(x), y)

    return lambda x: predict_last(transform(x)), learn


def planned(model: Any) -> Any:
    """Make every pipeline's plan, as its first call would; without one a state would tell who called it.

    >>> from river import linear_model, preprocessing
    >>> planned(preprocessing.StandardScaler() | linear_model.LinearRegression())._plan is None
    False
    """
    from river import compose

    if isinstance(model, compose.Pipeline):
        for step in model.steps.values():
            planned(step)
        if model._plan is None:
            model._build_plan()
    elif isinstance(model, compose.TransformerUnion):
        for part in model.transformers.values():
            planned(part)
    return model


def plain_steps(model: Any) -> tuple[list[Any], Any] | None:
    """The transformers and the model of a plain pipeline; None if it is anything else."""
    from river import base, compose

    if type(model) is not compose.Pipeline:
        return None
    *transformers, last = model.steps.values()
    composed = (compose.Pipeline, compose.TransformerUnion)
    plain = all(
        isinstance(step, base.Transformer) and not step._supervised and not isinstance(step, composed)
        for step in transformers
    )
    supervised = isinstance(last, (base.Classifier, base.Regressor)) and last._supervised
    return (transformers, last) if plain and supervised else None
