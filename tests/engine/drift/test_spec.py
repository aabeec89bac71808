"""What a spec may say of references and provenance."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.spec import Spec

GIVEN = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}}


@pytest.mark.parametrize(
    ("drift", "told"),
    [
        (
            {"reference": {"sketch": "a,b"}},
            "the recorded reference is not what driftline drift export writes",
        ),
        ({"provenance": {"producer": "x-producer"}}, "write header: and the header's name"),
        ({"provenance": {"producer": "header:"}}, "drift.provenance.producer is 'header:'"),
        ({"reference": {"window": "last"}}, "'first', 'sliding' or 'since'"),
    ],
)
def test_what_is_wrong_is_told(drift: dict[str, Any], told: str) -> None:
    """When the spec is read, in a sentence that says what to write."""
    with pytest.raises(ValidationError) as raised:
        Spec.model_validate(GIVEN | {"drift": drift})
    assert told in str(raised.value)
