"""The inner loop of `classifier.py`, in that part of Python which numba compiles."""

from __future__ import annotations

import numpy as np

from engine.drift.detector import Floats, Ints

HEAD, HELD, TAKEN = range(3)  # of `place`: the oldest row of the queue, how many there are, rows in all
SPENT_MAX = 10.0
MOST = 1e300  # that a chart can have
NOISE_MIN = 1e-12
STEEP = 2.5  # log-odds at which a bet is as good as all that there is


def odd(x: float) -> float:
    """Close to tanh, and between -1 and 1; the same for both signs but for its own."""
    x = min(max(x, -STEEP), STEEP)
    return x * (27.0 + x * x) / (27.0 + 9.0 * x * x)


def differ(row: Floats, old: Floats, found: Floats) -> None:
    """By how much a row is more than another: itself, its squares, its products."""
    size = len(row)
    k = 2 * size
    for i in range(size):
        found[i] = row[i] - old[i]
        found[size + i] = row[i] * row[i] - old[i] * old[i]
        for j in range(i):
            found[k] = row[i] * row[j] - old[i] * old[j]
            k += 1


def lean(found: Floats, means: Floats, weights: Floats, noise: Floats, doubt: float) -> Floats:
    """How much each memory would bet that the row is the newer one, before it learns of that."""
    sums = np.zeros(len(means))
    for m in range(len(means)):
        total, heavy, square = 0.0, weights[m, 0], weights[m, 1]
        for k in range(len(found)):
            mean = means[m, k]
            least = doubt * noise[k] * square
            power = mean * mean
            if power > least:
                total += (1.0 - least / power) * mean / (noise[k] * max(heavy, 1.0)) * found[k]
        sums[m] = total
    return sums


def learn(found: Floats, means: Floats, weights: Floats, noise: Floats, keeps: Floats) -> None:
    """Let each memory, and what is known of how much rows differ by chance, take a pair."""
    for m in range(len(means)):
        for k in range(len(found)):
            means[m, k] = keeps[m] * means[m, k] + found[k]
        weights[m, 0] = keeps[m] * weights[m, 0] + 1.0
        weights[m, 1] = keeps[m] * keeps[m] * weights[m, 1] + 1.0
    rest = keeps[len(means)]
    for k in range(len(found)):
        noise[k] = max(rest * noise[k] + (1.0 - rest) * found[k] * found[k], NOISE_MIN)


def stake(
    sums: Floats, stakes: Floats, charts: Floats, runs: Floats, starts: Floats, purse: Floats, now: float
) -> float:
    """Let each chart win or lose by its bet; what they have together.

    A pair brings 1 into the purse. Charts that bet share what is in it, at most 10. A run is what each won
    since it last had lost everything that it won before.
    """
    betting, total = 0, 0.0
    for m in range(len(sums)):
        if sums[m] != 0.0:
            betting += len(stakes)
    purse[0] += 1.0
    spent = min(purse[0], SPENT_MAX) if betting else 0.0
    purse[0] -= spent
    each = spent / max(betting, 1)
    for m in range(len(sums)):
        for s in range(len(stakes)):
            if sums[m] != 0.0:
                gain = 1.0 + odd(stakes[s] * sums[m])
                if runs[m, s] <= 1.0:
                    runs[m, s], starts[m, s] = 1.0, now
                runs[m, s] = min(runs[m, s] * gain, MOST)
                charts[m, s] = min((charts[m, s] + each) * gain, MOST)
            total += charts[m, s]
    return total


def walk(
    rows: Floats,
    queue: Floats,
    place: Ints,
    means: Floats,
    weights: Floats,
    noise: Floats,
    keeps: Floats,
    charts: Floats,
    runs: Floats,
    starts: Floats,
    purse: Floats,
    stakes: Floats,
    doubt: float,
    limit: float,
) -> int:
    """Take rows up to the one at which the charts have `limit`; its number, or how many rows there are."""
    length = len(queue)
    found = np.zeros(len(noise))
    for r in range(len(rows)):
        place[TAKEN] += 1
        head, held = place[HEAD], place[HELD]
        if held < length:
            queue[(head + held) % length] = rows[r]
            place[HELD] = held + 1
            continue
        differ(rows[r], queue[head], found)
        place[HEAD], place[HELD] = (head + 1) % length, held - 1
        sums = lean(found, means, weights, noise, doubt)
        total = stake(sums, stakes, charts, runs, starts, purse, float(place[TAKEN]))
        learn(found, means, weights, noise, keeps)
        if total >= limit:
            return r
    return len(rows)
