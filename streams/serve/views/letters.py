"""Dead letters: what was refused and why, and sending it again.

Of the newest letters it is remembered where they lie; the page that is asked for is read then. Whether one
was sent again is told by the topic that it came from, of which no more is read than its newest records.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.log import Gone, Log
from engine.reasons import Reason
from engine.spec import Spec
from streams.deadletters import REPLAYED, DeadLetter, Replay, letter
from streams.records import Placed, as_text
from streams.serve.door import Admin, need
from streams.serve.problems import Problem
from streams.serve.site import Here
from streams.serve.views import alertanswers as answers
from streams.serve.views.alerts import listed
from streams.serve.views.tails import Tail
from streams.serve.views.told import answer, as_json, kept

KNOWN_MAX = 10_000  # the newest, of all partitions together
SEEN_MAX = 10_000  # records of an input, the newest, that are looked at for letters that were sent again
EACH_MIN = 500  # of a partition, however many there are
REPLAYED_MAX = 100_000  # letters that are known to have been sent again
LIMIT_MAX = 500
CHARACTERS_MAX = 4_096  # of a value; a longer one is cut
PLACE = r"^\d{1,9}-\d{1,18}$"

router = APIRouter(prefix="/v1", tags=["dead letters"], dependencies=[Depends(as_json)])


class Where(NamedTuple):
    """A dead letter, as far as it is remembered."""

    partition: int
    offset: int
    reason: str

    @property
    def place(self) -> str:
        return f"{self.partition}-{self.offset}"


class Letters:
    """The newest dead letters; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        each, self.seen_max = (max(EACH_MIN, most // spec.partitions) for most in (KNOWN_MAX, SEEN_MAX))
        self.tail = Tail(spec.topic("dead_letters"), each, each)
        self.known: deque[Where] = deque(maxlen=each * spec.partitions)
        self.inputs = {topic: Tail(topic, self.seen_max, self.seen_max) for topic in spec.inputs}
        self.since: dict[tuple[str, int], int] = {}  # from where on all of an input was looked at
        self.replayed: dict[str, None] = {}  # places of letters that were sent again
        self.orders: dict[tuple[int, int], str] = {}  # by place on the control topic: what was wrong

    def look(self, log: Log) -> None:
        """Read on."""
        for placed in self.tail.new(log):
            found = letter(placed)
            self.known.append(Where(placed.partition, placed.record.offset, found.reason))
            if found.source is not None and found.source[0] == self.spec.topic("control"):
                self.orders[found.source[1], found.offset] = found.message
        while len(self.orders) > KNOWN_MAX:
            del self.orders[next(iter(self.orders))]
        if self.known:
            for topic, tail in self.inputs.items():
                self._sent_again(log, topic, tail)

    def _sent_again(self, log: Log, topic: str, tail: Tail) -> None:
        before = dict(tail.at)
        for placed in tail.new(log):
            for name, content in placed.record.headers:
                if name == REPLAYED:
                    self.replayed[content.decode(errors="replace")] = None
        while len(self.replayed) > REPLAYED_MAX:
            del self.replayed[next(iter(self.replayed))]
        for partition, (start, end) in enumerate(tail.spans):
            first = max(start, end - self.seen_max)
            if partition not in before or first > before[partition]:
                self.since[topic, partition] = first

    def page(self, log: Log, reasons: Sequence[str], limit: int, offset: int) -> dict[str, Any]:
        """Some letters, the newest first."""
        counts = Counter(each.reason for each in self.known)
        fit = [each for each in reversed(self.known) if not reasons or each.reason in reasons]
        shown = fit[offset : offset + limit]
        return {
            "total": len(fit) if reasons else sum(end - start for start, end in self.tail.spans),
            "reasons": dict(counts.most_common()),
            "letters": [told for each in shown if (told := self._told(log, each)) is not None],
        }

    def _told(self, log: Log, where: Where) -> dict[str, Any] | None:
        try:
            batch = log.read(self.tail.topic, where.partition, where.offset, 1)
        except Gone:
            return None
        record = next(batch.records(), None)
        if record is None or record.offset != where.offset:
            return None
        found = letter(Placed(self.tail.topic, where.partition, record))
        value = as_text(record.value)
        topic, partition = found.source or (None, None)
        return {
            "place": found.place,
            "reason": found.reason,
            "exception": found.exception,
            "message": found.message,
            "source": None
            if topic is None
            else {"topic": topic, "partition": partition, "offset": found.offset},
            "recorded_ms": record.timestamp,
            "key": as_text(record.key),
            "value": value if value is None else value[:CHARACTERS_MAX],
            "cut": value is not None and len(value) > CHARACTERS_MAX,
            "replayed": self._is_replayed(found),
        }

    def _is_replayed(self, found: DeadLetter) -> bool | None:
        """None where its source was not read far enough back to tell."""
        if found.place in self.replayed:
            return True
        if found.source is None:
            return False
        since = self.since.get(found.source)
        return None if since is None or since > found.offset + 1 else False


class AskedReplay(BaseModel):
    """Which letters to send again: some by their places, those of a reason, or all."""

    model_config = ConfigDict(extra="forbid")
    places: (
        Annotated[list[Annotated[str, Field(pattern=PLACE)]], Field(min_length=1, max_length=1_000)] | None
    ) = None
    """Partition and offset among the dead letters: `0-17`."""
    reason: str | None = None
    all: bool = False
    dry: bool = False
    """Only say what would be sent."""

    @model_validator(mode="after")
    def says_which(self) -> AskedReplay:
        if (self.places is not None) + (self.reason is not None) + self.all != 1:
            raise ValueError("say which: one of `places`, `reason` and `all: true`")
        return self

    def wants(self, each: DeadLetter) -> bool:
        places, reason = self.places, self.reason
        return (places is None or each.place in places) and (reason is None or each.reason == reason)


@router.get("/dead-letters", response_model=answers.DeadLetters, dependencies=[need("read")])
async def dead_letters(
    here: Here,
    reason: Annotated[str | None, Query(description="Only those; several by commas.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """What was refused, the newest first, and how many for which reason among the newest."""
    reasons, book = listed(reason, [*Reason, "unknown"], "reason"), kept(here, Letters)

    def look(log: Log) -> dict[str, Any]:
        book.look(log)
        return book.page(log, reasons, limit, offset)

    return answer(await here.reader.ask(look))


@router.post("/dead-letters/replay", response_model=answers.Replayed)
async def replay(here: Here, caller: Admin, asked: AskedReplay) -> Response:
    """Send dead letters back to where they came from, as they were, each of them once."""
    if asked.reason is not None:
        listed(asked.reason, [*Reason, "unknown"], "reason")

    def send(log: Log) -> dict[str, Any]:
        run = Replay(log, here.spec, asked.wants)
        run.run(asked.dry)
        found = sum(run.sent.values()) + run.already + run.astray
        if asked.places is not None and found < len(set(asked.places)):
            raise Problem(404, f"{len(set(asked.places)) - found} of these dead letters are not there")
        return {"replayed": dict(run.sent), "already": run.already, "astray": run.astray, "dry": asked.dry}

    return answer(await here.writer.ask(send))
