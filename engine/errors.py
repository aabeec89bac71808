"""What the engine and the spec raise.

DriftlineError
├── SpecError      the spec does not hold: which file, line, key, and what to write instead (exit 2)
├── ModelError     the model can't be built as named (exit 2)
├── StateError     a state that can't be restored: wrong version, wrong spec, damaged
└── ReplayError    a replay that does not give the committed bytes
"""

from __future__ import annotations


class DriftlineError(Exception):
    """The root; its text is one sentence for the person who has to act."""


class SpecError(DriftlineError):
    pass


class ModelError(DriftlineError):
    pass


class StateError(DriftlineError):
    pass


class ReplayError(DriftlineError):
    pass
