"""A model that goes over to kernels: nobody can tell, neither from its answers nor from its state."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from river import linear_model as lm
from river import optim
from river import preprocessing as pp

from engine.fold import Rows
from engine.models import hybrid
from engine.models.hybrid import Hybrid, warm
from engine.models.river import RiverModel
from engine.shard import Shard
from engine.state import digest
from tests.engine.cases import batch, spec

NAMES = ("a", "b", "c", "n")
MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: pp.StandardScaler() | lm.LogisticRegression(l2=0.001),
    "adagrad": lambda: pp.StandardScaler() | lm.LogisticRegression(optim.AdaGrad(0.1)),
    "bare": lambda: lm.LinearRegression(optim.SGD(0.001)),
    "linear": lambda: pp.StandardScaler() | lm.LinearRegression(),
}
TROUBLE = ("x", 10**400, 2**60 + 1, 1e308, -1e308, math.inf, math.nan, 1 + 2j, b"", ())


def row(rng: random.Random, trouble: float) -> tuple[Any, ...]:
    """Numbers, some of which are missing, an integer, and from time to time what no array takes."""
    found = [rng.gauss(0, 2) if rng.random() > 0.1 else None for _ in NAMES[:-1]]
    values: list[Any] = [*found, rng.choice((rng.randint(-9, 9), True, None, 3.5))]
    if rng.random() < trouble:
        values[rng.randrange(4)] = rng.choice(TROUBLE)
    return tuple(values)


def lesson(rng: random.Random, name: str, trouble: float) -> Any:
    if rng.random() < trouble:
        return rng.choice(("x", 10**400, math.nan, 7, b""))
    return rng.random() > 0.5 if name not in ("bare", "linear") else rng.gauss(0, 3)


def drive(model: Any, name: str, seed: int, trouble: float, switches: bool) -> list[Any]:
    """Run, teach, save and restore, in an order that only the seed decides; return all that came out."""
    rng, chance, out = random.Random(seed), random.Random(seed + 1), list[Any]()
    for _ in range(60):
        rows = Rows(NAMES, [row(rng, trouble) for _ in range(rng.choice((1, 2, 7, 40)))])
        labels = [lesson(rng, name, trouble) if rng.random() < 0.6 else None for _ in rows.rows]
        if rng.random() < 0.7:
            found = model.run(rows, labels)
            columns = (found.predictions, found.scores, found.probabilities)
            out.append([*map(list, columns), failures(found.failures)])
        else:
            given = [y if y is not None else True for y in labels]
            weights = [rng.choice((None, 2.5, 0.0)) if seed % 2 else None for _ in given]
            out.append(failures(model.learn(rows, given, weights)))
        if switches and chance.random() < 0.3:
            model.switch()
        if switches and chance.random() < 0.1:
            model.restore(model.state())
    return out


def failures(found: list[Any]) -> list[Any]:
    return [(f.index, f.exception, f.message) for f in found]


@pytest.mark.parametrize("trouble", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", MODELS)
def test_the_same_values_and_the_same_state(name: str, seed: int, trouble: float) -> None:
    """Whatever comes, whenever it goes over; values of the same types, failures with the same words."""
    model, river = Hybrid(MODELS[name]()), RiverModel(MODELS[name]())
    got, wanted = (drive(m, name, seed, trouble, m is model) for m in (model, river))
    assert repr(got) == repr(wanted)
    assert digest(model.state()) == digest(river.state())
    assert model.without is None


def test_river_goes_on_alone_where_too_much_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives way again after some rest."""
    monkeypatch.setattr(hybrid, "REST_EVENTS", 50)
    model = Hybrid(MODELS["logistic"]())
    assert model.switch()
    odd, plain = Rows(("a",), [(2**60 + 1,)] * 30), Rows(("a",), [(1.0,)] * 25)
    model.run(odd, [True] * 30)
    assert not model.compiled
    for compiled in (False, True):
        model.run(plain, [True] * 25)
        assert model.compiled is compiled


def test_a_model_without_a_form_stays_with_river() -> None:
    """And says which step is why."""
    model = Hybrid(pp.RobustScaler() | lm.LogisticRegression())
    assert not model.switch()
    assert model.without == "RobustScaler has no compiled form"
    assert len(model.run(Rows(("a",), [(1.0,)]), [True]).predictions) == 1


def test_without_numba_everything_is_rivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails is a reason like any other."""
    for name in [name for name in sys.modules if name.startswith("engine.models.compiled.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    model = Hybrid(MODELS["logistic"]())
    assert not model.switch()
    assert "numba can't be imported" in (model.without or "")
    assert model.run(Rows(("a",), [(1.0,)]), [True]).predictions == (False,)


def test_warming_leaves_the_model_alone() -> None:
    """Kernels are compiled on a copy."""
    model = MODELS["logistic"]()
    before = digest(model)
    warm(model, Rows(("a", "b"), [(1.0, 2.0), (3.0, None)]), [True, False])
    assert digest(model) == before


@pytest.mark.parametrize("at", [0, 100, 300])
def test_a_shards_outputs_do_not_show_it(at: int) -> None:
    """The same bytes and digest as a shard that stays with River; thawed as well."""
    rng = random.Random(3)
    records = [
        {"id": str(i), "amount": rng.random() * 9, "age": rng.randint(1, 9), "y": rng.random() > 0.5}
        for i in range(500)
    ]
    wanted = spec(labels={"in_event": "y"}, model={"use": "logistic_regression"})
    plain, switched = Shard(wanted, 0), Shard(wanted, 0)
    expected = plain.walk(batch("p.events", records))
    first = switched.walk(batch("p.events", records[:at]))
    switched = Shard.thaw(wanted, 0, b"".join(switched.freeze()))
    assert switched.switch()
    rest = switched.walk(batch("p.events", records[at:], at))
    assert [*first.predictions.values, *rest.predictions.values] == expected.predictions.values
    assert switched.digest() == plain.digest()
