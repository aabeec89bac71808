"""How an entity's newest features and prediction are written in the cache, and read.

`driftline:<schema>:<pipeline>:<entity>` holds one JSON object. What was written by another release or under
another spec is not mistaken for ours: the key names the schema, the entry names the spec, and each feature
has the type that the spec gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.errors import DriftlineError
from engine.spec import Spec
from engine.specparts import Kind

SCHEMA = 2
TYPES: dict[Kind, Any] = {
    Kind.NUMBER: float,
    Kind.INTEGER: int | float,
    Kind.BOOLEAN: bool,
    Kind.CATEGORY: str,
    Kind.TEXT: str,
}

Row = tuple[int, Sequence[Any]]  # event time, features


class Refused(DriftlineError):
    """An entry that is not what this pipeline would have written."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What is known of an entity: the features and the prediction of its newest event."""

    event_time: int
    features: dict[str, Any]
    prediction: dict[str, Any]


class Form:
    """The form of the entries of one pipeline.

    Parameters
    ----------
    spec
        The pipeline's spec.

    Examples
    --------
    >>> spec = Spec.model_validate({"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}})
    >>> form = Form(spec)
    >>> form.key("card-1")
    'driftline:2:p:card-1'
    >>> form.read(form.write((5, (1.5,)), b'{"score":0.5}'))
    Entity(event_time=5, features={'x': 1.5}, prediction={'score': 0.5})
    """

    def __init__(self, spec: Spec) -> None:
        self.stem = f"driftline:{SCHEMA}:{spec.pipeline}:"
        self.names, self.spec = spec.feature_names, spec.fingerprint
        places = [f"f{i}" for i in range(len(self.names))]  # a feature's name need not be one in Python
        kinds = (TYPES.get(kind, Any) for kind in spec.feature_kinds)
        fields = [(place, kind | None, None) for place, kind in zip(places, kinds, strict=True)]
        self.features = msgspec.defstruct(
            "Features",
            fields,
            rename=dict(zip(places, self.names, strict=True)),
            omit_defaults=True,
            forbid_unknown_fields=True,
        )
        entry = msgspec.defstruct(
            "Entry",
            [
                ("schema", int),
                ("spec", str),
                ("event_time", int),
                ("features", self.features),
                ("prediction", msgspec.Raw),
            ],
        )
        self.entry: Any = entry
        self.encode = msgspec.json.Encoder().encode
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(entry).decode

    def key(self, entity: str) -> str:
        return self.stem + entity

    def write(self, row: Row, prediction: bytes) -> bytes:
        """An entry, from an event time and its features, and the prediction as it was committed."""
        features = self.features(*row[1])
        return self.encode(self.entry(SCHEMA, self.spec, row[0], features, msgspec.Raw(prediction)))

    def read(self, data: bytes) -> Entity:
        """An entry, or Refused says what is wrong with it."""
        try:
            found = self.decode(data)
            prediction = msgspec.json.decode(found.prediction, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError) as exc:
            raise Refused(f"an entry of another form: {exc}") from exc
        if found.schema != SCHEMA or found.spec != self.spec:
            raise Refused(f"an entry of schema {found.schema} and spec {found.spec}, not {self.spec}")
        values = msgspec.structs.astuple(found.features)
        known = {n: v for n, v in zip(self.names, values, strict=True) if v is not None}
        return Entity(found.event_time, known, prediction)
