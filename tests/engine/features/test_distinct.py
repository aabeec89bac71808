"""Distinct counts: exact for few values, estimated for many, exact again when they are gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.features.distinct import hashed
from engine.fold import Fold
from tests.engine.features.conftest import compiled
from tests.engine.features.streams import folded, spec


@pytest.fixture(autouse=True)
def fast(kernels: dict[str, Any]) -> Iterator[None]:
    """Sketches are slow unless they are compiled."""
    with compiled(kernels):
        yield


def shops(*counts: int, pause: int = 0) -> list[dict[str, Any]]:
    """Events that each bring a new shop, in groups with a pause between them."""
    found, at = [], 0
    for count in counts:
        for i in range(count):
            found.append({"at": at, "card": "a", "shop": f"shop {i}", "amount": float(i)})
            at += 10
        at += pause
    return found


@pytest.mark.parametrize("of", ["shop", "amount"])
@pytest.mark.parametrize("kind", ["sliding", "tumbling"])
def test_many_values_are_estimated(of: str, kind: str) -> None:
    """Exact up to the limit; then within four standard errors, in whatever time they come."""
    wanted = spec({"name": "n", "agg": "distinct", "of": of, "by": "card", "over": "1h", "window": kind})
    found = [row["n"] for row in folded(wanted, shops(5000), 256)]
    assert found[:64] == list(range(1, 65))
    for i in (64, 100, 200, 500, 1000, 2000, 4999):
        assert found[i] == pytest.approx(i + 1, rel=0.26)


def test_a_sliding_window_leaves_values_behind() -> None:
    """The estimate is of the last 5 s, in steps of an eighth."""
    wanted = spec({"name": "n", "agg": "distinct", "of": "shop", "by": "card", "over": "5s"})
    found = [row["n"] for row in folded(wanted, shops(5000), 256)]
    assert all(500 * 0.8 < n < 500 * 1.125 * 1.25 for n in found[600:])


def test_it_is_exact_again_when_few_values_are_left() -> None:
    """The sketch is given back, too."""
    wanted = spec({"name": "n", "agg": "distinct", "of": "shop", "by": "card", "over": "1m"})
    fold = Fold(wanted)
    assert [row["n"] for row in folded(wanted, shops(300, 3, pause=600_000), 100, fold)][300:] == [1, 2, 3]
    assert fold.made is not None
    _, (_, sketch), *_ = fold.made.memories[0].tables[0].state(1)
    assert sketch.tolist() == [-1]


def test_hashes_are_the_same_everywhere() -> None:
    """They must not depend on the process, nor on the machine."""
    assert hashed(["a", None])[0].tolist() == [-5406651134973846569, 0]
    assert hashed([1.5, 2])[0].tolist() == hashed([1.5, 2.0])[0].tolist()
