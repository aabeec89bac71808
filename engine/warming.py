"""Compiling what a spec's shards need, before they need it.

Kernels are compiled at their first call, which takes seconds. `warm` makes these calls, on a shard of its
own that is thrown away. It is called where nobody waits for it: in another process, whose machine code
numba keeps on disk, or in a thread.
"""

from __future__ import annotations

from typing import Any

from engine import features, lines
from engine.choice import label_kind
from engine.drift import watchers
from engine.fold import Rows
from engine.forecast import Forecasts
from engine.models import hybrid
from engine.models.compiled import Unsupported
from engine.shard import Shard
from engine.spec import Spec
from engine.specparts import Kind

EXAMPLES: dict[Kind | str, tuple[Any, Any]] = {
    Kind.NUMBER: (0.5, 1.5),
    Kind.INTEGER: (1, 2),
    Kind.BOOLEAN: (False, True),
    Kind.CATEGORY: ("a", "b"),
    Kind.TEXT: ("a", "b"),
    "boolean": (False, True),
    "category": ("a", "b"),
    "number": (0.5, 1.5),
}


def warm(spec: Spec) -> None:
    """Compile every kernel that shards of this spec call; raise Unsupported if the model has none.

    >>> from engine.spec import Spec
    >>> warm(Spec.model_validate({"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}}))
    """
    types = (spec.events.fields[name].type for name in spec.row_fields)
    features.warm(spec, list(zip(*(EXAMPLES[kind] for kind in types), strict=True)))
    lines.warm()
    if spec.drift is not None:
        watchers.warm(spec.drift)
    shard = Shard(spec, 0)
    if isinstance(shard.model, Forecasts):
        raise Unsupported(shard.model.without or "")
    rows, labels = lessons(spec, shard)
    hybrid.warm(shard.model.model, rows, labels)  # last, since it may have no form


def lessons(spec: Spec, shard: Shard) -> tuple[Rows, list[Any]]:
    """Two rows of the kind that the model sees, and a label for each."""
    columns = [EXAMPLES[kind] for kind in spec.feature_kinds]
    label = spec.labels.kind(label_kind(spec) or shard.model.task.label_kind)
    return shard.fold.again(list(zip(*columns, strict=True))), list(EXAMPLES[label])
