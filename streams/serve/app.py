"""The FastAPI app of a pipeline: routers, errors, limits."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from engine.spec import Spec
from streams.serve import described, door, health, oip, page, predict, problems, publish, views
from streams.serve.counts import Counts
from streams.serve.gate import Gate
from streams.serve.site import Site
from streams.serve.traced import Traced
from streams.telemetry.tracing import spans


def make_app(spec: Spec) -> FastAPI:
    """The app; it opens the log when it is first asked for something.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    app = FastAPI(
        title=f"Driftline: {spec.pipeline}",
        description=described.TEXT,
        version=version("driftline"),
        docs_url=None,  # it would load its scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # `health` serves it, to those who may read
        responses=described.answers(),
    )
    app.state.site, app.state.counts = Site.of(spec), Counts(spec.pipeline)
    app.state.counts.gauges["model_age_seconds"] = app.state.site.models.age_s
    problems.install(app)
    for router in (predict.router, publish.router, oip.router, health.router, *views.ROUTERS, page.router):
        app.include_router(router)
    return app


def gated(app: FastAPI) -> ASGIApp:
    """The app within the limits of its spec: what a server runs."""
    site: Site = app.state.site
    direct = {"/v1/predict": partial(predict.answer, site)}
    gate = Gate(app, app.state.counts, site.spec.serve, partial(door.known, site), direct)
    return gate if spans() is None else Traced(gate)
