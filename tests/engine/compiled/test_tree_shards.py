"""Trees and forests in a shard: nobody can tell from its outputs or its state when kernels took over."""

from __future__ import annotations

import json

import pytest

from connectors.log import Batch
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.compiled.growing import boxes

FIELDS = {
    **{f"x{j}": {"type": "number"} for j in (0, 1, 2, 3, 6, 7)},
    "x4": {"type": "integer"},
    "x5": {"type": "boolean"},
}
MODELS = {
    "hoeffding_tree": {"grace_period": 50, "delta": 0.01},
    "adaptive_random_forest": {"n_models": 3},
}
EVENTS = [json.dumps({**x, "y": y}).encode() for x, y, _ in boxes(2400, flip=600, names=(False, True))]


def walked(spec: Spec, switch_at: int | None) -> tuple[list[bytes | None], str]:
    """All predictions and the digest; on the way the shard is frozen, thawed, and goes over to kernels."""
    shard, said = Shard(spec, 0), list[bytes | None]()
    for start in range(0, len(EVENTS), 300):
        if start == switch_at:
            assert shard.model.switch()
        part = EVENTS[start : start + 300]
        offsets = list(range(start, start + len(part)))
        out = shard.walk(
            Batch("p.events", 0, start, start + len(part), offsets, offsets, [None] * len(part), part)
        )
        said += out.predictions.values
        if start == 1500:
            shard = Shard.thaw(spec, 0, b"".join(shard.freeze()))
    return said, shard.digest()


@pytest.mark.timeout(600)  # the first one compiles
@pytest.mark.parametrize("use", MODELS)
def test_kernels_do_not_show(use: str) -> None:
    """From the first event on, from the middle, after a thaw, or never."""
    spec = Spec.model_validate(
        {
            "pipeline": "p",
            "events": {"fields": FIELDS},
            "labels": {"in_event": "y"},
            "model": {"use": use, "with": MODELS[use]},
        }
    )
    assert walked(spec, 0) == walked(spec, 900) == walked(spec, 1800) == walked(spec, None)
