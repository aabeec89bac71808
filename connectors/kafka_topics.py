"""Topics as kafka-python wants and gives them."""

from __future__ import annotations

from typing import Any

from kafka.errors import TopicAlreadyExistsError, for_code

from connectors.log import Topic

COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "600000",  # only closed segments are compacted
    "segment.bytes": "67108864",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "3600000",  # how long readers can see that a key was deleted
}


def creation(topic: Topic) -> dict[str, Any]:
    configs = dict(COMPACTED) if topic.compacted else {}
    if topic.retention_ms is not None and not topic.compacted:
        configs["retention.ms"] = str(topic.retention_ms)
    return {"num_partitions": topic.partitions, "configs": configs}


def was_created(result: dict[str, Any]) -> bool:
    error = for_code(result["error_code"])
    if error is TopicAlreadyExistsError:
        return False  # somebody else was faster
    if result["error_code"]:
        raise error(f"{result['name']}: {result['error_message']}")
    return True


def as_topic(name: str, partitions: int, configs: dict[str, str]) -> Topic:
    compacted = "compact" in configs.get("cleanup.policy", "")
    kept = configs.get("retention.ms")
    return Topic(name, partitions, compacted, None if kept is None or compacted else int(kept))
