"""What was fetched and waits to be walked, by topic; and which record is next.

When a shard is behind, its topics are merged by their records' timestamps, so that labels don't overtake
their events by hours. When it is not, what comes is walked as it comes. Any order is right, since the
journal keeps it; this one keeps the early labels few.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable

from connectors.log import Batch

RECORDS_MAX = 4_000  # of one topic
PATIENCE_S = 0.1  # how long a catch-up waits for a topic that is behind and has nothing here


class Queues:
    """The queues of one shard.

    Parameters
    ----------
    topics
        The input topics.
    lag
        How many more records of a topic the log has than were offered.
    """

    def __init__(self, topics: Iterable[str], lag: Callable[[str], int]) -> None:
        self.batches: dict[str, deque[Batch]] = {topic: deque() for topic in topics}
        self.records = dict.fromkeys(self.batches, 0)
        self.lag = lag
        self.impatient_at = 0.0  # 0: not waiting

    def __bool__(self) -> bool:
        return any(self.batches.values())

    def is_full(self, topic: str) -> bool:
        return self.records[topic] >= RECORDS_MAX

    def end(self, topic: str) -> int | None:
        """Where the last batch of a topic ends; None if there is none."""
        queue = self.batches[topic]
        return queue[-1].end if queue else None

    def put(self, batch: Batch) -> None:
        self.batches[batch.topic].append(batch)
        self.records[batch.topic] += len(batch)

    def clear(self) -> None:
        for topic, queue in self.batches.items():
            queue.clear()
            self.records[topic] = 0

    def lags(self) -> dict[str, int]:
        """Per topic, how many records are not yet taken."""
        return {topic: n + self.lag(topic) for topic, n in self.records.items()}

    def oldest(self, most: int) -> Batch | None:
        """The oldest records, at most so many, of one topic; None if it is better to wait a little."""
        heads = {topic: queue[0] for topic, queue in self.batches.items() if queue}
        if not heads or self._should_wait(heads):
            return None
        topic = min(heads, key=lambda t: heads[t].timestamps[0] if len(heads[t]) else -1)
        head, bisect = heads[topic], bisect_left
        stop = min(len(head), most)
        for name, other in heads.items():
            if name == topic:
                bisect = bisect_right  # of equal times the event comes first, then the label
            elif len(other):
                stop = max(1, min(stop, bisect(head.timestamps, other.timestamps[0])))
        return head if stop >= len(head) else head.cut(0, stop)

    def _should_wait(self, heads: dict[str, Batch]) -> bool:
        """Whether older records of another topic may be on their way. Not for ever."""
        if all(topic in heads or self.lag(topic) == 0 for topic in self.batches):
            self.impatient_at = 0.0
            return False
        now = time.monotonic()
        self.impatient_at = self.impatient_at or now + PATIENCE_S
        return now < self.impatient_at

    def done(self, part: Batch) -> None:
        """Take what `oldest` gave off its queue."""
        queue = self.batches[part.topic]
        head = queue.popleft()
        if part.end < head.end:
            queue.appendleft(head.cut(len(part), len(head)))
        self.records[part.topic] -= len(part)
