"""The table of models that a spec can name, and how a name or `module:function` becomes a model.

To add one: a function in `recipes.py` and its line here.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import ModelError
from engine.models import recipes
from engine.models.seeding import seeded
from engine.nearest import nearest

MODELS: dict[str, Callable[..., Any]] = {
    "logistic_regression": recipes.logistic_regression,
    "linear_regression": recipes.linear_regression,
    "softmax_regression": recipes.softmax_regression,
    "alma": recipes.alma,
    "passive_aggressive": recipes.passive_aggressive,
    "passive_aggressive_regressor": recipes.passive_aggressive_regressor,
    "naive_bayes": recipes.naive_bayes,
    "hoeffding_tree": recipes.hoeffding_tree,
    "hoeffding_tree_regressor": recipes.hoeffding_tree_regressor,
    "adaptive_random_forest": recipes.adaptive_random_forest,
    "adaptive_random_forest_regressor": recipes.adaptive_random_forest_regressor,
    "aggregated_mondrian_forest": recipes.aggregated_mondrian_forest,
    "nearest_neighbours": recipes.nearest_neighbours,
    "half_space_trees": recipes.half_space_trees,
}


def build(use: str, arguments: Mapping[str, Any], categories: bool) -> Any:
    """Build the River model that a spec names.

    Parameters
    ----------
    use
        A name of `MODELS`, or `module:function` of the user's.
    arguments
        What the spec gives under `model.with`.
    categories
        Whether there are categories among the features: the ready models then encode them.

    Examples
    --------
    >>> build("logistic_regression", {"learning_rate": 0.05}, False).predict_proba_one({"x": 1.0})
    {False: 0.5, True: 0.5}
    """
    make = _import(use) if ":" in use else _look_up(use)
    given = dict(arguments)
    ready = ":" not in use
    try:
        inspect.signature(make).bind(**given, **({"categories": categories} if ready else {}))
    except TypeError as exc:
        raise ModelError(f"model.with does not fit {use}{_signature(make)}: {exc}") from None
    except ValueError:
        pass  # a built-in without a signature: the call itself will tell
    try:
        model = make(**given, categories=categories) if ready else make(**given)
    except Exception as exc:  # the user's own code: any error of it is the spec's error
        raise ModelError(f"model.use: {use} raised {type(exc).__name__}: {exc}") from exc
    return seeded(model)


def _look_up(use: str) -> Callable[..., Any]:
    if use not in MODELS:
        names = ", ".join(MODELS)
        raise ModelError(f"model.use: there is no model {use!r}{nearest(use, MODELS)}; known: {names}")
    return MODELS[use]


def _import(use: str) -> Callable[..., Any]:
    module, _, name = use.partition(":")
    try:
        made: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except ImportError as exc:
        raise ModelError(f"model.use: can't import {module!r}: {exc}") from exc
    except AttributeError:
        raise ModelError(f"model.use: the module {module!r} has no {name!r}") from None
    return made


def _signature(make: Callable[..., Any]) -> str:
    try:
        parameters = inspect.signature(make).parameters.values()
    except ValueError:
        return "(...)"
    return f"({', '.join(str(p) for p in parameters if p.name != 'categories')})"
