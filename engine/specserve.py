"""The part of the spec that says how the API and the live page are served."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.duration import Duration
from engine.specparts import Count, Part, Port


class Serve(Part):
    host: str = "127.0.0.1"
    """The address to listen on. Off loopback tokens or TLS are needed."""
    port: Port | None = 8000
    """Where the API and the page answer. 0: any free port, null: nowhere."""
    names: tuple[str, ...] = ()
    """Names, besides localhost and addresses, by which browsers may call a server without tokens."""
    tokens: str | None = None
    """The file of those who may come in; `driftline tokens add` writes it. Without one everybody may who
    reaches the address."""
    tls_cert: str | None = None
    """The file of the certificate, with its chain, for HTTPS."""
    tls_key: str | None = None
    """The file of its private key."""
    allow_insecure: bool = False
    """Listen off loopback even without tokens or without TLS, because something before it sees to that."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1 << 53)] = 300_000
    """What one token may ask for, of one process; beyond that the answer is 429. Without tokens: everybody
    together."""
    body_bytes_max: Count = 8_000_000
    """A longer request is refused."""
    batch_max: Count = 10_000
    """Events or labels that one request may bring."""
    connections_max: Count = 1_000
    """Connections that are open at once; one more is turned away."""
    timeout: Duration = 10_000
    """A request that takes longer, to arrive or to be answered, is given up."""

    @model_validator(mode="after")
    def key_goes_with_certificate(self) -> Serve:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        return self
