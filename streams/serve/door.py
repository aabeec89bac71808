"""Who is let in to a route: `need("read")` among its dependencies.

Tokens come in the header `Authorization: Bearer ...` and in no other way: there are no cookies, so no other
site can use a browser that has signed in. Without tokens whoever reaches the address may do everything, a
browser among them that shows a stranger's page; so then the request must be meant for us by its Host header,
which a stranger's name that leads here is not, and come from no other site by its Origin.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from math import ceil
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.types import Scope as Asgi

from engine.errors import SpecError
from engine.specserve import Serve
from streams.serve.problems import Problem
from streams.serve.site import Site, site
from streams.serve.tokens import Scope, Token


def check(serve: Serve) -> None:
    """Off loopback there have to be tokens and TLS, unless the spec says that it may be without."""
    if serve.port is None or serve.allow_insecure or loopback(serve.host):
        return
    if serve.tokens is None:
        raise SpecError(
            f"serve.host {serve.host!r} can be reached from other machines, so serve.tokens must name a file "
            f"(driftline tokens add); or listen on 127.0.0.1, or say serve.allow_insecure: true"
        )
    if serve.tls_cert is None:
        raise SpecError(
            f"serve.host {serve.host!r} can be reached from other machines, and without TLS they would send "
            f"tokens for all to read: give serve.tls_cert and serve.tls_key; or say "
            f"serve.allow_insecure: true where a proxy brings TLS"
        )


def loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    >>> [loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def admit(here: Site, asgi: Asgi, scope: Scope | None) -> Token:
    """Whose request this is; a Problem if it may not come in."""
    token: Token = asgi.get("driftline.token") or known(here, asgi)
    if wait := here.rates.wait(token.name, token.requests_per_minute):
        allowed = token.requests_per_minute or here.rates.per_minute
        detail = f"more than {allowed:,} requests a minute (serve.requests_per_minute)"
        raise Problem(429, detail, {"Retry-After": str(ceil(wait))})
    if scope is not None and scope not in token.scopes:
        held = ", ".join(token.scopes) or "none"
        raise Problem(
            403, f"this needs the scope {scope!r}; the token {token.name!r} has {held}", scope=scope
        )
    return token


def known(here: Site, asgi: Asgi) -> Token:
    """Whose request this is, whatever it may do; a Problem if it is nobody's."""
    headers = dict(asgi["headers"])
    if here.doorkeeper.path is None:
        _meant_for_us(here.spec.serve, headers)
    token = here.doorkeeper.who(bearer(headers.get(b"authorization")))
    if token is None:
        detail = "send the header `Authorization: Bearer <token>`; `driftline tokens add` makes tokens"
        if b"authorization" in headers:
            detail = (
                "this token is not known here, or was revoked; `driftline tokens list` shows those that are"
            )
        raise Problem(401, detail, {"WWW-Authenticate": 'Bearer realm="driftline"'})
    return token


def need(scope: Scope | None) -> Any:
    """A dependency of a route or router: its token, if that has the scope; None asks for any token."""

    def admitted(request: Request) -> Token:
        return admit(site(request), request.scope, scope)

    return Depends(admitted)


Anybody = Annotated[Token, need(None)]
Reader = Annotated[Token, need("read")]
Labeller = Annotated[Token, need("label")]
Admin = Annotated[Token, need("admin")]
"""Types of a route's parameter that take the caller's token: `async def silence(caller: Admin)`."""


def bearer(header: bytes | None) -> str | None:
    """The token of a header.

    >>> bearer(b"Bearer dl_x"), bearer(b"Basic abc"), bearer(None)
    ('dl_x', None, None)
    """
    kind, _, token = (header or b"").decode("latin-1").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def _meant_for_us(serve: Serve, headers: dict[bytes, bytes]) -> None:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not _is_ours(host, (serve.host, *serve.names)):
        detail = f"{host!r} is no name of this server; call it by its address, or add the name to serve.names"
        raise Problem(403, detail)
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    crossed = headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none")
    if crossed or (origin and origin.partition("://")[2] != host):
        raise Problem(403, "a page of another site may not call a server without tokens")


def _name(host: str) -> str:
    """A Host header without its port.

    >>> _name("localhost:8000"), _name("[::1]:8000"), _name("::1")
    ('localhost', '::1', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


@lru_cache(1_000)
def _is_ours(host: str, names: tuple[str, ...]) -> bool:
    name = _name(host)
    return name == "localhost" or _address(name) is not None or name in {each.lower() for each in names}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
