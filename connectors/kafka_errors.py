"""What Kafka's clients raise, in the log's words.

Both clients give a broker's refusal the number that Kafka's protocol has for it, as `errno`.
"""

from __future__ import annotations

import asyncio

from connectors.log import Gone, LogError, Misfit, Unavailable

OFFSET_OUT_OF_RANGE = 1
PERSON = {
    3: "there is no such topic or partition",
    10: "a record is larger than the topic's max.message.bytes",
    17: "the topic's name is not allowed",
    18: "a batch is larger than the topic's segment.bytes",
    29: "this user may not use the topic",
    30: "this user may not use the consumer group",
    31: "this user may not do that on the cluster",
    35: "the broker is too old for this request",
    37: "the number of partitions is not allowed",
    38: "the replication factor is more than there are brokers",
    40: "a setting of the topic is not allowed",
    44: "a policy of the cluster forbids it",
    53: "this user may not use the transactional id",
    58: "the broker refuses the user name or the password",
    87: "the broker refuses a record; on a compacted topic each needs a key",
}


def explain(exc: BaseException, doing: str, servers: str) -> LogError:
    """The log's error for a client's: `doing` says what was tried, and where."""
    if isinstance(exc, LogError):
        return exc
    code = getattr(exc, "errno", None)
    if code == OFFSET_OUT_OF_RANGE:
        return Gone(f"{doing}: {servers} no longer has this offset, or not yet ({exc})")
    if code in PERSON and not isinstance(exc, OSError):
        return Misfit(f"{doing}: {PERSON[code]} ({servers}: {exc})")
    if isinstance(exc, asyncio.TimeoutError):
        return Unavailable(f"{doing}: no answer from {servers} in time")
    return Unavailable(f"{doing} failed at {servers} ({_told(exc)})")


def _told(exc: BaseException) -> str:
    """The error's name and text; some of the clients' texts begin with the name already."""
    name, text = type(exc).__name__, str(exc)
    return text if text.startswith((name, "[")) else f"{name}: {text}"
