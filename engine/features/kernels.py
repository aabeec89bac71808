"""The inner loops of windows, in that part of Python which numba compiles (`jit.py`).

They run as they stand here until they are compiled, on the same arrays and with the same results: there is
nothing in them but comparisons, whole numbers, and sums, products and quotients of floats in a fixed order.

A window's memory is a list of buckets for each slot, by time:

    first, last   event times of the oldest and the newest event in it
    stats         what was counted, summed, ... of these events; `kinds` says what each column is

All buckets of all slots lie in one arena. A slot has 2**`power[s]` consecutive places from `start[s]` on;
`size[s]` of them, from `head[s]` on, are in use. A slot that needs more moves to twice as many, and one that
uses a quarter to half as many; `free[k]` begins the chain of those runs of 2**k places that were left.

An event has a bucket of its own as long as a slot has at most `most` buckets. Beyond that the two
neighbours that lie closest together become one: no bucket that was put together then spans more than 2/most
of what is remembered. A bucket counts for as long as its newest event does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.uint8]

# fmt: off
COUNT, KNOWN, SUM, SQUARES, LEAST, MOST = range(6)  # kinds of columns
NEVER = -(1 << 62)  # a time before all times
TOP = 0  # in `arena`: the first place that was never used
LATE, TOO_LATE = 1, 2
UNKEYED = 2  # in `counts`, behind those who are LATE and TOO_LATE
SMALLEST = 1  # places of a slot at first, as a power of two


def clock(
    slots: Ints, fresh: Flags, times: Ints, lateness_max: int, newest: Ints, before: Ints, late: Flags,
    counts: Ints,
) -> None:
    """The newest event time of each event's slot before it, and how late it is after that.

    `counts` are those of events within the allowed lateness, of later ones, and of those without a slot.
    """
    for i in range(slots.size):
        s = slots[i]
        late[i] = 0
        if s < 0:
            before[i] = NEVER
            counts[UNKEYED] += 1
            continue
        if fresh[i] != 0:
            newest[s] = NEVER
        before[i] = newest[s]
        behind = newest[s] - times[i]
        if behind <= 0:
            newest[s] = times[i]
        else:
            late[i] = LATE if behind <= lateness_max else TOO_LATE
            counts[late[i] - 1] += 1


def fade(
    slots: Ints, fresh: Flags, late: Flags, behind: Flags, factors: Floats, x: Floats, mean: Floats,
    weight: Floats, without: Floats, with_own: Floats,
) -> None:
    """The exponentially weighted mean of each event's slot, before and after it is entered.

    `factors` say what is left of a weight after the time between the event and the newest before it.
    """
    for i in range(slots.size):
        s = slots[i]
        if s < 0:
            continue
        if fresh[i] != 0:
            mean[s], weight[s] = 0.0, 0.0
        if weight[s] > 0.0:
            without[i] = mean[s]
        if late[i] != TOO_LATE:
            own = factors[i] if behind[i] != 0 else 1.0
            if behind[i] == 0:
                weight[s] *= factors[i]
            moved = mean[s] + (x[i] - mean[s]) * (own / (weight[s] + own))
            if np.isfinite(moved):  # no: a missing value, or beyond all numbers
                mean[s] = moved
                weight[s] += own
        if weight[s] > 0.0:
            with_own[i] = mean[s]


def absorb(kinds: Ints, into: Floats, i: int, more: Floats, j: int) -> None:
    """Put the stats of later events, row j of `more`, together with row i of `into`."""
    for c in range(kinds.size):
        kind, x = kinds[c], more[j, c]
        if kind == LEAST:
            if x < into[i, c]:
                into[i, c] = x
        elif kind == MOST:
            if x > into[i, c]:
                into[i, c] = x
        elif kind == SQUARES:  # around the mean; KNOWN and SUM are the two columns behind it
            n, m = into[i, c + 1], more[j, c + 1]
            if n > 0.0 and m > 0.0:
                apart = more[j, c + 2] / m - into[i, c + 2] / n
                into[i, c] = into[i, c] + x + apart * apart * (n * m / (n + m))
            else:
                into[i, c] += x
        else:
            into[i, c] += x


def scatter(begin: int, end: int, c: int, stats: Floats) -> float:
    """The squares around the mean of several buckets, which `absorb` gives, too."""
    found = known = total = 0.0
    for b in range(begin, end):
        n, x = stats[b, c + 1], stats[b, c + 2]
        found += stats[b, c]
        if known > 0.0 and n > 0.0:
            apart = x / n - total / known
            found += apart * apart * (known * n / (known + n))
        known += n
        total += x
    return found


def alone(kinds: Ints, fields: Ints, values: Floats, event: int, into: Floats, i: int) -> None:
    """The stats of one event."""
    for c in range(kinds.size):
        kind = kinds[c]
        x = 1.0 if kind == COUNT else values[event, fields[c]]
        if x != x:  # a missing value
            x = np.inf if kind == LEAST else -np.inf if kind == MOST else 0.0
        elif kind == KNOWN:
            x = 1.0
        elif kind == SQUARES:
            x = 0.0
        into[i, c] = x


def copy_bucket(first: Ints, last: Ints, stats: Floats, source: int, to: int) -> None:
    first[to] = first[source]
    last[to] = last[source]
    for c in range(stats.shape[1]):
        stats[to, c] = stats[source, c]


def find_room(power: int, free: Ints, arena: Ints, first: Ints) -> int:
    """2**power consecutive places."""
    at = free[power]
    if at >= 0:
        free[power] = first[at]
        return int(at)
    at = arena[TOP]
    arena[TOP] = at + (1 << power)
    return int(at)


def leave(s: int, start: Ints, power: Ints, free: Ints, first: Ints) -> None:
    """Give the places of a slot back."""
    if power[s] >= 0:
        first[start[s]] = free[power[s]]
        free[power[s]] = start[s]


def move(
    s: int, wanted: int, start: Ints, power: Ints, head: Ints, size: Ints, free: Ints, arena: Ints,
    first: Ints, last: Ints, stats: Floats,
) -> None:
    """Let a slot have 2**wanted places."""
    to = find_room(wanted, free, arena, first)
    for j in range(size[s]):
        copy_bucket(first, last, stats, start[s] + head[s] + j, to + j)
    leave(s, start, power, free, first)
    start[s], power[s], head[s] = to, wanted, 0


def close_up(kinds: Ints, base: int, n: int, first: Ints, last: Ints, stats: Floats) -> None:
    """Of n buckets put the two together that span least; the older ones, if several do."""
    best, least = 0, last[base + 1] - first[base]
    for j in range(1, n - 1):
        span = last[base + j + 1] - first[base + j]
        if span < least:
            best, least = j, span
    absorb(kinds, stats, base + best, stats, base + best + 1)
    last[base + best] = last[base + best + 1]
    for j in range(base + best + 1, base + n - 1):
        copy_bucket(first, last, stats, j + 1, j)


def insert(
    s: int, place: int, kinds: Ints, own: Floats, most: int, start: Ints, power: Ints, head: Ints, size:
    Ints, free: Ints, arena: Ints, first: Ints, last: Ints, stats: Floats,
) -> None:
    """Enter an event, whose stats are `own`, where it belongs."""
    base, n = start[s] + head[s], size[s]
    while True:
        j = n - 1
        while j >= 0 and first[base + j] > place:
            j -= 1
        if j >= 0 and place <= last[base + j]:
            absorb(kinds, stats, base + j, own, 0)
            return
        if n < most:
            break
        close_up(kinds, base, n, first, last, stats)
        size[s] = n = n - 1
    if power[s] < 0:
        move(s, SMALLEST, start, power, head, size, free, arena, first, last, stats)
    elif n == 1 << power[s]:
        move(s, power[s] + 1, start, power, head, size, free, arena, first, last, stats)
    elif head[s] + n == 1 << power[s]:
        for b in range(n):
            copy_bucket(first, last, stats, start[s] + head[s] + b, start[s] + b)
        head[s] = 0
    base = start[s] + head[s]
    for b in range(base + n, base + j + 1, -1):
        copy_bucket(first, last, stats, b - 1, b)
    first[base + j + 1] = place
    last[base + j + 1] = place
    for c in range(kinds.size):
        stats[base + j + 1, c] = own[0, c]
    size[s] = n + 1


def forget(
    s: int, horizon: int, start: Ints, power: Ints, head: Ints, size: Ints, free: Ints, arena: Ints,
    first: Ints, last: Ints, stats: Floats,
) -> None:
    """Drop the buckets up to a time, and room that is no longer needed."""
    while size[s] > 0 and last[start[s] + head[s]] <= horizon:
        head[s] += 1
        size[s] -= 1
    if power[s] > SMALLEST and size[s] * 4 <= 1 << power[s]:
        move(s, power[s] - 1, start, power, head, size, free, arena, first, last, stats)


def gather(
    s: int, low: int, place: int, kinds: Ints, start: Ints, head: Ints, size: Ints, first: Ints, last: Ints,
    stats: Floats, into: Floats, i: int,
) -> None:
    """The stats of the buckets that reach beyond `low` and began up to `place`, the oldest first."""
    begin, end = start[s] + head[s], start[s] + head[s] + size[s]
    while begin < end and last[begin] <= low:
        begin += 1
    while begin < end and first[end - 1] > place:
        end -= 1
    for c in range(kinds.size):
        kind, found = kinds[c], 0.0
        if kind == LEAST:
            found = np.inf
            for b in range(begin, end):
                found = min(found, stats[b, c])
        elif kind == MOST:
            found = -np.inf
            for b in range(begin, end):
                found = max(found, stats[b, c])
        elif kind == SQUARES:
            found = scatter(begin, end, c, stats)
        else:
            for b in range(begin, end):
                found += stats[b, c]
        into[i, c] = found


def walk(
    begin: int, slots: Ints, fresh: Flags, late: Flags, places: Ints, lows: Ints, horizons: Ints,
    values: Floats, kinds: Ints, fields: Ints, most: int, start: Ints, power: Ints, head: Ints, size:
    Ints, free: Ints, arena: Ints, first: Ints, last: Ints, stats: Floats, own: Floats, without: Floats,
    with_own: Floats,
) -> int:
    """Take events from `begin` on; return the first for which there is not enough room in the arena.

    `without` and `with_own` get the stats of each event's window before and after it is entered; one of
    them may be empty if nobody asks for it.
    """
    for i in range(begin, slots.size):
        s = slots[i]
        if s < 0:
            continue
        if arena[TOP] + 2 * most > first.size:
            return i
        if fresh[i] != 0:
            leave(s, start, power, free, first)
            power[s], size[s], head[s] = -1, 0, 0
        if without.shape[0] > 0:
            gather(s, lows[i], places[i], kinds, start, head, size, first, last, stats, without, i)
        if late[i] != TOO_LATE:
            forget(s, horizons[i], start, power, head, size, free, arena, first, last, stats)
            alone(kinds, fields, values, i, own, 0)
            insert(s, places[i], kinds, own, most, start, power, head, size, free, arena, first, last, stats)
        if with_own.shape[0] > 0:
            gather(s, lows[i], places[i], kinds, start, head, size, first, last, stats, with_own, i)
    return int(slots.size)
