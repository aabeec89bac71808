"""The URL of a log: which kind, where, and its options."""

from __future__ import annotations

import difflib
from urllib.parse import parse_qsl

from connectors.log import Misfit

OPTIONS = {
    "sqlite": ("sync", "size_max", "lease_ms", "poll_ms"),
    "memory": ("lease_ms", "poll_ms"),
    "kafka": (),
}

SIZES = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "b": 1}


def split_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Return the scheme, what lies behind it, and the options.

    `sqlite:///relative.db` and `sqlite:////absolute.db` name a file, `kafka://host:port,host:port`
    brokers, `memory://name` a log in this process.

    >>> split_url("sqlite:////var/lib/driftline.db?sync=normal&lease_ms=500")
    ('sqlite', '/var/lib/driftline.db', {'sync': 'normal', 'lease_ms': '500'})
    >>> split_url("kafka://one:9092,two:9092")
    ('kafka', 'one:9092,two:9092', {})
    """
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in OPTIONS:
        raise Misfit(f"{url!r} is no log: write sqlite:///path, kafka://host:port,host:port or memory://name")
    rest, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS[scheme]:
            raise Misfit(_unknown(scheme, name))
    return scheme, _place(scheme, rest, url), options


def size(text: str) -> int:
    """Read a number of bytes.

    >>> size("1500000"), size("2GB")
    (1500000, 2147483648)
    """
    number, factor = text.strip().lower(), 1
    for unit in SIZES:
        if number.endswith(unit):
            number, factor = number[: -len(unit)], SIZES[unit]
            break
    if not number.strip().isdecimal():
        raise Misfit(f"{text!r} is no size: write a number of bytes, or one with KB, MB, GB or TB")
    return int(number) * factor


def _place(scheme: str, rest: str, url: str) -> str:
    if scheme == "sqlite":
        if not rest.startswith("/") or rest == "/":
            raise Misfit(f"{url!r} names no file: write sqlite:///relative.db or sqlite:////absolute.db")
        return rest[1:]
    if not rest.strip("/"):
        example = "memory://name" if scheme == "memory" else "kafka://host:port,host:port"
        raise Misfit(f"{url!r} names nothing: write {example}")
    return rest.rstrip("/")


def _unknown(scheme: str, name: str) -> str:
    known = OPTIONS[scheme]
    if not known:
        return f"{scheme}:// has no options, so not {name!r}: connection settings are written in the spec"
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{scheme}:// has no option {name!r}, there are {', '.join(known)}{hint}"
