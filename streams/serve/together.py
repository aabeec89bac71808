"""Single events that are asked for at the same moment are predicted at once: a model's cost is by the call.

Nobody waits for others to come. Requests that were read in one turn of the loop are answered in the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")


class Together(Generic[A]):
    """Asks for what many want.

    Parameters
    ----------
    ask
        Answers several.
    of_one
        Whether an error may be due to one of them: then each is asked for alone, and only that one fails.

    Examples
    --------
    >>> sizes = []
    >>> async def lengths(values):
    ...     sizes.append(len(values))
    ...     return [len(value) for value in values]
    >>> async def three():
    ...     together = Together(lengths)
    ...     return await asyncio.gather(*(together.one(value) for value in (b"a", b"bb", b"")))
    >>> asyncio.run(three()), sizes
    ([1, 2, 0], [3])
    """

    def __init__(
        self,
        ask: Callable[[Sequence[bytes]], Awaitable[Sequence[A]]],
        of_one: Callable[[Exception], bool] = lambda error: True,
    ) -> None:
        self.ask, self.of_one = ask, of_one
        self.waiting: list[tuple[bytes, asyncio.Future[A]]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def one(self, value: bytes) -> A:
        """The answer to one."""
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self.waiting.append((value, done))
        if len(self.waiting) == 1:
            task = asyncio.create_task(self._answer())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return await done

    async def _answer(self) -> None:
        at_hand, self.waiting = self.waiting, []
        try:
            found = await self.ask([value for value, _ in at_hand])
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            if len(at_hand) > 1 and self.of_one(error):
                return await self._one_by_one(at_hand)
            for _, done in at_hand:
                _fail(done, error)
            return None
        for (_, done), answer in zip(at_hand, found, strict=True):
            if not done.done():
                done.set_result(answer)
        return None

    async def _one_by_one(self, at_hand: Sequence[tuple[bytes, asyncio.Future[A]]]) -> None:
        for value, done in at_hand:
            try:
                [answer] = await self.ask([value])
            except Exception as error:  # noqa: BLE001 - whoever asked raises it
                _fail(done, error)
            else:
                if not done.done():
                    done.set_result(answer)


def _fail(done: asyncio.Future[A], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
