"""The kernels of the features."""

from __future__ import annotations

from engine.features import kernels, sketches
from engine.kernels import Kernels

jit = Kernels(kernels, sketches)
