"""The table of detectors, a file each. `detector.py` beside this folder says what a detector is."""

from __future__ import annotations

from engine.drift.detector import Entry
from engine.drift.detectors import (
    adwin,
    chi_square,
    classifier,
    cusum,
    ddm,
    hddm,
    jensen_shannon,
    ks,
    page_hinkley,
    rank_sr,
    river_detector,
    stability,
)

DETECTORS: dict[str, Entry] = {
    "rank_sr": rank_sr.ENTRY,
    "ks": ks.ENTRY,
    "chi_square": chi_square.ENTRY,
    "stability": stability.ENTRY,
    "jensen_shannon": jensen_shannon.ENTRY,
    "adwin": adwin.ENTRY,
    "page_hinkley": page_hinkley.ENTRY,
    "cusum": cusum.ENTRY,
    "ddm": ddm.ENTRY,
    "hddm_a": hddm.ENTRY_A,
    "hddm_w": hddm.ENTRY_W,
    "classifier": classifier.ENTRY,
    "module:Class": river_detector.ENTRY,
}
"""Every detector by the name under which a spec asks for it."""
