"""What goes into the walk and what comes out, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

Headers = Sequence[tuple[str, bytes]]


class Batch(Protocol):
    """Consecutive records of one topic-partition. `headers` is None when no record has any."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offsets(self) -> Sequence[int]: ...
    @property
    def timestamps(self) -> Sequence[int]: ...
    @property
    def keys(self) -> Sequence[bytes | None]: ...
    @property
    def values(self) -> Sequence[bytes | None]: ...
    @property
    def headers(self) -> Sequence[Headers] | None: ...
    def __len__(self) -> int: ...
    def cut(self, start: int, stop: int) -> Self: ...


@dataclass(frozen=True, slots=True)
class Single:
    """A batch of one record, kept for later."""

    topic: str
    partition: int
    offsets: tuple[int]
    timestamps: tuple[int]
    keys: tuple[bytes | None]
    values: tuple[bytes | None]
    headers: tuple[Headers] | None

    @classmethod
    def of(cls, batch: Batch, i: int) -> Single:
        return cls(
            batch.topic,
            batch.partition,
            (batch.offsets[i],),
            (batch.timestamps[i],),
            (batch.keys[i],),
            (batch.values[i],),
            (tuple(batch.headers[i]),) if batch.headers is not None and batch.headers[i] else None,
        )

    def __len__(self) -> int:
        return 1

    def cut(self, start: int, stop: int) -> Single:
        return self


@dataclass(slots=True)
class Output:
    """Records for one topic, as columns."""

    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] | None = None

    def add(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        if headers and self.headers is None:
            self.headers = [()] * len(self.values)
        if self.headers is not None:
            self.headers.append(headers)
        self.keys.append(key)
        self.values.append(value)

    def extend(self, other: Output) -> None:
        if other.headers is not None and self.headers is None:
            self.headers = [()] * len(self.values)
        if self.headers is not None:
            self.headers += other.headers if other.headers is not None else [()] * len(other.values)
        self.keys += other.keys
        self.values += other.values

    def __len__(self) -> int:
        return len(self.values)


@dataclass(slots=True)
class Outputs:
    """What a walk gives: `predictions`, `outcomes` and `dead_letters`.

    `newest` is each entity's newest event time and feature row, where there is a cache to keep them.
    """

    predictions: Output = field(default_factory=Output)
    outcomes: Output = field(default_factory=Output)
    dead_letters: Output = field(default_factory=Output)
    newest: dict[str, tuple[int, tuple[Any, ...]]] = field(default_factory=dict)

    def extend(self, other: Outputs) -> None:
        self.newest.update(other.newest)
        self.predictions.extend(other.predictions)
        self.outcomes.extend(other.outcomes)
        self.dead_letters.extend(other.dead_letters)

    def lanes(self) -> dict[str, Output]:
        return {
            "predictions": self.predictions,
            "outcomes": self.outcomes,
            "dead_letters": self.dead_letters,
        }

    def __len__(self) -> int:
        return sum(map(len, self.lanes().values()))
