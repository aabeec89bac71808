"""`random.Random` in a kernel: the Mersenne Twister, and what CPython makes of it.

The state is that of `getstate()`: 624 words of 32 bits and the place of the next one (M. Matsumoto and
T. Nishimura, "Mersenne Twister", 1998).
"""

from __future__ import annotations

import math

from engine.models.compiled.block import Ints
from engine.models.compiled.jit import kernel

WORDS = 624


@kernel
def word(state: Ints) -> int:
    """The next 32 bits."""
    i = state[WORDS]
    if i >= WORDS:
        for k in range(WORDS):
            y = (state[k] & 0x80000000) | (state[(k + 1) % WORDS] & 0x7FFFFFFF)
            v = state[(k + 397) % WORDS] ^ (y >> 1)
            if y & 1:
                v ^= 0x9908B0DF
            state[k] = v
        i = 0
    y = state[i]
    state[WORDS] = i + 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680
    y ^= (y << 15) & 0xEFC60000
    y &= 0xFFFFFFFF
    return int(y ^ (y >> 18))


@kernel
def uniform(state: Ints) -> float:
    """`random()`."""
    high = word(state) >> 5
    low = word(state) >> 6
    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0)


@kernel
def below(state: Ints, n: int) -> int:
    """`randrange(n)`."""
    bits = 0
    while (n >> bits) > 0:
        bits += 1
    r = word(state) >> (32 - bits)
    while r >= n:
        r = word(state) >> (32 - bits)
    return r


@kernel
def sample(state: Ints, pool: Ints, row: int, n: int, k: int, out: Ints, out_row: int, begin: int) -> None:
    """`sample(pool[row, :n], k)`, into a row of `out`; the pool is used up."""
    set_size = 21
    if k > 5:
        set_size += 4 ** math.ceil(math.log(k * 3) / math.log(4.0))
    for i in range(k):
        if n <= set_size:
            j = below(state, n - i)
            out[out_row, begin + i] = pool[row, j]
            pool[row, j] = pool[row, n - i - 1]
        else:
            j = below(state, n)
            while pool[row, j] < 0:  # it was picked before
                j = below(state, n)
            out[out_row, begin + i] = pool[row, j]
            pool[row, j] = -1


@kernel
def poisson(state: Ints, limit: float) -> int:
    """River's `poisson(rate, rng)`; `limit` is exp(-rate)."""
    k, p = 0, 1.0
    while p > limit:
        k += 1
        p *= uniform(state)
    return k - 1
