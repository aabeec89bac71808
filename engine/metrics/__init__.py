"""How good a model is, from outcomes: one family of metrics a file.

To add a metric: a function in its family's file, and its line in that file's `MEASURES`. To add a family: a
file with `size`, `cells`, `labelled` and `MEASURES`, and its place in `FAMILIES` of `tally.py`.
"""

from __future__ import annotations

from engine.metrics.block import Kind
from engine.metrics.quality import Quality
from engine.metrics.summary import Summary, merged
from engine.metrics.tally import measures
from engine.metrics.traffic import Traffic

__all__ = ["Kind", "Quality", "Summary", "Traffic", "kind_of", "measures", "merged"]


def kind_of(task: str, label: str) -> Kind:
    """What is judged of a model with this task, whose labels are boolean, category or number.

    >>> kind_of("classify", "category").value
    'multiclass'
    """
    if task in ("anomaly", "regress"):
        return Kind.ANOMALY if task == "anomaly" else Kind.REGRESSION
    return Kind.BINARY if label == "boolean" else Kind.MULTICLASS
