"""The kernel of generalised linear models.

Weights lie in *slots*, in the order in which they came into being, with the optimizer's accumulators and the
L1 penalty beside them. An event's new values are worked out beside the old ones and taken only if all of
them are finite, so that an event which Python must take has changed nothing.
"""

from __future__ import annotations

import math

from engine.models.compiled.block import Bytes, Floats, Ints
from engine.models.compiled.jit import inlined, kernel

LOG, SQUARED, HINGE = 0, 1, 2
SGD, ADAM, ADAGRAD, RMSPROP = 0, 1, 2, 3
WEIGHT, FIRST, SECOND, CUM_L1 = 0, 1, 2, 3  # rows of `slots`
INTERCEPT, STEPS, SLOTS, MAX_CUM_L1 = 0, 1, 2, 3  # of `scalars`
# of `settings`: the loss's two, penalties, rates, the optimizer's three, and the exponents 0.5 and 2
(ON_TRUE, ON_FALSE, L2, L1, CLIP, RATE, INTERCEPT_RATE, BETA_1, BETA_2, EPS, HALF, TWO) = range(12)


@inlined
def sigmoid(x: float) -> float:
    if x < -30:
        return 0.0
    if x > 30:
        return 1.0
    return 1 / (1 + math.exp(-x))


@inlined
def gradient(loss: int, y: float, found: float, weight: float, settings: Floats) -> float:
    """The loss's derivative, weighed and clipped."""
    if loss == SQUARED:
        g = 2 * (found - y)
    elif loss == HINGE:
        sign = y * 2 - 1
        g = -sign if sign * found <= settings[ON_TRUE] else 0.0
    else:
        on, sign = (settings[ON_FALSE], -1.0) if y == 0.0 else (settings[ON_TRUE], 1.0)
        z = found * sign
        if z > 18.0:
            g = on * math.exp(-z) * -sign
        elif z < -18.0:
            g = on * -sign
        else:
            g = on * -sign / (math.exp(z) + 1.0)
    g *= weight
    if settings[CLIP] < g:
        g = settings[CLIP]
    if -settings[CLIP] > g:
        g = -settings[CLIP]
    return g


@inlined
def stepped(
    slots: Floats,
    s: int,
    g: float,
    optimizer: int,
    rate: float,
    settings: Floats,
    news: Floats,
    k: int,
) -> bool:
    """Put the weight and accumulators of slot `s` after a step into `news`; return whether they are sound."""
    weight, half = slots[WEIGHT, s], settings[HALF]
    first, second, divisor = slots[FIRST, s], slots[SECOND, s], 1.0
    if optimizer == ADAM:
        first = settings[BETA_1] * first + (1 - settings[BETA_1]) * g
        second = settings[BETA_2] * second + (1 - settings[BETA_2]) * (g * g)
        divisor = second**half + settings[EPS]
        weight -= rate * first / divisor
    else:
        if optimizer == ADAGRAD:
            first += g ** settings[TWO]
        else:
            first = settings[BETA_1] * first + (1 - settings[BETA_1]) * (g * g)
        divisor = (first + settings[EPS]) ** half
        weight -= rate / divisor * g
    news[WEIGHT, k], news[FIRST, k], news[SECOND, k] = weight, first, second
    return divisor != 0.0 and math.isfinite(first) and math.isfinite(second)


@inlined
def penalised(weight: float, cum: float, max_cum: float) -> float:
    """A weight after the cumulative L1 penalty."""
    if weight > 0:
        less = weight - (max_cum + cum)
        return less if less > 0 else 0.0
    if weight < 0:
        more = weight + (max_cum - cum)
        return more if more < 0 else 0.0
    return weight


@inlined
def changed(
    x: Floats,
    g: float,
    slots: Floats,
    places: Ints,
    settings: Floats,
    optimizer: int,
    rate: float,
    max_cum: float,
    news: Floats,
) -> bool:
    """Put what an event's slots become into `news`; return whether all of it is finite."""
    fine = True
    for k in range(x.size):
        s, part = places[k], x[k] * g
        if settings[L2] != 0.0:
            part += slots[WEIGHT, s] * settings[L2]
        if optimizer == SGD:
            news[WEIGHT, k] = slots[WEIGHT, s] - rate * part
        elif not stepped(slots, s, part, optimizer, rate, settings, news, k):
            fine = False
        if settings[L1] != 0.0:
            stayed = news[WEIGHT, k]
            news[WEIGHT, k] = penalised(stayed, slots[CUM_L1, s], max_cum)
            news[CUM_L1, k] = slots[CUM_L1, s] + (news[WEIGHT, k] - stayed)
        if not math.isfinite(news[WEIGHT, k]):
            fine = False
    return fine


@inlined
def learn(
    features: Ints,
    x: Floats,
    y: float,
    weight: float,
    slots: Floats,
    slot_of: Ints,
    scalars: Floats,
    settings: Floats,
    loss: int,
    optimizer: int,
    news: Floats,
    places: Ints,
) -> bool:
    """Learn one event if all that it changes is finite; return whether it was learned."""
    slot, found = int(scalars[SLOTS]), 0.0
    for k in range(features.size):
        s = slot_of[features[k]]
        if s < 0:  # a new weight, 0 until it is taken
            s, slot = slot, slot + 1
        places[k] = s
        found += slots[WEIGHT, s] * x[k]
    g = gradient(loss, y, found + scalars[INTERCEPT], weight, settings)
    intercept = scalars[INTERCEPT] - settings[INTERCEPT_RATE] * g
    rate = settings[RATE]
    if optimizer == ADAM:
        t = scalars[STEPS] + 1.0
        rate = rate * (1 - settings[BETA_2] ** t) ** settings[HALF]
        rate /= 1 - settings[BETA_1] ** t
    max_cum = scalars[MAX_CUM_L1] + settings[L1] * settings[RATE]
    if not (math.isfinite(g) and math.isfinite(intercept) and math.isfinite(rate)):
        return False
    if not changed(x, g, slots, places, settings, optimizer, rate, max_cum, news):
        return False
    for row in range(len(slots)):
        if row == WEIGHT or (settings[L1] != 0.0 if row == CUM_L1 else optimizer != SGD):
            for k in range(features.size):
                slots[row, places[k]] = news[row, k]
    for k in range(features.size):
        slot_of[features[k]] = places[k]
    scalars[INTERCEPT], scalars[STEPS], scalars[SLOTS] = intercept, scalars[STEPS] + 1.0, slot
    scalars[MAX_CUM_L1] = max_cum
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
    weights: Floats,
    answers: Floats,
    slots: Floats,
    slot_of: Ints,
    scalars: Floats,
    settings: Floats,
    loss: int,
    optimizer: int,
    news: Floats,
    places: Ints,
) -> int:
    """Predict and learn; return how many operations were done."""
    at = learn_at = 0
    for i in range(ops.size):
        first = starts[layouts[i]]
        size = starts[layouts[i] + 1] - first
        if ops[i] & 1:
            found = 0.0
            for k in range(size):
                s = slot_of[ids[first + k]]
                found += (slots[WEIGHT, s] if s >= 0 else 0.0) * values[at + k]
            found += scalars[INTERCEPT]
            answers[i] = found if loss == SQUARED else sigmoid(found)
            if not math.isfinite(answers[i]):
                return i
        at += size
        first = starts[learn_layouts[i]]
        size = starts[learn_layouts[i] + 1] - first
        if ops[i] & 2:
            features, x = ids[first : first + size], learn_values[learn_at : learn_at + size]
            y, w = labels[i], weights[i]
            if not learn(features, x, y, w, slots, slot_of, scalars, settings, loss, optimizer, news, places):
                return i
        learn_at += size
    return int(ops.size)
