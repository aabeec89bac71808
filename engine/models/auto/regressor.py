"""The regressor of `use: auto`: linear models at several rates, a tree, neighbours, and the labels of late.

Each is weighed by how well it did of late, its faded mean error to the power of minus `SHARPNESS`: where one
is clearly better it speaks alone, where several are as good they are averaged. All run event by event.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from river import base, compose, linear_model, neighbors, optim, preprocessing, tree

FADE = 0.99  # of an expert's error, an event
SHARPNESS = 8
WINDOW = 200  # events among which neighbours are looked for
LEAST = 1e-9  # of an error, so that a perfect expert has a weight


def numbers() -> Any:
    return compose.SelectType(int, float, bool) | preprocessing.StandardScaler()


def scaled(model: Any) -> Any:
    """Numbers scaled, texts one-hot, and the label scaled, too."""
    texts = compose.SelectType(str) | preprocessing.OneHotEncoder()
    return numbers() + texts | preprocessing.TargetStandardScaler(regressor=model)


def experts() -> list[Any]:
    return [
        scaled(linear_model.LinearRegression(optim.SGD(0.01))),
        scaled(linear_model.LinearRegression(optim.SGD(0.1), clip_gradient=1.0)),
        scaled(linear_model.PARegressor(C=0.1, eps=0.05)),
        scaled(tree.HoeffdingTreeRegressor()),
        numbers()
        | preprocessing.TargetStandardScaler(
            regressor=neighbors.KNNRegressor(5, neighbors.LazySearch(WINDOW))
        ),
    ]


class AutoRegressor(base.Regressor):
    """A mixture of regressors that needs no settings.

    Examples
    --------
    >>> model = AutoRegressor()
    >>> for i in range(300):
    ...     model.learn_one({"x": float(i % 9), "c": "ab"[i % 2]}, 3.0 * (i % 9) + i % 2)
    >>> round(model.predict_one({"x": 4.0, "c": "b"}))
    13
    """

    def __init__(self) -> None:
        self.experts = experts()
        self.errors = [0.0] * (len(self.experts) + 2)  # faded sums; of the mean and the last label, too
        self.mean = 0.0  # faded
        self.last: float | None = None
        self.low, self.high = math.inf, -math.inf  # of the labels

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> float:
        if self.low > self.high:
            return 0.0
        said = self._said(x)
        least = min(self.errors)
        weights = [((least + LEAST) / (error + LEAST)) ** SHARPNESS for error in self.errors]
        total = math.fsum(weights)
        return math.fsum(w * value for w, value in zip(weights, said, strict=True)) / total

    def learn_one(self, x: Mapping[Any, Any], y: float) -> None:
        """Learn from an event whose label came with it, before the next event was predicted."""
        self._learn(x, y, at_once=True)

    def learn_late_one(self, x: Mapping[Any, Any], y: float) -> None:
        """Learn from an event whose label came later: what the last label was tells nothing then."""
        self._learn(x, y, at_once=False)

    def _learn(self, x: Mapping[Any, Any], y: float, at_once: bool) -> None:
        begun = self.low <= self.high
        said = self._said(x) if begun else [y] * len(self.errors)
        self.errors = [FADE * e + abs(y - value) for e, value in zip(self.errors, said, strict=True)]
        for expert in self.experts:
            expert.learn_one(dict(x), y)
        self.mean = FADE * self.mean + (1 - FADE) * y if begun else y
        self.last = y if at_once else None
        self.low, self.high = min(self.low, y), max(self.high, y)

    def _said(self, x: Mapping[Any, Any]) -> list[float]:
        """What each says, but never far beyond the labels so far; the mean stands in for who can't tell."""
        reach = self.high - self.low
        found = [float(expert.predict_one(dict(x))) for expert in self.experts]
        found += [self.mean, self.mean if self.last is None else self.last]
        return [
            min(max(value, self.low - reach), self.high + reach) if math.isfinite(value) else self.mean
            for value in found
        ]
