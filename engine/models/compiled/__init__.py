"""River models as kernels over whole batches, with River's own arithmetic.

A pipeline whose steps all have a compiled form becomes a chain of them: state lies in arrays, a numba kernel
walks a block of ordered operations, and at any moment the state can be written back into the very River
objects that it came from, equal to the bit. Everything else stays with River.

To add a form, write one file beside this one and one line in `COMPILED`. The file has

- a class on `Transformer` or `Model` (`step.py`), with `check` (which parameters have the form), `load` and
  `write_back` (River object to arrays and back), `reserve` (room for features that came up) and `run`;
- its kernels, decorated with `jit.kernel`, which take plain arrays.

A `run` works event by event in the order of the block, in River's order of operations, because sums of
floats depend on it. `standard_scaler.py` and `glm.py` are the ones to read first. What identity needs:

- `v**0.5` and `x**2` are `pow` of the C library in Python: hand exponents to the kernel as arguments, since
  the compiler makes something else of literals, which differs in the last bit.
- Orders of dicts are orders of sums: keep them, and write them back.
- From Python 3.12 on `sum()` of floats compensates: where River uses it, a kernel needs both forms
  (`jit.SUM_COMPENSATES`).
- What raises in Python (division by zero, overflow of `**` and `math.exp`) has to stop the kernel before the
  event changes anything; so has every prediction or learned value that isn't finite.

Importing this table costs nothing: numba comes with the first form that is used.
"""

from __future__ import annotations

import importlib
from typing import Any

from engine.models.compiled.step import Model, Step, Transformer, Unsupported

COMPILED: dict[str, str] = {  # a class of River's, or of ours -> file:class of this folder
    "engine.models.auto.classifier.AutoClassifier": "auto:Auto",
    "river.anomaly.HalfSpaceTrees": "half_space_trees:HalfSpaces",
    "river.compose.Select": "select:ByName",
    "river.compose.SelectType": "select:ByType",
    "river.compose.TransformerUnion": "union:Union",
    "river.forest.ARFClassifier": "forest:AdaptiveForest",
    "river.linear_model.ALMAClassifier": "alma:Alma",
    "river.linear_model.LinearRegression": "glm:Glm",
    "river.linear_model.LogisticRegression": "glm:Glm",
    "river.linear_model.PAClassifier": "passive_aggressive:PassiveAggressive",
    "river.linear_model.PARegressor": "passive_aggressive:PassiveAggressiveRegressor",
    "river.linear_model.Perceptron": "glm:Glm",
    "river.linear_model.SoftmaxRegression": "softmax:Softmax",
    "river.naive_bayes.GaussianNB": "gaussian_nb:GaussianBayes",
    "river.preprocessing.MinMaxScaler": "min_max_scaler:MinMax",
    "river.preprocessing.OneHotEncoder": "one_hot:OneHot",
    "river.preprocessing.OrdinalEncoder": "ordinal:Ordinal",
    "river.preprocessing.StandardScaler": "standard_scaler:Standard",
    "river.preprocessing.StatImputer": "stat_imputer:Imputer",
    "river.tree.HoeffdingTreeClassifier": "hoeffding:HoeffdingClassifier",
}


def form_of(part: Any) -> type[Step]:
    """The compiled form of a River object by its exact type; raise Unsupported if there is none.

    >>> from river import linear_model
    >>> form_of(linear_model.LogisticRegression()).__name__
    'Glm'
    """
    kind = type(part)
    package = kind.__module__
    if package.startswith("river."):
        package = ".".join(package.split(".")[:2])
    place = COMPILED.get(f"{package}.{kind.__qualname__}")
    if place is None or getattr(importlib.import_module(package), kind.__qualname__, None) is not kind:
        raise Unsupported(f"{kind.__name__} has no compiled form")
    module, _, name = place.partition(":")
    try:
        form: type[Step] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    except ImportError as exc:
        raise Unsupported(f"numba can't be imported: {exc}") from exc
    return form


__all__ = ["COMPILED", "Model", "Step", "Transformer", "Unsupported", "form_of"]
