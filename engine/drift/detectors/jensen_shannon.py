"""The Jensen-Shannon divergence of the latest values from the shares of a reference.

Half the sum, over both, of how far each is from the middle of the two, in nats: from 0 to log 2, and steady
where categories come or go altogether.
"""

from __future__ import annotations

from engine.drift.detectors.cells import entry
from engine.drift.detectors.cells_kernel import JENSEN_SHANNON

ENTRY = entry(JENSEN_SHANNON, "jensen_shannon")
