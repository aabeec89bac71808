"""Pearson's chi-square of the latest values against the shares of a reference.

The sum of (seen - expected)^2 / expected over categories: the most sensitive to what was rare before.
"""

from __future__ import annotations

from engine.drift.detectors.cells import entry
from engine.drift.detectors.cells_kernel import CHI_SQUARE

ENTRY = entry(CHI_SQUARE, "chi_square")
