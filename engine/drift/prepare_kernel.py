"""The inner loops of what a signal goes through before it is watched, in that part of Python which numba
compiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.drift.detector import Floats, Ints

Bools = npt.NDArray[np.bool_]

LARGEST = 1e300  # infinities count as that, so that a sum stays a number


def together(block: Floats, rows: Ints, sizes: Ints, thin: Bools, sums: Floats, counts: Ints) -> None:
    """Put the values of some rows together, `sizes` at a time: each block's mean stands where its last value
    stood, and NaN where the others did. Of a thinned row that last value itself stays.

    What is begun and not complete is carried in `sums` and `counts`.
    """
    for row in rows:
        total, count, size = sums[row], counts[row], sizes[row]
        for column in range(block.shape[1]):
            value = block[row, column]
            if value != value:
                continue
            count += 1
            if thin[row]:
                if count < size:
                    block[row, column] = float("nan")
                else:
                    count = 0
                continue
            total += min(max(value, -LARGEST), LARGEST)
            if count < size:
                block[row, column] = float("nan")
            else:
                block[row, column] = total / size
                total, count = 0.0, 0
        sums[row], counts[row] = total, count
