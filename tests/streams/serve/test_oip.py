"""The Open Inference Protocol: named tensors in, tensors out, the same predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.parts.serving import Serving
from tests.streams.serve.test_predict import Kept

INFER = "/v2/models/p/infer"


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    """A model that has learned something."""
    kept = Kept("oip", model={"use": "logistic_regression"})
    kept.work(200)
    with Serving(kept.stage.spec) as server:
        yield server


def tensor(name: str, data: list[Any], kind: str = "FP64", shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": shape or [len(data)], "data": data}


def test_health_and_metadata(server: Serving) -> None:
    """What tools ask first."""
    assert server.get("/v2").json["name"] == "driftline"
    assert server.get("/v2/health/live").json == {"live": True}
    assert server.get("/v2/health/ready").json == {"ready": True}
    assert server.get("/v2/models/p/ready").json == {"name": "p", "ready": True}
    told = server.get("/v2/models/p").json
    assert {"name": "amount", "datatype": "FP64", "shape": [-1]} in told["inputs"]
    assert server.get(f"/v2/models/p/versions/{told['versions'][0]}").status == 200


def test_a_tensor_for_each_field(server: Serving) -> None:
    """A batch has the predictions that its events have one by one; null is a missing value."""
    body = {"id": "7", "inputs": [tensor("amount", [7.0, 90.0]), tensor("age", [30, None], "INT64", [2, 1])]}
    told = server.post(INFER, body).json
    found = {each["name"]: each for each in told["outputs"]}
    events = [{"id": "a", "amount": 7.0, "age": 30}, {"id": "b", "amount": 90.0}]
    said = server.post("/v1/predict", {"events": events}).json["predictions"]
    assert found["score"]["data"] == [each["score"] for each in said]
    assert found["prediction"] == tensor("prediction", [each["prediction"] for each in said], "BOOL")
    assert found["probabilities"]["shape"] == [2, 2]
    assert told["id"] == "7"


def test_one_tensor_of_all_features(server: Serving) -> None:
    """A column for each feature, in their order, nested or flat."""
    nested = tensor("x", [[7.0, 30.0], [90.0, 31.0]], shape=[2, 2])
    flat = tensor("x", [7.0, 30.0, 90.0, 31.0], shape=[2, 2])
    answers = [
        server.post(INFER, {"inputs": [each], "outputs": [{"name": "score"}]}).json for each in (nested, flat)
    ]
    assert answers[0]["outputs"] == answers[1]["outputs"]
    assert [each["name"] for each in answers[0]["outputs"]] == ["score"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/models/other/infer", {"inputs": [tensor("amount", [1.0])]}, 404),
        ("/v2/models/p/versions/9/infer", {"inputs": [tensor("amount", [1.0])]}, 404),
        (INFER, b"{", 400),
        (INFER, {"inputs": []}, 422),
        (INFER, b'{"inputs": [{"data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]}", 400),
        (INFER, {"inputs": [tensor("amuont", [1.0])]}, 422),
        (INFER, {"inputs": [tensor("amount", [1.0], shape=[2])]}, 422),
        (INFER, {"inputs": [tensor("amount", [1.0], shape=[0])]}, 422),
        (INFER, {"inputs": [tensor("amount", [1.0]), tensor("age", [1, 2], "INT64")]}, 422),
        (INFER, {"inputs": [tensor("amount", [1.0], "FP99")]}, 422),
        (INFER, {"inputs": [tensor("amount", ["many"], "BYTES")]}, 422),
        (INFER, {"inputs": [tensor("amount", [1.0])], "outputs": [{"name": "scroe"}]}, 422),
    ],
)
def test_what_does_not_fit_is_told(server: Serving, path: str, body: Any, status: int) -> None:
    """As a problem, with the protocol's own member where there is one."""
    answer = server.post(path, body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
