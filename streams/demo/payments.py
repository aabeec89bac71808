"""Payments, the labels that become known later, and a few records that no spec would let in.

Everything follows from the plan and its seed. Time is counted in steps, one an event; a record is made
some steps before it is due, so that a label can also come before its event.

In the first half of the plan fraud is a large payment on the web, far from where the card was last used.
In the second half honest people pay more than they did, and fraud is many small payments in the app:
what the model has learned is wrong at once. If the demo is kept running, the two take turns.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, NamedTuple

import msgspec

AHEAD = 100  # steps between making a record and the earliest at which it may be due
FAULT_EVERY = 400  # one event of so many does not fit the spec
CARDS = 2_000
COUNTRIES = ("AT", "DE", "FR", "IT", "PL")
CHANNELS = ("web", "app", "branch")

Payment = dict[str, Any]
encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent, and how fast."""

    events: int
    rate: int  # a second
    forever: bool = False  # go on behind the last event, until told to stop
    start_ms: int = 0  # the time of the first event, which the producer sets when it begins
    seed: int = 7

    @property
    def change(self) -> int:
        """The first event after the world has changed."""
        return max(1, (self.events + 1) // 2)

    def phase(self, n: int) -> int:
        """How often the world has changed before event `n`.

        >>> [Plan(10, 100).phase(n) for n in (0, 4, 5, 9)]
        [0, 0, 1, 1]
        """
        return n // self.change

    def faulty(self, n: int) -> bool:
        """Whether event `n` is one that will be refused."""
        return n % FAULT_EVERY == FAULT_EVERY // 2

    def time(self, step: int) -> str:
        """When a step happens, as payments and labels say it."""
        at = datetime.fromtimestamp((self.start_ms + step * 1000 // self.rate) / 1000, UTC)
        return at.isoformat(timespec="milliseconds")


class Due(NamedTuple):
    """A record, and the step at which it is published."""

    step: int
    order: int  # among those of one step
    topic: Literal["events", "labels"]
    key: bytes
    value: bytes


def name(n: int) -> str:
    return f"pay-{n:07d}"


def number(payment_id: str) -> int:
    """The inverse of `name`."""
    return int(payment_id.removeprefix("pay-"))


def steps(plan: Plan) -> Iterator[list[Due]]:
    """What is to be published at each step: an event, and the labels that are known by now."""
    rng, order = Random(plan.seed), itertools.count()
    waiting: list[Due] = []
    last = b""  # the newest event that fits, for one that comes twice
    for n in itertools.count():
        if plan.forever or n < plan.events:
            payment, fraud = _payment(plan, n, rng)
            key, value = payment["card_id"].encode(), encode(payment)
            if plan.faulty(n):
                value = FAULTS[fault(n)](payment, last)
            else:
                last = value
                for step, label in _labels(plan, n, fraud, rng):
                    heapq.heappush(waiting, Due(step, next(order), "labels", key, label))
            heapq.heappush(waiting, Due(n, next(order), "events", key, value))
        elif not waiting:
            return
        if n >= AHEAD:
            yield list(_take(waiting, n - AHEAD))


def _take(waiting: list[Due], step: int) -> Iterator[Due]:
    while waiting and waiting[0].step <= step:
        yield heapq.heappop(waiting)


def _payment(plan: Plan, n: int, rng: Random) -> tuple[Payment, bool]:
    """A payment, and whether it is fraud."""
    changed = plan.phase(n) % 2 == 1
    amount = round(min(9_999.0, math.exp(rng.gauss(4.4 if changed else 4.0, 0.9))), 2)
    distance = round(min(20_000.0, rng.expovariate(1 / 120)), 1)
    past = min(60, int(rng.expovariate(1 / 3)))
    channel = rng.choices(CHANNELS, (4, 4, 2))[0]
    payment = {
        "payment_id": name(n),
        "card_id": f"card-{rng.randrange(CARDS):04d}",
        "paid_at": plan.time(n),
        "amount": amount,
        "hour": round(rng.random() * 24, 2),
        "distance_km": distance,
        "past_hour": past,
        "country": rng.choice(COUNTRIES),
        "channel": channel,
    }
    large = min(amount, 800.0) / 100
    if changed:
        guilt = 0.5 * past - 0.7 * large + (1.9 if channel == "app" else -1.0) - 2.6
    else:
        guilt = 1.2 * large + 0.008 * distance + (1.2 if channel == "web" else -0.6) - 3.6
    return payment, guilt + rng.gauss(0, 0.35) > 0


def _labels(plan: Plan, n: int, fraud: bool, rng: Random) -> Iterator[tuple[int, bytes]]:
    """The label records of event `n`, and the steps at which they become known."""
    due = n + 100 + min(1_400, int(rng.expovariate(1 / 400)))
    luck = rng.random()

    def record(step: int, label: bool) -> tuple[int, bytes]:
        return step, encode({"payment_id": name(n), "is_fraud": label, "known_at": plan.time(step)})

    if luck < 0.02:  # nobody ever looks
        return
    if luck < 0.03:  # known before the payment itself arrives
        yield record(max(0, n - rng.randrange(50, AHEAD)), fraud)
    elif luck < 0.04:  # told twice
        yield record(due, fraud)
        yield record(due + 50, fraud)
    elif luck < 0.045:  # a mistake, put right later
        yield record(due, not fraud)
        yield record(due + 200, fraud)
    else:
        yield record(due, fraud)


# What is wrong with the events that do not fit, in turn: the reason that will be given, and how it is done.
FAULTS: dict[str, Callable[[Payment, bytes], bytes]] = {
    "malformed": lambda payment, last: encode(payment)[:-9],
    "wrong_type": lambda payment, last: encode(payment | {"amount": "a lot"}),
    "missing_field": lambda payment, last: encode({k: v for k, v in payment.items() if k != "amount"}),
    "not_finite": lambda payment, last: encode(payment | {"amount": None}).replace(b"null", b"NaN"),
    "out_of_range": lambda payment, last: encode(payment | {"amount": -payment["amount"]}),
    "unknown_category": lambda payment, last: encode(payment | {"channel": "fax"}),
    "duplicate_id": lambda payment, last: last,
}


def fault(n: int) -> str:
    """The reason for which event `n` will be refused, if it is faulty."""
    return list(FAULTS)[n // FAULT_EVERY % len(FAULTS)]


def planted(plan: Plan) -> dict[str, int]:
    """How many events of a plan will be refused, by reason.

    >>> planted(Plan(1_000, 100))
    {'malformed': 1, 'wrong_type': 1}
    """
    found: dict[str, int] = {}
    for n in filter(plan.faulty, range(plan.events)):
        found[fault(n)] = found.get(fault(n), 0) + 1
    return found
