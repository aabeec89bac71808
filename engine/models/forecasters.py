"""Ready models that forecast a series, and the one behind `use: auto`.

They are River's forecasters: `learn_one(y)` takes the next value, `forecast(horizon)` says the ones to come.
One is made for each series.
"""

from __future__ import annotations

import math
from typing import Any

from river import linear_model, optim, preprocessing, time_series

RATE = 0.003  # of the regression on past values; small, since it has to stay stable on any series
FADE = 0.98  # of an expert's error, a step
SHARPNESS = 8  # weights are errors to the power of minus this


def snarimax(p: int = 5, d: int = 1, q: int = 0, m: int = 1, sp: int = 0, sd: int = 0, sq: int = 0) -> Any:
    """Each series by a regression on its last values, errors and seasons; for series with a rhythm."""
    regressor = preprocessing.StandardScaler() | linear_model.LinearRegression(
        optim.SGD(RATE), intercept_lr=RATE
    )
    return time_series.SNARIMAX(p, d, q, m, sp, sd, sq, regressor)


def holt_winters(alpha: float = 0.5, beta: float = 0.1, gamma: float = 0.1, seasonality: int = 0) -> Any:
    """Each series by its level, its trend and, if `seasonality` is set, its season; very fast."""
    return time_series.HoltWinters(alpha, beta, gamma if seasonality else None, seasonality)


class Same(time_series.base.Forecaster):
    """Forecasts the last value."""

    def __init__(self) -> None:
        self.last: float | None = None

    def learn_one(self, y: float, x: dict[str, Any] | None = None) -> None:
        self.last = y

    def forecast(self, horizon: int, xs: list[dict[str, Any]] | None = None) -> list[float]:
        if self.last is None:
            raise IndexError("there was no value yet")
        return [self.last] * horizon


class AutoForecaster(time_series.base.Forecaster):
    """The last value, smoothings and a regression, weighed by how well each forecast of late.

    Examples
    --------
    >>> model = AutoForecaster()
    >>> for i in range(200):
    ...     model.learn_one(10.0 + 3.0 * i)
    >>> [round(value) for value in model.forecast(2)]
    [610, 613]
    """

    def __init__(self) -> None:
        self.experts: list[Any] = [
            Same(),
            time_series.HoltWinters(0.2),
            time_series.HoltWinters(0.5),
            time_series.HoltWinters(0.8, 0.05),
            snarimax(),
        ]
        self.errors = [0.0] * len(self.experts)  # faded sums
        self.said: list[float | None] = [None] * len(self.experts)  # of the next value

    def learn_one(self, y: float, x: dict[str, Any] | None = None) -> None:
        for i, expert in enumerate(self.experts):
            before = self.said[i]
            self.errors[i] *= FADE
            if before is not None:
                self.errors[i] += abs(y - before)
            expert.learn_one(y)
            found = ahead(expert, 1)
            self.said[i] = None if found is None else found[0]

    def forecast(self, horizon: int, xs: list[dict[str, Any]] | None = None) -> list[float]:
        pairs = [
            (ahead(expert, horizon), error) for expert, error in zip(self.experts, self.errors, strict=True)
        ]
        known = [(values, error) for values, error in pairs if values is not None]
        if not known:
            raise IndexError("there was no value yet")
        least = min(error for _, error in known)
        weights = [((least + 1e-12) / (error + 1e-12)) ** SHARPNESS for _, error in known]
        total = math.fsum(weights)
        return [
            math.fsum(w * values[h] for w, (values, _) in zip(weights, known, strict=True)) / total
            for h in range(horizon)
        ]


def ahead(forecaster: Any, horizon: int) -> list[float] | None:
    """What a forecaster says of the next values; None while it has seen too few, or where it runs away."""
    try:
        found = [float(value) for value in forecaster.forecast(horizon)]
    except (IndexError, ValueError):
        return None
    return found if all(map(math.isfinite, found)) else None
