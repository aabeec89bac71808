"""What the API says of itself: enough to write a client by."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from engine.spec import Spec
from streams.serve import described
from streams.serve.app import make_app
from tests.test_docs import README

SPEC = {"pipeline": "p", "transport": "memory://described", "events": {"fields": {"x": {"type": "number"}}}}
TEXTS = ("/metrics", "/v1/stream")


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return described.openapi(make_app(Spec.model_validate(SPEC)))


def operations(told: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, ways in told["paths"].items() for method, each in ways.items()]


def test_every_operation_is_told(told: dict[str, Any]) -> None:
    """A tag, a summary, words, and a name of its own."""
    names = [each["operationId"] for _, _, each in operations(told)]
    assert len(names) == len(set(names))
    assert [p for p, _, each in operations(told) if not each.get("tags") or not each.get("description")] == []


def test_every_answer_has_a_schema(told: dict[str, Any]) -> None:
    """Of what is fine, and of problems; texts have none."""
    for path, method, each in operations(told):
        fine = [told for status, told in each["responses"].items() if status.startswith("2")]
        assert fine, (path, method)
        content = fine[0].get("content", {})
        assert path in TEXTS or content["application/json"]["schema"], (path, method)
        assert "application/problem+json" in each["responses"]["503"]["content"], path


def test_references_lead_somewhere(told: dict[str, Any]) -> None:
    """No schema names one that is not there; each is a schema."""
    text = json.dumps(told)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(told["components"]["schemas"])
    for schema in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_examples_fit_their_schemas(told: dict[str, Any]) -> None:
    """What is shown of a body can be sent."""
    for path, _, each in operations(told):
        content = each.get("requestBody", {}).get("content", {}).get("application/json", {})
        shown = [one["value"] for one in content.get("examples", {}).values()]
        shown += [content["example"]] if "example" in content else []
        for example in shown:
            schema = {**content["schema"], "components": told["components"]}
            assert jsonschema.Draft202012Validator(schema).is_valid(example), path


def test_readme_names_every_route(told: dict[str, Any]) -> None:
    """Those under /v1; the protocol's own are known elsewhere."""
    paths = [path for path in told["paths"] if path.startswith("/v1/")]
    missing = [path for path in paths if path not in README and path.rpartition("/")[2] not in README]
    assert missing == []
