"""Named tensors of the Open Inference Protocol to events, and predictions back to tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from math import prod
from typing import Any

import msgspec

from engine.nearest import nearest
from engine.spec import Spec
from engine.specparts import Kind
from streams.serve.asked import Said
from streams.serve.problems import Problem

TYPES = {
    Kind.NUMBER: "FP64",
    Kind.INTEGER: "INT64",
    Kind.BOOLEAN: "BOOL",
    Kind.CATEGORY: "BYTES",
    Kind.TEXT: "BYTES",
    Kind.TIMESTAMP: "BYTES",
}
NUMBERS = ("FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
KNOWN = (*NUMBERS, "BOOL", "BYTES")


class Tensor(msgspec.Struct):
    """One input: its values row by row, flat or nested."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class Wanted(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class Inference(msgspec.Struct):
    """The body of a request."""

    inputs: list[Tensor]
    id: str | None = None
    outputs: list[Wanted] | None = None
    parameters: dict[str, Any] | None = None


def inputs(spec: Spec) -> list[dict[str, Any]]:
    """The tensors that an event can be made of."""
    fields = {name: field for name, field in spec.events.fields.items() if field.type in TYPES}
    return [{"name": n, "datatype": TYPES[field.type], "shape": [-1]} for n, field in fields.items()]


def rows(spec: Spec, tensors: Sequence[Tensor], most: int) -> list[bytes]:
    """An event for each row of the tensors; a Problem says what does not fit together."""
    if not tensors:
        raise wrong("there are no inputs; GET /v2/models/{name} names those that there can be")
    count = tensors[0].shape[0] if tensors[0].shape else 0
    if count > most:
        raise Problem(413, f"{count:,} rows at once; serve.batch_max is {most:,}", limit=most)
    columns = dict(chain.from_iterable(_columns(spec, tensor, count) for tensor in tensors))
    roles, now = spec.events, datetime.now(UTC).isoformat()
    if roles.id is not None and roles.id not in columns:
        columns[roles.id] = [f"infer-{n}" for n in range(count)]
    if roles.time is not None and roles.time not in columns:
        columns[roles.time] = [now] * count
    paths = [(spec.events.fields[name].path or name).split(".") for name in columns]
    return [msgspec.json.encode(_event(paths, values)) for values in zip(*columns.values(), strict=True)]


def _event(paths: Sequence[Sequence[str]], values: Sequence[Any]) -> dict[str, Any]:
    """Values at their places; missing ones are left out."""
    event: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        inner = event
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        if value is not None:
            inner[path[-1]] = value
    return event


def _columns(spec: Spec, tensor: Tensor, count: int) -> Iterator[tuple[str, list[Any]]]:
    """The column that a tensor is, or those that a table of all features has."""
    if tensor.datatype not in KNOWN:
        raise wrong(f"{tensor.name}: {tensor.datatype!r} is no datatype{nearest(tensor.datatype, KNOWN)}")
    values = list(_flat(tensor.data))
    if min(tensor.shape, default=0) < 1 or prod(tensor.shape) != len(values) or tensor.shape[0] != count:
        detail = f"{tensor.name}: {len(values)} values are not of the shape {tensor.shape}, with {count} rows"
        raise wrong(detail)
    width, fields = prod(tensor.shape[1:]), spec.events.fields
    if tensor.name in fields and width == 1:
        yield tensor.name, _fitted(fields[tensor.name].type, values)
    elif tensor.name not in fields and width == len(spec.row_fields):
        for n, name in enumerate(spec.row_fields):
            yield name, _fitted(fields[name].type, values[n::width])
    else:
        detail = (
            f"{tensor.name!r} is no field of an event{nearest(tensor.name, list(fields))}; a table of all "
            f"features has {len(spec.row_fields)} columns: {', '.join(spec.row_fields[:20])}"
        )
        raise wrong(detail)


def _fitted(kind: Kind, values: list[Any]) -> list[Any]:
    """Whole numbers that came as floats, since tensors have one type for all columns."""
    if kind is not Kind.INTEGER:
        return values
    return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]


def _flat(data: Sequence[Any]) -> Iterator[Any]:
    """All values of nested lists, in order; the depth is that of the JSON, which is bounded."""
    for each in data:
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each


def outputs(said: Sequence[Said], wanted: Sequence[Wanted] | None) -> list[dict[str, Any]]:
    """Predictions as tensors: those that are asked for, or all that there are."""
    found = {each["name"]: each for each in _all(said)}
    if wanted is None:
        return [*found.values()]
    for each in wanted:
        if each.name not in found:
            raise wrong(f"there is no output {each.name!r}{nearest(each.name, list(found))}")
    return [found[each.name] for each in wanted]


def _all(said: Sequence[Said]) -> Iterator[dict[str, Any]]:
    predictions = [each.prediction for each in said]
    yield _tensor("prediction", _type(predictions), predictions)
    yield _tensor("score", "FP64", [each.score for each in said])
    if any(each.probabilities for each in said):
        classes = sorted({name for each in said for name in each.probabilities or ()})
        shares = [(each.probabilities or {}).get(name) for each in said for name in classes]
        shape = [len(said), len(classes)]
        tensor = {"name": "probabilities", "datatype": "FP64", "shape": shape, "data": shares}
        yield {**tensor, "parameters": {"classes": ",".join(classes)}}
    if any(each.interval for each in said):
        ends = [end for each in said for end in each.interval or (None, None)]
        yield {"name": "interval", "datatype": "FP64", "shape": [len(said), 2], "data": ends}


def _tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def _type(values: Sequence[Any]) -> str:
    first = next((value for value in values if value is not None), None)
    return "BOOL" if isinstance(first, bool) else "BYTES" if isinstance(first, str) else "FP64"


def wrong(detail: str) -> Problem:
    """A problem that also says what it is where the protocol's own clients look."""
    return Problem(422, detail, reason="malformed", error=detail)
