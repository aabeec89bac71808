"""Drift records as they might be."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.drift.evidence.record import Drift, fingerprint

DRIFT: dict[str, Any] = {
    "pipeline": "pay",
    "partition": 0,
    "model": "logistic_regression",
    "version": "a6f86441",
    "panel": "events",
    "signal": "amount",
    "kind": "value",
    "feature": "amount",
    "segment": "",
    "detector": "rank_sr",
    "statistic": 52_311.0,
    "threshold": 41_500.0,
    "p_value": 1.5e-9,
    "effect_size": 0.44,
    "effect": "Cliff's delta",
    "effects": {},
    "change": "mean",
    "direction": "up",
    "changes": [{"kind": "mean", "before": 79.1, "now": 121.9, "effect": 0.44}],
    "detected": {"offset": 10_113, "time": 1_769_590_801_000},
    "start": {"offset": 10_003, "time": 1_769_590_800_000, "records": 111, "bounded": False},
    "shows": {"offset": 10_009, "time": 1_769_590_800_100},
    "reference": {"window": "first 1,000", "n": 1_000, "figures": {}},
    "current": {
        "window": "since the start",
        "n": 111,
        "first_offset": 10_003,
        "last_offset": 10_113,
        "first_time": 1_769_590_800_000,
        "last_time": 1_769_590_801_000,
        "figures": {},
    },
    "histogram": {"edges": [0, 50, 100, 200], "reference": [0.5, 0.4, 0.1], "current": [0.2, 0.4, 0.4]},
    "categories": [],
    "top_features": [
        {"signal": "amount", "share": 0.8, "effect": 0.4},
        {"signal": "score", "share": 0.2, "effect": 0.1},
    ],
    "groups": [
        {
            "by": "producer",
            "value": "b\x1b[31m",
            "before": 0,
            "since": 90,
            "share": 0.9,
            "effect": 0.5,
            "first_offset": 10_003,
            "new": True,
        }
    ],
    "suspected_cause": "most of it comes from producer=b",
}


def drift(**changes: Any) -> Drift:
    """A change of the mean of `amount`, but for what is said otherwise."""
    given = DRIFT | changes
    name = fingerprint(given["pipeline"], given["partition"], given["signal"], given["detector"], "")
    return msgspec.convert({"fingerprint": name, **given}, Drift)


CATEGORIES: dict[str, Any] = {
    "signal": "country",
    "change": "categories",
    "direction": "",
    "histogram": None,
    "categories": [
        {"category": "NL", "before": 0.9, "now": 0.5, "new": False},
        {"category": "BR", "before": 0.0, "now": 0.5, "new": True},
    ],
    "statistic": None,
    "threshold": None,
    "effect_size": None,
    "changes": [],
    "top_features": [],
    "groups": [],
    "shows": None,
    "suspected_cause": None,
}
"""What is different where a category drifted."""
