"""The model that a spec names: what it is built from, what it is to do, and which version of it this is."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from engine import models
from engine.models.scores import LABEL_KINDS
from engine.spec import Spec
from engine.specparts import Kind


def build_model(spec: Spec) -> Any:
    """The model that the spec names, untrained."""
    categories = Kind.CATEGORY in spec.feature_kinds
    return models.build(spec.model.use, spec.model.with_, categories, task_name(spec))


def task_name(spec: Spec) -> str | None:
    """What the model is to do; None where only the user's own model can tell."""
    if spec.forecast is not None:
        return models.task_for(spec.model.use, "forecasting", spec.labels.type)
    kind = "boolean" if spec.labels.positive is not None else spec.labels.type
    return models.task_for(spec.model.use, spec.model.task, kind)


def label_kind(spec: Spec) -> str | None:
    """What a label is, where the spec leaves it to the task."""
    return LABEL_KINDS.get(task_name(spec) or "")


def model_version(spec: Spec) -> str:
    """Short, and another one for every change of the model, its arguments or its features."""
    parts = [spec.model.use, task_name(spec), spec.model.with_, spec.features_text]
    return hashlib.blake2b(msgspec.json.encode(parts, order="sorted"), digest_size=4).hexdigest()
