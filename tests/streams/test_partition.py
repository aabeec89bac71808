"""The partition of a key."""

from __future__ import annotations

import random

import pytest
from kafka.partitioner.default import murmur2 as kafkas

from streams.partition import MASK, murmur2


@pytest.mark.parametrize("length", range(20))
def test_it_is_kafkas_hash(length: int) -> None:
    """For keys of every length, so that any producer finds the same partition."""
    keys = [random.Random(seed).randbytes(length) for seed in range(20)]
    assert [murmur2(key) for key in keys] == [kafkas(key) & MASK for key in keys]
