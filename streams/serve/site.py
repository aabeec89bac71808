"""What one serving process holds: the spec, its ways to the log, and who may come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import State

from engine.choice import model_version
from engine.decode import Decoder
from engine.shard import Shard
from engine.spec import Spec
from streams.serve.known import Knower
from streams.serve.limits import Rates
from streams.serve.models import Models
from streams.serve.publisher import Publisher
from streams.serve.snapshots import Snapshots
from streams.serve.threads import Desk
from streams.serve.tokens import Doorkeeper


@dataclass
class Site:
    """One serving process.

    Attributes
    ----------
    reader, writer, loader
        Ways to the log: for those who read, for those who append, for those who load snapshots.
    snapshots
        Shards as their newest snapshots have them, for everybody.
    models
        Those of them that predict.
    knower
        Knows entities.
    decoder
        Says of events and labels whether they fit.
    publisher
        Appends them.
    own
        What routers keep for themselves, by a name of their own.
    ending
        Whether the process is about to end; streams end then, too.
    """

    spec: Spec
    reader: Desk
    writer: Desk
    loader: Desk
    doorkeeper: Doorkeeper
    rates: Rates
    snapshots: Snapshots
    models: Models
    knower: Knower
    decoder: Decoder
    publisher: Publisher
    own: State
    ending: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, spec: Spec) -> Site:
        """The site of a spec; SpecError if its tokens can't be read."""
        timeout_s = spec.serve.timeout / 1000
        reader, writer, loader = (Desk(spec, name, timeout_s) for name in ("reader", "writer", "loader"))
        tokens = None if spec.serve.tokens is None else Path(spec.serve.tokens)
        rates = Rates(spec.serve.requests_per_minute)
        decoder, publisher = Shard(spec, 0).decoder, Publisher(spec, writer)
        snapshots = Snapshots(spec)
        models = Models(spec, loader, snapshots)
        knower = Knower(spec, loader, models)
        doorkeeper = Doorkeeper(tokens)
        return cls(
            *(spec, reader, writer, loader, doorkeeper, rates, snapshots, models, knower, decoder, publisher),
            State(),
        )

    @property
    def version(self) -> str:
        """That of the spec's model, as predictions tell it."""
        return model_version(self.spec)

    def close(self) -> None:
        self.models.close()
        for desk in (self.reader, self.writer, self.loader):
            desk.close()


def site(request: Request) -> Site:
    """The site that a request came to."""
    found: Site = request.app.state.site
    return found


Here = Annotated[Site, Depends(site)]
"""The type of a route's parameter that takes the site: `async def status(site: Here)`."""
