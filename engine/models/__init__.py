"""The table of models that a spec can name, and how a name or `module:function` becomes a model.

To add one: a function in `recipes.py`, or in a file beside it, and its line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.errors import ModelError
from engine.imported import imported
from engine.models import committees, forecasters, recipes
from engine.models.scores import LABEL_KINDS, TASKS, task_of
from engine.models.seeding import seeded
from engine.nearest import nearest

CLASSES = ("binary", "multiclass")
NUMBER = ("regression",)
ANOMALY = ("anomaly",)
SERIES = ("forecasting",)


class Ready(NamedTuple):
    """A ready model: the function that makes it, and the tasks it can do, the usual one first."""

    make: Callable[..., Any]
    tasks: tuple[str, ...]

    @property
    def arguments(self) -> dict[str, Any]:
        """What `model.with` may hold, with the defaults."""
        parameters = inspect.signature(self.make).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is not p.KEYWORD_ONLY}

    @property
    def purpose(self) -> str:
        """When to use it, in a sentence."""
        return (inspect.getdoc(self.make) or "").partition("\n")[0]


MODELS: dict[str, Ready] = {
    "auto": Ready(recipes.auto, CLASSES + NUMBER + ANOMALY + SERIES),
    "logistic_regression": Ready(recipes.logistic_regression, ("binary",)),
    "alma": Ready(recipes.alma, ("binary",)),
    "passive_aggressive": Ready(recipes.passive_aggressive, ("binary",)),
    "softmax_regression": Ready(recipes.softmax_regression, CLASSES),
    "naive_bayes": Ready(recipes.naive_bayes, CLASSES),
    "hoeffding_tree": Ready(recipes.hoeffding_tree, CLASSES),
    "adaptive_random_forest": Ready(recipes.adaptive_random_forest, CLASSES),
    "streaming_random_patches": Ready(committees.streaming_random_patches, CLASSES + NUMBER),
    "leveraging_bagging": Ready(committees.leveraging_bagging, CLASSES),
    "aggregated_mondrian_forest": Ready(recipes.aggregated_mondrian_forest, CLASSES),
    "nearest_neighbours": Ready(recipes.nearest_neighbours, CLASSES + NUMBER),
    "stacking": Ready(committees.stacking, CLASSES),
    "online_selection": Ready(committees.online_selection, CLASSES + NUMBER),
    "linear_regression": Ready(recipes.linear_regression, NUMBER),
    "passive_aggressive_regressor": Ready(recipes.passive_aggressive_regressor, NUMBER),
    "hoeffding_tree_regressor": Ready(recipes.hoeffding_tree_regressor, NUMBER),
    "adaptive_random_forest_regressor": Ready(recipes.adaptive_random_forest_regressor, NUMBER),
    "snarimax": Ready(forecasters.snarimax, SERIES),
    "holt_winters": Ready(forecasters.holt_winters, SERIES),
    "half_space_trees": Ready(recipes.half_space_trees, ANOMALY),
    "gaussian_scorer": Ready(recipes.gaussian_scorer, ANOMALY),
}


def build(use: str, arguments: Mapping[str, Any], categories: bool, task: str | None = None) -> Any:
    """Build the River model that a spec names.

    Parameters
    ----------
    use
        A name of `MODELS`, or `module:function` of the user's.
    arguments
        What the spec gives under `model.with`.
    categories
        Whether there are categories among the features: the ready models then encode them.
    task
        One of `TASKS`; None for what the model usually does.

    Examples
    --------
    >>> build("logistic_regression", {"learning_rate": 0.05}, False).predict_proba_one({"x": 1.0})
    {False: 0.5, True: 0.5}
    """
    ready = None if ":" in use else _look_up(use)
    make = imported(use, "model.use", ModelError) if ready is None else ready.make
    told = {} if ready is None else _told(use, ready, categories, task)
    given = dict(arguments)
    try:
        inspect.signature(make).bind(**given, **told)
    except TypeError as exc:
        raise ModelError(f"model.with does not fit {use}{_signature(make)}: {exc}") from None
    except ValueError:
        pass  # a built-in without a signature: the call itself will tell
    try:
        model = make(**given, **told)
    except Exception as exc:  # the user's own code: any error of it is the spec's error
        raise ModelError(f"model.use: {use} raised {type(exc).__name__}: {exc}") from exc
    if ready is None and task not in (None, *SERIES) and TASKS[task] is not task_of(model):
        raise ModelError(f"model.task: {use} made a model for {task_of(model).value}, not for {task}")
    return seeded(model)


def task_for(use: str, task: str | None, label_type: str | None) -> str | None:
    """What a model is to do: as the spec says, or else as its labels tell; None: ask the user's own model.

    >>> task_for("naive_bayes", None, "category"), task_for("linear_regression", None, None)
    ('multiclass', 'regression')
    """
    if task is not None and label_type not in (None, LABEL_KINDS[task]) and task != "anomaly":
        raise ModelError(
            f"model.task: the labels of {task} are of type {LABEL_KINDS[task]}, not {label_type}"
        )
    if ":" in use:
        return task
    ready = _look_up(use)
    if ready.tasks == SERIES and task is None:
        raise ModelError(f"model.use: {use} forecasts a series; say which number in forecast.of")
    if task is not None or label_type is None or ready.tasks == ANOMALY:
        return _one_of(use, ready, task or ready.tasks[0])
    fits = (name for name in ready.tasks if LABEL_KINDS[name] == label_type)
    wanted = next(name for name in TASKS if LABEL_KINDS[name] == label_type)
    return _one_of(use, ready, next(fits, wanted))


def _one_of(use: str, ready: Ready, task: str) -> str:
    if task in ready.tasks:
        return task
    others = ", ".join(name for name, other in MODELS.items() if task in other.tasks)
    can = " and ".join(ready.tasks)
    raise ModelError(f"model.use: {use} is for {can}, not for {task}; for that there are {others}")


def _told(use: str, ready: Ready, categories: bool, task: str | None) -> dict[str, Any]:
    """What a ready model is told besides its arguments."""
    known = {"categories": categories, "task": _one_of(use, ready, task or ready.tasks[0])}
    return {name: known[name] for name in inspect.signature(ready.make).parameters if name in known}


def _look_up(use: str) -> Ready:
    if use not in MODELS:
        names = ", ".join(MODELS)
        raise ModelError(f"model.use: there is no model {use!r}{nearest(use, MODELS)}; known: {names}")
    return MODELS[use]


def _signature(make: Callable[..., Any]) -> str:
    try:
        parameters = inspect.signature(make).parameters.values()
    except ValueError:
        return "(...)"
    return f"({', '.join(str(p) for p in parameters if p.name not in ('categories', 'task'))})"
