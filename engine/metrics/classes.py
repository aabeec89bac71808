"""How often the predicted class was right, and how often chance or habit would have been.

For each class: how many outcomes had it as label, as prediction, and as both. With two classes precision,
recall and F1 are those of True; with more they are macro averages, every class that was seen counting
alike. Weighted by how frequent classes are, recall would be the accuracy.

Kappa compares with guessing at the frequencies seen, kappa_m with always saying the most frequent label,
kappa_t with repeating the last label: Bifet et al., Efficient Online Evaluation of Big Data Stream
Classifiers, 2015.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Kind, Shape


def size(shape: Shape) -> int:
    return 3 * shape.classes + 1


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
    k = shape.classes
    yield block.label, 1.0
    yield block.guess + k, 1.0
    yield block.label + 2 * k, block.hit.astype(np.float64)
    yield 3 * k, block.same


def _parts(part: Floats, shape: Shape) -> tuple[Floats, Floats, Floats]:
    """By class: labels, predictions, hits."""
    k = shape.classes
    return part[:k], part[k : 2 * k], part[2 * k : 3 * k]


def labelled(part: Floats, shape: Shape) -> float:
    return float(_parts(part, shape)[0].sum())


def share(above: float, below: float) -> float:
    return float(above / below) if below else 0.0


def accuracy(part: Floats, shape: Shape) -> float:
    return share(_parts(part, shape)[2].sum(), labelled(part, shape))


def balanced_accuracy(part: Floats, shape: Shape) -> float:
    """The mean recall of the classes that came as labels."""
    labels, _, hits = _parts(part, shape)
    there = labels > 0
    return float((hits[there] / labels[there]).mean()) if there.any() else 0.0


def _per_class(above: Floats, below: Floats, part: Floats, shape: Shape) -> float:
    """A ratio of True, or the mean ratio of all classes seen; 0 where nothing is divided."""
    ratio = np.divide(above, below, out=np.zeros(shape.classes), where=below > 0)
    if shape.kind is Kind.BINARY:
        return float(ratio[1])
    labels, guesses, _ = _parts(part, shape)
    there = (labels > 0) | (guesses > 0)
    return float(ratio[there].mean()) if there.any() else 0.0


def precision(part: Floats, shape: Shape) -> float:
    _, guesses, hits = _parts(part, shape)
    return _per_class(hits, guesses, part, shape)


def recall(part: Floats, shape: Shape) -> float:
    labels, _, hits = _parts(part, shape)
    return _per_class(hits, labels, part, shape)


def f1(part: Floats, shape: Shape) -> float:
    labels, guesses, hits = _parts(part, shape)
    return _per_class(2 * hits, labels + guesses, part, shape)


def _beyond(found: float, expected: float) -> float:
    """How much of what the yardstick left to be won was won."""
    return share(found - expected, 1 - expected)


def kappa(part: Floats, shape: Shape) -> float:
    labels, guesses, _ = _parts(part, shape)
    n = labelled(part, shape)
    chance = float((labels / n * (guesses / n)).sum()) if n else 0.0
    return _beyond(accuracy(part, shape), chance)


def kappa_m(part: Floats, shape: Shape) -> float:
    labels = _parts(part, shape)[0]
    return _beyond(accuracy(part, shape), share(labels.max(), labels.sum()))


def kappa_t(part: Floats, shape: Shape) -> float:
    return _beyond(accuracy(part, shape), share(part[3 * shape.classes], labelled(part, shape)))


MEASURES = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "kappa": kappa,
    "kappa_m": kappa_m,
    "kappa_t": kappa_t,
}
