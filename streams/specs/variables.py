"""`${...}` in a text: variables, their defaults, and secrets from files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FILE_BYTES_MAX = 1 << 20  # secrets are short, recorded references are not

_DOLLAR = re.compile(r"\$\$|\$\{([^}]*)\}?")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def substituted(text: str, folder: Path, environ: Mapping[str, str]) -> tuple[str, bool]:
    """Fill in `${...}`; and whether the whole text was one variable.

    >>> substituted("kafka://${HOST:-localhost}:9092 costs 5$$", Path(), {})
    ('kafka://localhost:9092 costs 5$', False)
    >>> substituted("${PORT}", Path(), {"PORT": "9000"})
    ('9000', True)
    """

    def fill(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return _value(found[0], folder, environ)

    whole = _DOLLAR.fullmatch(text)
    from_variable = whole is not None and whole[1] is not None and not whole[1].startswith("file:")
    return _DOLLAR.sub(fill, text), from_variable


def _value(written: str, folder: Path, environ: Mapping[str, str]) -> str:
    inner = written[2:-1]
    found = _VARIABLE.fullmatch(inner)
    if written.endswith("}") and inner.startswith("file:"):
        return _content(folder / inner.removeprefix("file:"))
    if not written.endswith("}") or found is None:
        raise ValueError(f"{written} is not ${{NAME}}, ${{NAME:-default}} or ${{file:path}}; a plain $ is $$")
    name, default = found[1], found[2]
    value = environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise ValueError(f"the variable {name} is not set; set it, or give a default: ${{{name}:-default}}")
    return value


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise ValueError(f"{path} is longer than {FILE_BYTES_MAX:,} bytes")
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
