"""Watching every signal of a shard for drift, within a budget of false alarms.

stage.py      the walk's stage: what is watched of a shard
columns.py    what the walk has, as blocks of signals
known.py      which values were there at first
panel.py      signals with a common clock, and who watches them
watchers.py   who watches what, as the spec says
signals.py    what is watched
detector.py   what a detector is
rank_sr.py    the default detector, rank_kernel.py, rank_plain.py; what it bets on: alternatives.py
ks.py         exact Kolmogorov-Smirnov distances of sliding windows
cells.py      shares of categories in a window: chi_square.py, stability.py, jensen_shannon.py
charts.py     detectors that are calibrated on a signal's own reference, bootstrap.py
classifier.py  all signals at once: a classifier that bets on which of two records is the newer one
budget.py     false alarms, shared out over everything that is watched
prepare.py    what blocks go through before detectors see them
tally.py      what was found so far, and what people ordered
standing.py   where each signal stands
distance.py   how far it is from its reference
estimate.py   how good predictions are before their labels come
correlation.py  how features go together
"""

from __future__ import annotations

from engine.drift import (
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
from engine.drift.detector import Entry

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
