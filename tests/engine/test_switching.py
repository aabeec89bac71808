"""Every ready model under the walk: a shard that goes over to kernels on the way says what River says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.models import MODELS
from engine.shard import Shard
from tests.engine.cases import batch, label, spec

EVENTS, SLOW_EVENTS = 500, 150
SLOW = {"adaptive_random_forest", "adaptive_random_forest_regressor", "auto", "streaming_random_patches"}
FIELDS = {"id": {"type": "text"}, "x": {"type": "number"}, "n": {"type": "integer", "required": False}}
CATEGORY = {"c": {"type": "category", "required": False}}


def told(rng: random.Random, x: float, task: str) -> Any:
    """A label for the task, sometimes none."""
    if task == "anomaly" or rng.random() < 0.4:
        return None
    if task == "regression":
        return 2 * x + rng.gauss(0, 1)
    return "abc"[min(2, int(abs(x)))] if task == "multiclass" else x + rng.gauss(0, 1) > 0


def records(size: int, task: str) -> list[dict[str, Any]]:
    """Missing values, now and then an integer that is no float, categories that come late."""
    rng, found = random.Random(11), []
    for i in range(size):
        x = rng.gauss(0, 1)
        n = None if rng.random() < 0.1 else 2**60 + 1 if i in (97, 130) else rng.randint(-3, 9)
        c = rng.choice("ab" if i < size // 2 else "abcd") if rng.random() > 0.1 else None
        found.append({"id": str(i), "x": x, "n": n, "c": c, "y": told(rng, x, task)})
    return found


def walked(shard: Shard, rows: list[dict[str, Any]], task: str, at: int | None) -> list[bytes | None]:
    """All outputs of events in uneven batches, with some labels that come late; goes over at an event."""
    rng, said, start, taken = random.Random(4), list[bytes | None](), 0, 0
    while start < len(rows):
        if at is not None and start >= at:
            shard.model.switch()
        part = rows[start : start + rng.choice((1, 3, 40, 300))]
        outputs = shard.walk(batch("p.events", part, start))
        said += [*outputs.predictions.values, *outputs.outcomes.values, *outputs.dead_letters.values]
        late = [r for r in part if r["y"] is None and rng.random() < 0.3] if task != "anomaly" else []
        wanted = [told(rng, r["x"], task) for r in late]
        lessons = [label(r["id"], y) for r, y in zip(late, wanted, strict=True) if y is not None]
        if lessons:
            outputs = shard.walk(batch("p.labels", lessons, taken))
            said += [*outputs.outcomes.values, *outputs.dead_letters.values]
            taken += len(lessons)
        start += len(part)
    return said


PAIRS = [(use, task) for use, ready in MODELS.items() for task in ready.tasks if task != "forecasting"]


@pytest.mark.timeout(400)  # the first case of a form compiles it
@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "categories"])
@pytest.mark.parametrize(("use", "task"), PAIRS)
def test_the_same_outputs_and_the_same_state(use: str, task: str, categories: bool) -> None:
    """Late labels, missing values, batches of all sizes; models without a form are not changed by asking."""
    fields = FIELDS | CATEGORY if categories else FIELDS
    if use == "gaussian_scorer":
        fields, task = {"id": FIELDS["id"], "x": FIELDS["x"]}, "anomaly"
    wanted = spec(
        events={"id": "id", "fields": fields}, labels={"in_event": "y"}, model={"use": use, "task": task}
    )
    rows = records(SLOW_EVENTS if use in SLOW else EVENTS, task)
    plain, switched = Shard(wanted, 0), Shard(wanted, 0)
    assert walked(switched, rows, task, 60) == walked(plain, rows, task, None)
    assert switched.digest() == plain.digest()
    thawed = Shard.thaw(wanted, 0, b"".join(switched.freeze()))
    assert thawed.digest() == plain.digest()
