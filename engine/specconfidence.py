"""The part of the spec that says how sure predictions are to be."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.specparts import Part

Share = Annotated[float, Field(gt=0, lt=1)]


class Confidence(Part):
    """Probabilities put right, and intervals or sets that hold the label as often as they say."""

    calibrate: bool = False
    """Put a classifier's probabilities right by the labels that came: 0.8 comes true in 8 of 10 cases."""
    coverage: Share | None = None
    """The share of labels that `interval`, or for classes `prediction_set`, is to hold: 0.9, say."""
    window: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    """Over about how many labels the errors are looked at that tell how far an interval or set must reach."""

    @property
    def is_asked(self) -> bool:
        """Whether predictions are to be other than the model gives them."""
        return self.calibrate or self.coverage is not None
