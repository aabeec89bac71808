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
        self.headers = _together(len(self), self.headers, len(other), other.headers)
        self.keys += other.keys
        self.values += other.values

    @property
    def flat(self) -> list[bytes]:
        """What a fingerprint of the values is made of."""
        return [value + b"\n" for value in self.values if value is not None]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(slots=True, eq=False)
class Lines:
    """Records for one topic, each value a line of JSON; the lines stay together until they are asked for.

    >>> lines = Lines()
    >>> lines.add([b"k", b"k"], b'{"a":1}\\n{"a":2}\\n', None)
    >>> lines.values
    [b'{"a":1}', b'{"a":2}']
    """

    keys: list[bytes | None] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)  # a line break ends each of their lines
    counts: list[int] = field(default_factory=list)  # how many lines a chunk has
    headers: list[Headers] | None = None
    cut: list[bytes | None] = field(default_factory=list)  # the lines one by one, once they were asked for

    def add(self, keys: Sequence[bytes | None], lines: bytes, headers: list[Headers] | None) -> None:
        if not keys:
            return
        self.headers = _together(len(self), self.headers, len(keys), headers)
        self.keys += keys
        self.chunks.append(lines)
        self.counts.append(len(keys))

    def extend(self, other: Lines) -> None:
        self.headers = _together(len(self), self.headers, len(other), other.headers)
        self.keys += other.keys
        self.chunks += other.chunks
        self.counts += other.counts

    def lines(self) -> list[tuple[int, bytes]]:
        """The chunks, and how many lines each has."""
        return list(zip(self.counts, self.chunks, strict=True))

    @property
    def values(self) -> list[bytes | None]:
        if len(self.cut) != len(self.keys):
            self.cut = [*b"".join(self.chunks)[:-1].split(b"\n")]
        return self.cut

    @property
    def flat(self) -> list[bytes]:
        """What a fingerprint of the values is made of."""
        return self.chunks

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lines):
            return NotImplemented
        mine, others = (self.keys, self.values, self.headers), (other.keys, other.values, other.headers)
        return mine == others

    __hash__ = None  # type: ignore[assignment]


def _together(
    count: int, headers: list[Headers] | None, more: int, others: list[Headers] | None
) -> list[Headers] | None:
    """The headers of `count` records and of `more` behind them; None while no record has any."""
    if headers is None and others is None:
        return None
    first: list[Headers] = [()] * count if headers is None else headers
    return first + ([()] * more if others is None else others)


@dataclass(slots=True)
class Outputs:
    """What a walk gives: `predictions`, `outcomes`, `dead_letters`, `drifts` and `alerts`.

    `newest` is each entity's newest event time and feature row, where there is a cache to keep them.
    """

    predictions: Lines = field(default_factory=Lines)
    outcomes: Lines = field(default_factory=Lines)
    dead_letters: Output = field(default_factory=Output)
    drifts: Output = field(default_factory=Output)
    alerts: Output = field(default_factory=Output)
    newest: dict[str, tuple[int, tuple[Any, ...]]] = field(default_factory=dict)

    def extend(self, other: Outputs) -> None:
        self.newest.update(other.newest)
        self.predictions.extend(other.predictions)
        self.outcomes.extend(other.outcomes)
        self.dead_letters.extend(other.dead_letters)
        self.drifts.extend(other.drifts)
        self.alerts.extend(other.alerts)

    def lanes(self) -> dict[str, Output | Lines]:
        return {
            "predictions": self.predictions,
            "outcomes": self.outcomes,
            "dead_letters": self.dead_letters,
            "drifts": self.drifts,
            "alerts": self.alerts,
        }

    def __len__(self) -> int:
        return sum(map(len, self.lanes().values()))
