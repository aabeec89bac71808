"""What the confidence of a model is to the walk."""

from __future__ import annotations

from typing import Any, Protocol

from engine.joined import Settlements
from engine.models.scores import Scores


class Stage(Protocol):
    """Between `run` and `remember` it looks at predictions, later at their labels.

    What it says changes at a shard's turns only, so that it doesn't depend on how the stream is cut.
    """

    def apply(self, scores: Scores) -> list[bytes | None]:
        """Put predictions right, give each its interval or set; return a note for each, to be remembered."""

    def learn(self, settled: Settlements) -> list[bool | None]:
        """Take labels that came; return whether each lay inside, None where there was none."""

    def turn(self) -> None:
        """Learn from what came since the last turn."""

    def report(self) -> dict[str, float | int | None]:
        """How well it does, by name."""

    def state(self) -> list[Any]: ...

    def restore(self, state: list[Any]) -> None: ...
