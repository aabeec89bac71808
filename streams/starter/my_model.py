"""A model of your own: a function that returns a River model.

Name it in driftline.yaml with `use: my_model:build`; what stands under `with:` are its arguments.
"""

from river import compose, linear_model, optim, preprocessing
from river.base import Estimator


def build(learning_rate: float = 0.05) -> Estimator:
    """Scale the numbers, encode the texts, and feed both to a logistic regression."""
    numbers = compose.SelectType(int, float) | preprocessing.StandardScaler()
    texts = compose.SelectType(str) | preprocessing.OneHotEncoder()
    model: Estimator = (numbers + texts) | linear_model.LogisticRegression(optim.SGD(learning_rate))
    return model
