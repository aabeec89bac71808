"""Real streams with labels, in the order in which they happened.

They are read from `../shared/streams`, or from `DRIFTLINE_STREAMS`.
"""

from __future__ import annotations

import csv
import gzip
import os
from itertools import islice
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("DRIFTLINE_STREAMS", "../shared/streams"))
LABELS = {
    "elec2": "class",
    "insects2013_abrupt": "target",
    "keystroke": "target",
    "bike_class": "target",
    "kdd99_10pct": "label",
    "gmsc": "isFraud",
    "spambase": "class",
    "luxembourg": "target",
    "phishing11k": "target",
    "bank_marketing": "y",
}


def load(name: str, rows_max: int | None) -> tuple[list[dict[str, Any]], list[Any]]:
    """Features, numbers as floats, and labels: false and true if there are two of them, else texts."""
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt") as lines:
        rows: list[dict[str, Any]] = [dict(row) for row in islice(csv.DictReader(lines), rows_max)]
    labels = [row.pop(LABELS[name]) for row in rows]
    classes = sorted(set(labels))
    found = [{key: value_of(text) for key, text in row.items() if text not in ("", "NA")} for row in rows]
    return found, [label == classes[1] for label in labels] if len(classes) == 2 else labels


def value_of(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def has_texts(rows: list[dict[str, Any]]) -> bool:
    return any(isinstance(value, str) for row in rows[:100] for value in row.values())
