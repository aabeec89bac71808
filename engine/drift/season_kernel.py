"""The inner loop of seasons, in that part of Python which numba compiles."""

from __future__ import annotations

from engine.drift.detector import Floats, Ints

LARGEST = 1e300  # infinities count as that, so that a sum stays a number
PASSES_MIN = 3  # a slot is compared with once there are values of so many earlier periods
VALUES_MIN = 8  # and so many of them
PRIME = 2_147_483_647  # of the generator of Park and Miller, which breaks ties


def compare(
    block: Floats,
    times: Ints,
    rows: Ints,
    period: int,
    a_slot: int,
    rings: Floats,
    slots: Ints,
    open_: Ints,
    sums: Floats,
) -> None:
    """Replace values by how they compare with those of the same slot: numbers from 0 to 1.

    `rings` has the latest values by row and slot; `slots` has, by row and slot, how many came, the latest
    period in which some did, and how many such periods there were. `open_` has, by row, which bin is open,
    how many values it has, and the state of the generator; `sums` the sum of its values.
    """
    count, depth = rings.shape[1], rings.shape[2]
    bins = count * a_slot
    for i, row in enumerate(rows):
        bin_, values, drawn, total = open_[i, 0], open_[i, 1], open_[i, 2], sums[i]
        for column in range(block.shape[1]):
            value = block[row, column]
            if value != value:
                continue
            value = min(max(value, -LARGEST), LARGEST)
            now = times[column] * bins // period
            if now == bin_ and values > 0:
                total += value
                values += 1
                block[row, column] = float("nan")
                continue
            scored = float("nan")
            if values > 0:  # the bin is complete: its mean is compared with those of earlier periods
                mean, slot, turn = total / values, bin_ % bins // a_slot, bin_ // bins
                seen = slots[i, slot, 0]
                known = min(seen, depth)
                again = seen > 0 and slots[i, slot, 1] == turn
                if known >= VALUES_MIN and slots[i, slot, 2] - again >= PASSES_MIN:
                    less, equal = 0, 0
                    for j in range(known):
                        if rings[i, slot, j] < mean:
                            less += 1
                        elif rings[i, slot, j] == mean:
                            equal += 1
                    drawn = drawn * 16_807 % PRIME
                    scored = (less + (equal + 1) * (drawn / PRIME)) / (known + 1)
                rings[i, slot, seen % depth] = mean
                if not again:
                    slots[i, slot, 1] = turn
                    slots[i, slot, 2] += 1
                slots[i, slot, 0] = seen + 1
            block[row, column] = scored
            bin_, values, total = now, 1, value
        open_[i, 0], open_[i, 1], open_[i, 2], sums[i] = bin_, values, drawn, total
