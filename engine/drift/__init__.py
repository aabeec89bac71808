"""Watching every signal of a shard for drift, within a budget of false alarms.

signals.py    what is watched
detector.py   what a detector is
tally.py      what was found so far, and what people ordered
"""

from __future__ import annotations

from engine.drift.detector import Entry

DETECTORS: dict[str, Entry] = {}
"""Every detector by the name under which a spec asks for it."""
