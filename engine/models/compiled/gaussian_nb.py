"""GaussianNB, after River's `naive_bayes/gaussian.py` (BSD-3).

The likelihoods come from a kernel. River hands them to SciPy's `logsumexp`, whose exponentials are NumPy's
own: so the same few NumPy calls are made here, for all events of a block at once. `rows_agree` looks whether
they give the bits of the SciPy that is installed; if not, SciPy itself is asked.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints, grown
from engine.models.compiled.dots import plus, settled
from engine.models.compiled.jit import SUM_COMPENSATES, kernel
from engine.models.compiled.step import Model, Unsupported

LEAST = 10e-10  # River adds this to each density
LOG_LEAST = math.log(LEAST)
SQRT_TAU = math.sqrt(2.0 * math.pi)
COUNT, MEAN, SQUARES = 0, 1, 2  # of a Gaussian: the last axis of `gaussians`


@kernel
def log_density(x: float, gaussian: Floats) -> float:
    """The log of the density at x, as River rounds it."""
    if gaussian[COUNT] == 0.0:
        return LOG_LEAST
    found, variance = 0.0, gaussian[SQUARES] / gaussian[COUNT]
    if variance > 0.0:
        sigma = math.sqrt(variance)
        z = (x - gaussian[MEAN]) / sigma
        found = math.exp(-0.5 * z * z) / SQRT_TAU / sigma
    return math.log(LEAST + found)


@kernel
def likelihoods(
    x: Floats, row: Ints, classes: int, counts: Floats, gaussians: Floats, found: Floats, compensates: bool
) -> bool:
    """The joint log likelihood of each class; false where one isn't finite."""
    examples = 0.0
    for c in range(classes):
        examples += counts[c]
    for c in range(classes):
        total, lost = 0.0, 0.0
        for k in range(x.size):
            if compensates:
                total, lost = plus(total, lost, log_density(x[k], gaussians[c, row[k]]))
            else:
                total += log_density(x[k], gaussians[c, row[k]])
        found[c] = math.log(counts[c] / examples) + settled(total, lost)
        if not math.isfinite(found[c]):
            return False
    return True


@kernel
def update(gaussian: Floats, x: float) -> None:
    gaussian[COUNT] += 1.0
    old = gaussian[MEAN]
    gaussian[MEAN] = old + (1.0 / gaussian[COUNT]) * (x - old)
    gaussian[SQUARES] += (x - old) * (x - gaussian[MEAN])


@kernel
def finite(x: Floats) -> bool:
    for k in range(x.size):  # noqa: SIM110 - a generator is slow in a kernel
        if not math.isfinite(x[k]):
            return False
    return True


@kernel
def walk(
    ops: Bytes,
    starts: Ints,
    ids: Ints,
    layouts: Ints,
    values: Floats,
    learn_layouts: Ints,
    learn_values: Floats,
    labels: Floats,
    joint: Floats,
    kinds: Ints,
    counts: Floats,
    gaussians: Floats,
    ranks: Ints,
    known: Ints,
    compensates: bool,
) -> int:
    """Likelihoods, then learning, in order; stop where a number isn't finite."""
    p, q = 0, 0
    for i in range(ops.size):
        start, stop = starts[layouts[i]], starts[layouts[i] + 1]
        x, row = values[p : p + stop - start], ids[start:stop]
        p += x.size
        if ops[i] & 1:
            if not likelihoods(x, row, known[0], counts, gaussians, joint[i], compensates):
                return i
            kinds[i] = known[0]
        start, stop = starts[learn_layouts[i]], starts[learn_layouts[i] + 1]
        x, row = learn_values[q : q + stop - start], ids[start:stop]
        q += x.size
        if ops[i] & 2:
            if not finite(x):
                return i
            c = int(labels[i])
            known[0] = max(known[0], c + 1)
            counts[c] += 1.0
            for k in range(x.size):
                if ranks[c, row[k]] < 0:
                    ranks[c, row[k]] = known[1]
                    known[1] += 1
                update(gaussians[c, row[k]], x[k])
    return ops.size


@kernel
def exponentials(joint: Floats, totals: Floats) -> None:
    """Python's `math.exp`, which is not always NumPy's."""
    for i in range(joint.shape[0]):
        for c in range(joint.shape[1]):
            joint[i, c] = math.exp(joint[i, c] - totals[i])


def log_sum_exp(rows: Floats) -> Floats:
    """SciPy's `logsumexp` of each row, for finite numbers."""
    top = rows.max(axis=1, keepdims=True)
    tops = rows == top
    times = tops.sum(axis=1, dtype=np.float64)
    rest: Floats = np.exp(np.where(tops, -np.inf, rows - top)).sum(axis=1)
    found: Floats = np.log1p(rest / times) + np.log(times) + top[:, 0]
    return found


@cache
def rows_agree() -> bool:
    """Whether the installed SciPy gives the same bits, one row at a time."""
    from scipy import special

    rng = np.random.default_rng(7)
    for classes in (*range(1, 20), 64, 200):
        rows = rng.standard_normal((40, classes)) * 10.0 ** rng.integers(-2, 3)
        rows[::5] = rows[::5].round(1)
        if not np.array_equal(log_sum_exp(rows), [special.logsumexp(row.tolist()) for row in rows]):
            return False
    return True


class GaussianBayes(Model):
    """The compiled form of `naive_bayes.GaussianNB`."""

    def check(self, part: Any) -> None:
        if any(g._var.ddof for found in part.gaussians.values() for g in found.values()):
            raise Unsupported("GaussianNB has a compiled form for ddof = 0 only")

    def load(self) -> None:
        part = self.part
        self.classes: dict[Hashable, int] = {c: i for i, c in enumerate(part.class_counts)}
        self.counts: Floats = np.array([*map(float, part.class_counts.values())])
        self.gaussians: Floats = np.zeros((0, 0, 3))
        self.ranks: Ints = np.zeros((0, 0), np.int64)  # when a Gaussian came into River's dicts
        self.known: Ints = np.array([len(self.classes), 0])
        for found in part.gaussians.values():
            for name in found:
                self.names.feature(name)
        self.reserve()
        for label, found in part.gaussians.items():
            for name, gaussian in found.items():
                c, f = self.classes[label], self.names.feature(name)
                self.gaussians[c, f] = gaussian.n_samples, gaussian.mu, gaussian._var._S
                self.ranks[c, f] = self.known[1]
                self.known[1] += 1

    def reserve(self) -> None:
        classes, features = len(self.classes), len(self.names)
        self.counts = grown(self.counts, classes)
        have = self.gaussians.shape
        if have[0] < classes or have[1] < features:
            shape = (len(self.counts), max(features, 2 * have[1] if have[1] < features else have[1]))
            gaussians, ranks = np.zeros((*shape, 3)), np.full(shape, -1, np.int64)
            gaussians[: have[0], : have[1]], ranks[: have[0], : have[1]] = self.gaussians, self.ranks
            self.gaussians, self.ranks = gaussians, ranks

    def labels(self, values: Sequence[Any]) -> Floats:
        """Classes by their number, new ones in the order in which they come."""
        ids = self.classes
        return np.array([np.nan if y is None else ids.setdefault(y, len(ids)) for y in values], np.float64)

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        joint = np.zeros((len(block), len(self.classes)))
        kinds = np.zeros(len(block), np.int64)
        done = walk(
            *block.columns(self.names), labels, joint, kinds, self.counts, self.gaussians, self.ranks,
            self.known, SUM_COMPENSATES,
        )  # fmt: skip
        for classes in np.unique(kinds[:done]).tolist():
            rows = kinds == classes
            if classes:
                joint[rows, :classes] = probabilities(joint[rows, :classes])
        labels_known = tuple(self.classes)
        return Answers(joint, kinds, [labels_known[:n] for n in range(len(labels_known) + 1)]), done

    def write_back(self) -> None:
        part = self.part
        for label, count in zip(tuple(self.classes)[: self.known[0]], self.counts.tolist(), strict=False):
            part.class_counts[label] = int(count)
        labels, names = list(self.classes), self.names.features
        at = np.nonzero(self.ranks >= 0)
        order = np.argsort(self.ranks[at])
        places = zip(at[0][order].tolist(), at[1][order].tolist(), strict=True)
        for (c, f), (count, mean, squares) in zip(places, self.gaussians[at][order].tolist(), strict=True):
            var = part.gaussians[labels[c]][names[f]]._var
            var.mean.n, var.mean._mean, var._S = count, mean, squares


def probabilities(joint: Floats) -> Floats:
    """River's probabilities from the likelihoods of some events, all with the same classes."""
    if rows_agree():
        totals = log_sum_exp(joint)
    else:
        from scipy import special

        totals = np.array([special.logsumexp(row.tolist()) for row in joint])
    exponentials(joint, totals)
    return joint
