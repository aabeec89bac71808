"""`driftline topics`: create them, list them."""

from typing import Any

import typer

from connectors.log import Topic
from engine.duration import duration_text
from engine.spec import TOPICS, Spec
from streams import topics
from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    fail,
    load_spec,
    opened,
    put,
    put_json,
    put_table,
)

app = typer.Typer(no_args_is_help=True, help="Create topics, or list them.")


@app.command()
def create(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Create the topics that are missing, and leave the others alone."""
    wanted = load_spec(spec, transport, set_)
    with opened(wanted) as log:
        created = topics.create(log, wanted)
    if json:
        put_json({"created": created})
        return
    for name in created:
        put(f"created {name}")
    if not created:
        put("all topics are there")


@app.command("list")
def list_(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List the pipeline's topics, and say what does not fit."""
    wanted = load_spec(spec, transport, set_)
    with opened(wanted) as log:
        there = log.topics()
        counts = {name: sum(end - start for start, end in log.bounds(name)) for name in _names(wanted, there)}
    found = [_described(what, wanted, there, counts) for what in TOPICS]
    wrong = list(topics.misfits(there, wanted))
    if json:
        put_json({"topics": found, "misfits": wrong})
    else:
        put_table(["what", "topic", "partitions", "offsets", "kept"], [_row(each) for each in found])
    if wrong:
        raise fail("; ".join(wrong))


def _names(spec: Spec, there: dict[str, Topic]) -> list[str]:
    return [spec.topic(what) for what in TOPICS if spec.topic(what) in there]


def _described(what: str, spec: Spec, there: dict[str, Topic], counts: dict[str, int]) -> dict[str, Any]:
    name = spec.topic(what)
    topic = there.get(name)
    return {
        "what": what.replace("_", "-"),
        "topic": name,
        "partitions": topic.partitions if topic else None,
        "offsets": counts.get(name),
        "compacted": topic.compacted if topic else None,
        "retention_ms": topic.retention_ms if topic else None,
    }


def _row(topic: dict[str, Any]) -> list[str]:
    if topic["partitions"] is None:
        return [topic["what"], topic["topic"], "missing", "", ""]
    return [
        topic["what"],
        topic["topic"],
        str(topic["partitions"]),
        f"{topic['offsets']:,}",
        _kept(topic["compacted"], topic["retention_ms"]),
    ]


def _kept(compacted: bool, retention_ms: int | None) -> str:
    if compacted:
        return "newest of each key"
    if retention_ms is None:
        return "as the log does"
    return "for ever" if retention_ms < 0 else duration_text(retention_ms)
