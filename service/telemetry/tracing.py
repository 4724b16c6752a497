"""OpenTelemetry spans: evaluation -> run -> chat. Sent by OTLP where an endpoint is configured, else nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from llm import Call, CallOutcome
from service.telemetry import genai

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_NAME = "rehearing"


def configure_tracing(service: str = "rehearing") -> TracerProvider | None:
    """Sends spans where OTEL_EXPORTER_OTLP_ENDPOINT says; None, and no cost, where it is not set."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span around a block. An exception is recorded by its type alone: its message may quote a document."""
    tracer = trace.get_tracer(_NAME)
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute(genai.ERROR_TYPE, type(error).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise


def record_call_span(call: Call) -> None:
    """A finished model call as a span under the current one: sizes and outcome, never the messages."""
    provider, _, model = call.model.partition(":")
    attributes: dict[str, str | int | float] = {
        genai.OPERATION: "chat",
        genai.PROVIDER: provider,
        genai.REQUEST_MODEL: model or provider,
        genai.PURPOSE: str(call.purpose),
        genai.PROMPT_ID: call.prompt_id,
        genai.PROMPT_SHA256: call.prompt_sha256,
        genai.ATTEMPT: call.attempt,
        genai.CALL_KEY: call.key,
    }
    known = {
        genai.RESPONSE_MODEL: call.model_answered,
        genai.INPUT_TOKENS: call.input_tokens,
        genai.OUTPUT_TOKENS: call.output_tokens,
        genai.COST_USD: call.cost_usd,
        genai.TEMPERATURE: call.settings.get("temperature"),
        genai.OUTPUT_TOKENS_MAX: call.settings.get("output_tokens_max"),
        genai.SEED: call.settings.get("seed"),
    }
    attributes |= {name: value for name, value in known.items() if value is not None}
    start = call.started_at
    finished = start + timedelta(seconds=call.latency_s)
    recorded = trace.get_tracer(_NAME).start_span(
        f"chat {model or provider}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        start_time=int(start.timestamp() * 1e9),
    )
    if call.outcome is not CallOutcome.OK:
        recorded.set_attribute(genai.ERROR_TYPE, str(call.outcome))
        recorded.set_status(Status(StatusCode.ERROR))
    recorded.end(int(finished.timestamp() * 1e9))
