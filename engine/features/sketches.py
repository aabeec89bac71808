"""The inner loops of distinct counts; like those of `kernels.py` they run as they stand, or compiled.

Of each key a list is kept of the values that were seen last, at most `most`, each with the time when: `first`
is the value's hash and `last` the time, in an arena as in `kernels.py`. A value that has to leave a full list
is noted in `gone`, by its time. As long as all that left is older than the window, the list has the exact
count.

Else a HyperLogLog estimates it (Flajolet et al. 2007): `panes` of 256 registers each, for consecutive parts
of time, of which those that reach into the window are united. It is there only while it is needed: begun from
the list when the first value leaves it, and given back when all that left is too old to matter.
"""

from __future__ import annotations

from engine.features.kernels import (
    NEVER,
    SMALLEST,
    TOO_LATE,
    TOP,
    Flags,
    Floats,
    Ints,
    copy_bucket,
    leave,
    move,
)

# fmt: off
REGISTERS = 256  # the standard error is 1.04 / sqrt(256) = 6.5 %
RANK_MAX = 53
NEXT = 0  # in `spare`: the first sketch that was given back, or none
MADE = 1  # in `spare`: sketches that were ever begun


def note(sketch: int, value: int, time: int, width: int, panes: Ints, cells: Flags) -> None:
    """Let a sketch know a value that was seen at a time."""
    pane = time // width
    p = pane % panes.shape[1]
    if panes[sketch, p] > pane:
        return  # older than anything that is still held
    if panes[sketch, p] < pane:
        panes[sketch, p] = pane
        for r in range(REGISTERS):
            cells[sketch, p, r] = 0
    cell, rank = value & 255, 1
    while rank < RANK_MAX and (value >> (60 - rank)) & 1 == 0:  # 52 bits above those of the cell
        rank += 1
    if rank > cells[sketch, p, cell]:
        cells[sketch, p, cell] = rank


def begin_sketch(spare: Ints, panes: Ints) -> int:
    """A sketch without anything in it."""
    at = spare[NEXT]
    if at >= 0:
        spare[NEXT] = panes[at, 0]
    else:
        at = spare[MADE]
        spare[MADE] = at + 1
    for p in range(panes.shape[1]):
        panes[at, p] = NEVER
    return int(at)


def end_sketch(s: int, sketch: Ints, spare: Ints, panes: Ints) -> None:
    """Give the sketch of a slot back, if it has one."""
    if sketch[s] >= 0:
        panes[sketch[s], 0] = spare[NEXT]
        spare[NEXT] = sketch[s]
        sketch[s] = -1


def estimate(
    at: int, low: int, high: int, panes: Ints, cells: Flags, powers: Floats, linear: Floats, own: Flags
) -> float:
    """How many values the panes from `low` to `high` have seen."""
    for r in range(REGISTERS):
        own[r] = 0
    for p in range(panes.shape[1]):
        if low <= panes[at, p] <= high:
            for r in range(REGISTERS):
                if cells[at, p, r] > own[r]:
                    own[r] = cells[at, p, r]
    total, empty = 0.0, 0
    for r in range(REGISTERS):
        total += powers[own[r]]
        if own[r] == 0:
            empty += 1
    raw = 0.7182725932495458 * REGISTERS * REGISTERS / total  # 0.7213 / (1 + 1.079 / 256)
    if raw <= 2.5 * REGISTERS and empty > 0:
        return float(linear[empty])
    return raw


def count_values(
    s: int, low: int, place: int, tumbling: int, width: int, start: Ints, size: Ints, last: Ints, gone: Ints,
    sketch: Ints, panes: Ints, cells: Flags, powers: Floats, linear: Floats, own: Flags,
) -> float:
    """The distinct values of a slot since `low`, or of one tumbling window."""
    if sketch[s] >= 0 and gone[s] > low:
        newest = place // width if tumbling != 0 else -NEVER
        since = place // width if tumbling != 0 else (low + 1) // width
        return estimate(sketch[s], since, newest, panes, cells, powers, linear, own)
    found = 0.0
    for b in range(start[s], start[s] + size[s]):
        if last[b] > low and (tumbling == 0 or last[b] == place):
            found += 1.0
    return found


def drop_values(
    s: int, horizon: int, start: Ints, power: Ints, head: Ints, size: Ints,
    free: Ints, arena: Ints, first: Ints, last: Ints, stats: Floats,
) -> None:
    """Forget the values up to a time, and room that is no longer needed."""
    n = 0
    for b in range(start[s], start[s] + size[s]):
        if last[b] > horizon:
            copy_bucket(first, last, stats, b, start[s] + n)
            n += 1
    size[s] = n
    if power[s] > SMALLEST and n * 4 <= 1 << power[s]:
        move(s, power[s] - 1, start, power, head, size, free, arena, first, last, stats)


def find_value(
    s: int, value: int, place: int, tumbling: int, start: Ints, size: Ints, first: Ints, last: Ints
) -> int:
    """Where a value is in the list of a slot; if nowhere -2, less the place of the oldest."""
    oldest = -1
    for b in range(start[s], start[s] + size[s]):
        if first[b] == value and (tumbling == 0 or last[b] == place):
            return b
        if oldest < 0 or last[b] < last[oldest]:
            oldest = b
    return -2 - oldest


def push_out(
    s: int, oldest: int, value: int, place: int, width: int, start: Ints, size: Ints, first: Ints, last: Ints,
    gone: Ints, sketch: Ints, spare: Ints, panes: Ints, cells: Flags,
) -> None:
    """Put a value into a full list, or leave it out if it is older than all others there."""
    if sketch[s] < 0:
        sketch[s] = begin_sketch(spare, panes)
        for b in range(start[s], start[s] + size[s]):
            note(sketch[s], first[b], last[b], width, panes, cells)
    leaves = min(place, last[oldest])
    if leaves > gone[s]:
        gone[s] = leaves
    if place > last[oldest]:
        first[oldest] = value
        last[oldest] = place


def enter_value(
    s: int, value: int, place: int, tumbling: int, width: int, most: int, start: Ints, power: Ints,
    head: Ints, size: Ints, free: Ints, arena: Ints, first: Ints, last: Ints, stats: Floats, gone: Ints,
    sketch: Ints, spare: Ints, panes: Ints, cells: Flags,
) -> None:
    """Enter a value in the list of a slot, and in its sketch if there is one, or has to be from now on."""
    found = find_value(s, value, place, tumbling, start, size, first, last)
    if found >= 0:
        if place > last[found]:
            last[found] = place
    elif size[s] == most:
        push_out(
            s, -2 - found, value, place, width, start, size, first, last, gone, sketch, spare, panes, cells
        )
    else:
        if power[s] < 0:
            move(s, SMALLEST, start, power, head, size, free, arena, first, last, stats)
        elif size[s] == 1 << power[s]:
            move(s, power[s] + 1, start, power, head, size, free, arena, first, last, stats)
        first[start[s] + size[s]] = value
        last[start[s] + size[s]] = place
        size[s] += 1
    if sketch[s] >= 0:
        note(sketch[s], value, place, width, panes, cells)


def walk_values(
    begin: int, slots: Ints, fresh: Flags, late: Flags, places: Ints, lows: Ints, horizons: Ints,
    values: Ints, known: Flags, tumbling: int, width: int, most: int, start: Ints, power: Ints, head: Ints,
    size: Ints, free: Ints, arena: Ints, first: Ints, last: Ints, stats: Floats, gone: Ints, sketch: Ints,
    spare: Ints, panes: Ints, cells: Flags, powers: Floats, linear: Floats, own: Flags,
    without: Floats, with_own: Floats,
) -> int:
    """Take events from `begin` on; return the first for which there is not enough room."""
    for i in range(begin, slots.size):
        s = slots[i]
        if s < 0:
            continue
        if arena[TOP] + 2 * most > first.size or (spare[NEXT] < 0 and spare[MADE] >= panes.shape[0]):
            return i
        if fresh[i] != 0:
            leave(s, start, power, free, first)
            end_sketch(s, sketch, spare, panes)
            power[s], size[s], gone[s] = -1, 0, NEVER
        if without.size > 0:
            without[i] = count_values(
                s, lows[i], places[i], tumbling, width, start, size, last, gone, sketch, panes, cells,
                powers, linear, own,
            )
        if late[i] != TOO_LATE:
            drop_values(s, horizons[i], start, power, head, size, free, arena, first, last, stats)
            if gone[s] <= horizons[i]:
                end_sketch(s, sketch, spare, panes)
            if known[i] != 0:
                enter_value(
                    s, values[i], places[i], tumbling, width, most, start, power, head, size, free, arena,
                    first, last, stats, gone, sketch, spare, panes, cells,
                )
        if with_own.size > 0:
            with_own[i] = count_values(
                s, lows[i], places[i], tumbling, width, start, size, last, gone, sketch, panes, cells,
                powers, linear, own,
            )
    return int(slots.size)
