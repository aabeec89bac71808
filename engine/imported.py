"""What a spec names as `module:name`."""

from __future__ import annotations

import importlib
from typing import Any

from engine.errors import DriftlineError


def imported(use: str, place: str, error: type[DriftlineError]) -> Any:
    """What stands under that name; raise the error, with the place in the spec, if there is none.

    >>> imported("math:sqrt", "model.use", DriftlineError)(4)
    2.0
    """
    module, _, name = use.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as exc:
        raise error(f"{place}: can't import {module!r}: {exc}") from exc
    except AttributeError:
        raise error(f"{place}: the module {module!r} has no {name!r}") from None
