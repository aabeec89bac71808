"""Spans for OpenTelemetry: what they say, what they belong to, and that there are none unasked."""

from __future__ import annotations

import asyncio
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connectors import open_log
from connectors.log import Rows
from engine.spec import Spec
from streams.telemetry.tracing import Spans, exporting, spans, using
from tests.engine.cases import NOW
from tests.parts.serving import Serving
from tests.streams.keepers import Stage

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"
SPEC = {
    "pipeline": "p",
    "transport": "memory://traced",
    "events": {"id": "id", "fields": {"id": {"type": "text"}, "amount": {"type": "number"}}},
}


@pytest.fixture
def taken() -> Iterator[InMemorySpanExporter]:
    """Where the spans go."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with using(Spans(provider)):
        yield exporter


def named(taken: InMemorySpanExporter, name: str) -> ReadableSpan:
    return next(span for span in taken.get_finished_spans() if span.name == name)


def test_a_batch_and_its_commit(taken: InMemorySpanExporter) -> None:
    """Where it was taken from, and a link to the trace of an event in it."""

    async def story() -> None:
        stage = Stage()
        values: list[bytes | None] = [b'{"id": "e%d", "amount": 1}' % n for n in range(2)]
        headers = [[("traceparent", GIVEN.encode())], []]
        stage.log.append("p.events", 0, Rows([None, None], values, headers), [NOW, NOW])
        await stage.settle(await stage.keeper().opened())

    asyncio.run(story())
    batch, commit = named(taken, "batch"), named(taken, "commit")
    assert dict(batch.attributes or {}) == {
        "driftline.pipeline": "p",
        "driftline.shard": 0,
        "driftline.entry": 1,
        "driftline.records": 2,
        "driftline.first_offset.p.events": 0,
    }
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [TRACE]
    assert commit.parent is not None
    assert batch.context is not None
    assert commit.parent.span_id == batch.context.span_id
    assert (
        (batch.start_time or 0) <= (commit.start_time or 0) <= (commit.end_time or 0) <= (batch.end_time or 0)
    )


@pytest.mark.parametrize("headers", [{"traceparent": GIVEN}, {"traceparent": "00-1"}, {}])
def test_a_request_and_what_it_sends(taken: InMemorySpanExporter, headers: dict[str, str]) -> None:
    """The request belongs to the trace that it names, if it is one; what it sends, to the request."""
    with Serving(Spec.model_validate(SPEC)) as server:
        assert server.post("/v1/events", {"id": "1", "amount": 1.5}, **headers).status == 202
    span = named(taken, "POST /v1/events")
    assert span.context is not None
    assert (span.attributes or {})["http.response.status_code"] == 202
    assert (f"{span.context.trace_id:032x}" == TRACE) is (headers == {"traceparent": GIVEN})
    assert (None if span.parent is None else f"{span.parent.span_id:016x}") == (
        PARENT if headers == {"traceparent": GIVEN} else None
    )
    log = open_log("memory://traced")
    *_, record = log.read("p.events", 0, 0).records()
    sent = dict(record.headers)["traceparent"].decode()
    trace, here, flags = span.context.trace_id, span.context.span_id, span.context.trace_flags
    assert sent == f"00-{trace:032x}-{here:016x}-{flags:02x}"


def test_none_unasked() -> None:
    """Without a collector nothing is made, and nothing of it is even imported."""
    with exporting(Spec.model_validate(SPEC), "worker", {}):
        assert spans() is None
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}
    with exporting(Spec.model_validate(SPEC), "worker", off):
        assert spans() is None
    program = "import sys, streams.worker; print('opentelemetry.sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_they_go_to_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP, as OTLP, to where the environment says; the last ones before the process ends."""
    bodies: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        with exporting(Spec.model_validate(SPEC), "worker", os.environ):
            made = spans()
            assert made is not None
            made.batch(1, 2, {"driftline.pipeline": "p"}, [])
        collector.shutdown()
    assert b"driftline.pipeline" in b"".join(bodies)
    assert b"commit" in b"".join(bodies)
