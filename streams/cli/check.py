"""`driftline check`: what the spec says, or what is wrong with it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from connectors import kafka_settings
from connectors.urls import split_url
from engine.duration import duration_text
from engine.spec import TOPICS, Spec
from streams.cli.common import (
    SPEC,
    JsonOption,
    SetOption,
    SpecOption,
    TransportOption,
    load_spec,
    put,
    put_json,
)
from streams.keeping.keys import snapshot_key
from streams.specs import specfile, speckeys
from streams.specs.specfile import SpecFileError
from streams.specs.yamlfile import dotted
from streams.telemetry.hidden import hide

FIELDS_SHOWN = 30


def holds(spec: Spec, folder: Path) -> None:
    """What the spec's own rules can't see: the transport, its settings, and the model."""
    from engine.shard import Shard

    scheme = split_url(spec.transport)[0]
    kafka_settings.check(spec.kafka)
    if scheme == "kafka" or spec.snapshots.key is not None:
        snapshot_key(spec)
    sys.path.insert(0, str(folder))  # the user's own models lie beside the spec
    Shard(spec, 0)


class Form(NamedTuple):
    """Whether a model can run compiled."""

    possible: bool
    wanted: bool
    why_not: str | None

    @property
    def text(self) -> str:
        if self.why_not is not None:
            return f"no, by River event by event: {self.why_not}"
        return "yes, when its kernels are ready" if self.wanted else "no: model.compile is false"


def form(spec: Spec) -> Form:
    from engine.shard import Shard

    model = Shard(spec, 0).model
    return Form(model.switch(), spec.model.compile, model.without)


SchemaOption = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a spec, for editors.")]
ReferenceOption = Annotated[
    bool, typer.Option("--reference", help="Print every key with its type, default and meaning.")
]


def check(
    spec: SpecOption = SPEC,
    transport: TransportOption = None,
    set_: SetOption = None,
    schema: SchemaOption = False,
    reference: ReferenceOption = False,
    json: JsonOption = False,
) -> None:
    """Read the spec and say what it means; or, with exit code 2, every mistake with its line."""
    if schema:
        put_json(specfile.json_schema())
        return
    if reference and json:
        put_json([key._asdict() | {"where": ".".join(key.where)} for key in speckeys.every_key()])
        return
    if reference:
        put(specfile.reference())
        return
    try:
        wanted = load_spec(spec, transport, set_)
        holds(wanted, spec.resolve().parent)
    except SpecFileError as error:
        if json:
            put_json({"ok": False, "problems": [_problem(*problem) for problem in error.problems]})
        raise
    if json:
        put_json({"ok": True, "spec": shown(wanted), "compiled": form(wanted)._asdict()})
        return
    for name, line in understood(wanted):
        put(hide(f"{name:<11}{line}"))


def _problem(place: str, where: tuple[str | int, ...], text: str) -> dict[str, Any]:
    return {"place": place, "key": dotted(where), "problem": hide(text)}


def shown(spec: Spec) -> dict[str, Any]:
    """The spec with everything that it leaves to defaults, but without its secrets."""
    return _hidden(spec.model_dump(mode="json", by_alias=True), "")


def _hidden(values: dict[str, Any], above: str) -> dict[str, Any]:
    hidden: dict[str, Any] = {}
    for name, value in values.items():
        key = above + name
        if isinstance(value, dict):
            hidden[name] = _hidden(value, key + ".")
        else:
            hidden[name] = "(hidden)" if value is not None and speckeys.is_secret(key) else _shown(value)
    return hidden


def _shown(value: Any) -> Any:
    return hide(value) if isinstance(value, str) else value


def understood(spec: Spec) -> Iterator[tuple[str, str]]:
    """What a pipeline is, in a few lines."""
    events, labels = spec.events, spec.labels
    yield "pipeline", spec.pipeline
    yield "transport", f"{spec.transport}, {spec.delivery.replace('_', ' ')}"
    yield "events", f"{spec.topic('events')}: {_roles(spec)}"
    yield "fields", _listed([f"{name} {field.type.value}" for name, field in events.fields.items()])
    if labels.in_event is not None:
        yield "labels", f"in the event: {labels.in_event}"
    yield "labels", f"{spec.topic('labels')}: {labels.value} of the event {labels.id}" + _wait(spec)
    yield "features", _listed(spec.feature_names)
    yield (
        "model",
        f"{spec.model.use}({', '.join(f'{k}={v!r}' for k, v in spec.model.with_.items())})" + _for(spec),
    )
    yield "compiled", form(spec).text
    if spec.drift is not None:
        from streams.drift.budget import asked

        detectors = ", ".join(each.use for each in spec.drift.detectors)
        yield "drift", f"{asked(spec)}; {detectors} on {_listed(spec.drift.watch)}"
    if spec.conditions:
        yield "alerts", _listed([f"{each.when} ({each.severity})" for each in spec.conditions])
    if spec.notify.receivers:
        yield "notify", _listed([*spec.notify.receivers])
    yield "topics", _listed([spec.topic(what) for what in TOPICS[2:]])
    yield "limits", _listed([f"{name} {_limit(name, value)}" for name, value in spec.limits])
    yield "http", _address(spec)


def _roles(spec: Spec) -> str:
    events = spec.events
    return (
        f"id {events.id or 'topic-partition-offset'}, key {events.key or events.id or 'none'}, "
        f"time {events.time or 'of the record'}"
    )


def _for(spec: Spec) -> str:
    """What the model is to do, and when one uses it."""
    from engine.choice import task_name
    from engine.models import MODELS

    task, ready = task_name(spec), MODELS.get(spec.model.use)
    return (f", {task}" if task else "") + (f": {ready.purpose}" if ready else "")


def _wait(spec: Spec) -> str:
    return f", waited for {duration_text(spec.labels.wait)}"


def _limit(name: str, value: int) -> str:
    return duration_text(value) if name in ("past_max", "future_max", "lateness_max") else f"{value:,}"


def _address(spec: Spec) -> str:
    if spec.http.port is None:
        return "not served"
    return f"{spec.http.host}:{spec.http.port or 'any free port'}"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - FIELDS_SHOWN
    return ", ".join(names[:FIELDS_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
