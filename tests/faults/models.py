"""A model with faults, for specs that name `tests.faults.models:faulty`."""

from __future__ import annotations

from typing import Any

from river import linear_model, preprocessing

# What the model does when x0 is this.
PREDICT_RAISES = 91.0
LEARN_RAISES = 92.0
WALK_RAISES = 93.0  # it returns what nobody can encode, so the walk fails behind its back
PREDICT_HANGS = 94.0


class Faulty:
    """A logistic regression that stumbles over certain values of x0."""

    def __init__(self) -> None:
        self.inner = preprocessing.StandardScaler() | linear_model.LogisticRegression()

    def predict_proba_one(self, x: dict[str, float]) -> dict[Any, float]:
        if x["x0"] == PREDICT_RAISES:
            raise RuntimeError("no prediction for this one")
        if x["x0"] == WALK_RAISES:
            return {1j: 1.0}
        while x["x0"] == PREDICT_HANGS:
            pass
        odds: dict[Any, float] = self.inner.predict_proba_one(x)
        return odds

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.inner.learn_one(x, y)
        if x["x0"] == LEARN_RAISES:
            raise RuntimeError("this one is not learned")


def faulty() -> Faulty:
    return Faulty()
