"""The population stability index of the latest values against the shares of a reference.

The sum of (now - before) log(now / before) over categories, as credit scoring has it; there .1 is worth a
look and .25 a change, but here thresholds follow from the run length.
"""

from __future__ import annotations

from engine.drift.detectors.cells import entry
from engine.drift.detectors.cells_kernel import STABILITY

ENTRY = entry(STABILITY, "stability")
