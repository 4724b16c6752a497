"""OpenTelemetry spans: run -> persona turn -> chat. Sent by OTLP where an endpoint is configured, else nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from llm import Call, CallOutcome, parse_spec
from service.telemetry import genai

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NAME = "rehearing"
"""Of the tracer that all of our spans come from."""


def configure_tracing(endpoint: str | None = None, service: str = "rehearing") -> TracerProvider | None:
    """Sends spans to an OTLP collector over HTTP; None, and no cost, where none is named.

    endpoint: such as `http://127.0.0.1:4318`; None leaves OTEL_EXPORTER_OTLP_ENDPOINT in force.
    """
    told = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if endpoint is None and not any(os.environ.get(name) for name in told):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(traces_endpoint(endpoint)) if endpoint else OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def traces_endpoint(endpoint: str) -> str:
    """Where a collector takes traces, from its address as the OTLP specification writes it."""
    return endpoint if endpoint.endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span around a block. An exception is recorded by its type alone: its message may quote a document."""
    tracer = trace.get_tracer(NAME)
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute(genai.ERROR_TYPE, type(error).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise


def nanoseconds(call: Call) -> tuple[int, int]:
    """When a call began and ended, since the epoch."""
    finished = call.started_at + timedelta(seconds=call.latency_s)
    return int(call.started_at.timestamp() * 1e9), int(finished.timestamp() * 1e9)


def record_call_span(call: Call, *, under: Span | None = None) -> None:
    """A finished model call as a span under another, or the current one: sizes and outcome, never the messages."""
    spec = parse_spec(call.model)
    model = spec.name or spec.provider
    attributes: dict[str, str | int | float] = {
        genai.OPERATION: "chat",
        genai.PROVIDER: spec.provider,
        genai.REQUEST_MODEL: model,
        genai.PURPOSE: str(call.purpose),
        genai.PROMPT_ID: call.prompt_id,
        genai.PROMPT_SHA256: call.prompt_sha256,
        genai.ATTEMPT: call.attempt,
        genai.CALL_KEY: call.key,
    }
    known = _server(spec.base_url) | {
        genai.RESPONSE_MODEL: call.model_answered,
        genai.INPUT_TOKENS: call.input_tokens,
        genai.OUTPUT_TOKENS: call.output_tokens,
        genai.COST_USD: call.cost_usd,
        genai.TEMPERATURE: call.settings.get("temperature"),
        genai.OUTPUT_TOKENS_MAX: call.settings.get("output_tokens_max"),
        genai.SEED: call.settings.get("seed"),
    }
    attributes |= {name: value for name, value in known.items() if value is not None}
    start_ns, end_ns = nanoseconds(call)
    recorded = trace.get_tracer(NAME).start_span(
        f"chat {model}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        context=trace.set_span_in_context(under) if under is not None else None,
        start_time=start_ns,
    )
    if call.outcome is not CallOutcome.OK:
        recorded.set_attribute(genai.ERROR_TYPE, str(call.outcome))
        recorded.set_status(Status(StatusCode.ERROR))
    recorded.end(end_ns)


def _server(base_url: str | None) -> dict[str, str | int | None]:
    """Where a server of one's own is; nothing for the provider's."""
    if base_url is None:
        return {}
    address = urlsplit(base_url)
    return {genai.SERVER_ADDRESS: address.hostname, genai.SERVER_PORT: address.port}
