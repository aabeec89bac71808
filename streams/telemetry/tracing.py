"""Spans for OpenTelemetry, where somebody collects them: a batch and its commit, a request and its answer.

Off, and not even imported, unless the environment names a collector, as OpenTelemetry's own tools do:

    OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 driftline run

Its other variables hold, too: the sampler, the service's name, limits. Spans that nobody takes are dropped by
the SDK; a stream never waits for them. A span is linked to the traces of the events that it was about.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from connectors.log import Headers
from engine.spec import Spec
from engine.trace import NAME, is_valid

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, SpanContext, Tracer

log = logging.getLogger("driftline")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LINKS_MAX = 32  # traces that a span is linked to
EXTRA = "spans are not exported: install the extra `otel` (pip install 'driftline[otel]')"
ENDED_MS = 2_000  # that a process waits for its last spans at its end


class Spans:
    """Makes spans; a process has one, or none.

    Parameters
    ----------
    provider
        OpenTelemetry's, with whatever takes the spans.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer: Tracer = provider.get_tracer("driftline")

    def batch(
        self, began_ns: int, commit_ns: int, about: Mapping[str, Any], traces: Iterable[Headers]
    ) -> None:
        """A batch from its first record to its commit, once that is durable."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        ended = time.time_ns()
        span = self.tracer.start_span(
            "batch",
            kind=SpanKind.CONSUMER,
            attributes=dict(about),
            links=list(links(traces)),
            start_time=began_ns,
        )
        inner = self.tracer.start_span("commit", set_span_in_context(span), start_time=commit_ns)
        inner.end(ended)
        span.end(ended)

    @contextmanager
    def request(self, method: str, headers: Headers) -> Iterator[Any]:
        """A request, within the trace that it names, if any."""
        from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

        named = next((context(text) for name, text in headers if name == NAME and is_valid(text)), None)
        parent = None if named is None else set_span_in_context(NonRecordingSpan(named))
        span = self.tracer.start_span(method, parent, kind=SpanKind.SERVER)
        try:
            yield span
        finally:
            span.end()

    def end(self) -> None:
        """Let the last spans go out."""
        self.provider.force_flush(ENDED_MS)
        self.provider.shutdown()


_spans: list[Spans] = []  # of this process, if there are any


def spans() -> Spans | None:
    """What makes spans here; None where nobody collects them."""
    return _spans[0] if _spans else None


@contextmanager
def exporting(spec: Spec, process: str, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Export spans for as long as the `with` lasts, if the environment says where to."""
    wanted = any(environ.get(name) for name in ENDPOINTS)
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    provider = _exporter(spec, process) if wanted and not off else None
    if provider is None:
        yield
        return
    with using(Spans(provider)):
        yield


@contextmanager
def using(made: Spans) -> Iterator[None]:
    """Make spans with these, for as long as the `with` lasts."""
    _spans.append(made)
    try:
        yield
    finally:
        _spans.remove(made)
        made.end()


def _exporter(spec: Spec, process: str) -> TracerProvider | None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning(EXTRA)
        return None
    known = {"service.name": "driftline", "driftline.pipeline": spec.pipeline, "driftline.process": process}
    provider = TracerProvider(resource=Resource.create(known))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def context(traceparent: bytes) -> SpanContext:
    """A trace's place, of a `traceparent` that is valid.

    >>> hex(context(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").span_id)
    '0xb7ad6b7169203331'
    """
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace, span, flags = traceparent.decode().split("-")[:4]
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def traceparent(span: Any) -> bytes:
    """The inverse of `context`, of a span's own place."""
    place = span.get_span_context()
    return b"00-%032x-%016x-%02x" % (place.trace_id, place.span_id, place.trace_flags)


def links(traces: Iterable[Headers]) -> Iterator[Link]:
    """Links to the first few traces of these records."""
    from opentelemetry.trace import Link

    found = dict.fromkeys(text for headers in traces for name, text in headers if name == NAME)
    yield from (Link(context(text)) for text in islice(found, LINKS_MAX))
