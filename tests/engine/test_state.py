"""A state as bytes: whole or not at all, and nothing in it runs."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest

from engine.errors import StateError
from engine.shard import Shard
from engine.state import PIECE, cut, digest, joined, thaw
from tests.engine.cases import Feed, event, spec


class Attack:
    """An object whose pickle calls what it names."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "attack",
    [
        Attack(os.system, "true"),
        Attack(eval, "1"),
        Attack(getattr, str, "join"),
        Attack(getattr, "x", "__class__"),
        Attack(print, "x"),
    ],
)
def test_nothing_outside_the_allow_list_is_made(attack: Attack) -> None:
    """Functions, other modules and attributes that are no methods are refused by name."""
    with pytest.raises(StateError, match="not allowed"):
        thaw(pickle.dumps([attack]), ())


def test_a_models_own_module_has_to_be_allowed() -> None:
    """Classes of the module that the spec names are let in, others by `snapshots.allow`."""
    with pytest.raises(StateError, match=r"snapshots\.allow"):
        thaw(b"".join(Feed(model={"use": "tests.engine.cases:Picky"}).shard.freeze()), ())


def test_a_state_of_another_spec_is_refused() -> None:
    """The state fits only the spec that made it."""
    data = b"".join(Shard(spec(), 0).freeze())
    with pytest.raises(StateError, match="another spec"):
        Shard.thaw(spec(model={"use": "alma"}), 0, data)


def test_the_digest_tells_states_apart() -> None:
    """One more event, and it is another."""
    one, two = Feed(), Feed()
    one("events", event("a"))
    two("events", event("a"))
    assert one.shard.digest() == two.shard.digest()
    two("events", event("b"))
    assert one.shard.digest() != two.shard.digest()


def test_the_digest_of_what_holds_itself() -> None:
    """Cycles end."""
    loop: list[Any] = []
    loop.append(loop)
    assert digest(loop) == digest(loop)
    assert digest(loop) != digest([[]])


def test_a_long_state_is_cut_and_joined() -> None:
    """Lists and arrays of any length, and what they stand in."""
    state = [np.arange(200_000).reshape(-1, 2), [1, [list(range(70_000))]], {"a": 1}, np.zeros(0), []]
    small, pieces = cut(state)
    assert len(pickle.dumps(small)) < 1000
    assert max(map(len, pieces)) < 2 * PIECE
    assert digest(joined(small, pieces)) == digest(state)
