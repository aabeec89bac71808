"""Beta calibration, online: three numbers that bend a probability.

    logit q = a * log p - b * log(1 - p) + c

With a = b = 1 and c = 0 nothing changes; a = b is Platt's scaling of the log-odds, and a model that is sure
of itself on one side only needs the two apart (Kull, Silva Filho and Flach, 2017). The numbers are learned
by online Newton steps, a block of labels at a time: the curvature that was seen before fades, and its
inverse says how far a block's gradient may pull.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

EDGE = 1e-6  # probabilities are never nearer to 0 or 1 than this
FAR = math.log((1 - EDGE) / EDGE)
RIDGE = 5.0  # labels that it takes before a block may pull much
CURVATURE_MIN = 1e-3  # of a label about which the model was sure

Logs = tuple[float, float]  # log p, log(1 - p)


def logs(p: float) -> Logs:
    """The two logarithms of a probability, kept from the edges.

    >>> logs(0.5) == (math.log(0.5), math.log(0.5)), logs(0.0)[0] == math.log(EDGE)
    (True, True)
    """
    if not EDGE <= p <= 1 - EDGE:
        p = min(max(p, EDGE), 1 - EDGE)
    return math.log(p), math.log(1 - p)


def sigmoid(z: float) -> float:
    """The probability whose log-odds are `z`, kept from the edges.

    >>> sigmoid(0.0), sigmoid(-1e9) == sigmoid(-FAR)
    (0.5, True)
    """
    return 1 / (1 + math.exp(-min(max(z, -FAR), FAR)))


class Beta:
    """The three numbers and what is known of their curvature.

    Parameters
    ----------
    keep
        How much of the curvature is left after one more label.
    """

    def __init__(self, keep: float) -> None:
        self.keep = keep
        self.a, self.b, self.c = 1.0, 1.0, 0.0
        self.curve = (RIDGE, 0.0, 0.0, RIDGE, 0.0, RIDGE)  # the upper triangle: aa, ab, ac, bb, bc, cc

    def __call__(self, p: Logs) -> float:
        z = self.a * p[0] - self.b * p[1] + self.c
        return 1 / (1 + math.exp(-z)) if -FAR < z < FAR else sigmoid(z)

    def learn(self, block: Sequence[tuple[Logs, bool]], said: Sequence[float]) -> None:
        """One Newton step on a block of labels, and what was said of them."""
        ga = gb = gc = 0.0
        fade = self.keep ** len(block)
        aa, ab, ac, bb, bc, cc = (fade * v for v in self.curve)
        for ((x, less_y), label), q in zip(block, said, strict=True):
            y, gap, bend = -less_y, label - q, q * (1 - q)
            if bend < CURVATURE_MIN:
                bend = CURVATURE_MIN
            ga += gap * x
            gb += gap * y
            gc += gap
            bx, by = bend * x, bend * y
            aa += bx * x
            ab += bx * y
            ac += bx
            bb += by * y
            bc += by
            cc += bend
        self.curve = (aa, ab, ac, bb, bc, cc)
        da, db, dc = solve((aa + RIDGE, ab, ac, bb + RIDGE, bc, cc + RIDGE), (ga, gb, gc))
        # Below zero the order of scores would turn round.
        self.a, self.b, self.c = max(0.0, self.a + da), max(0.0, self.b + db), self.c + dc

    def state(self) -> list[Any]:
        return [self.a, self.b, self.c, self.curve]

    def restore(self, state: list[Any]) -> None:
        self.a, self.b, self.c, self.curve = state


def solve(m: Sequence[float], g: Sequence[float]) -> tuple[float, float, float]:
    """Solve three equations whose matrix is symmetric and positive, by Cholesky's decomposition.

    Written out, because the bits of a library's answer depend on the processor.

    >>> solve((4.0, 0.0, 0.0, 9.0, 0.0, 16.0), (4.0, 9.0, 16.0))
    (1.0, 1.0, 1.0)
    """
    aa, ab, ac, bb, bc, cc = m
    l11 = math.sqrt(aa)
    l21, l31 = ab / l11, ac / l11
    l22 = math.sqrt(bb - l21 * l21)
    l32 = (bc - l31 * l21) / l22
    l33 = math.sqrt(cc - l31 * l31 - l32 * l32)
    y1 = g[0] / l11
    y2 = (g[1] - l21 * y1) / l22
    y3 = (g[2] - l31 * y1 - l32 * y2) / l33
    x3 = y3 / l33
    x2 = (y2 - l32 * x3) / l22
    return (y1 - l21 * x2 - l31 * x3) / l11, x2, x3
