"""What operators see: metrics, spans and logs. None of them ever holds a word of a document, an item or a reply."""

from service.telemetry.context import request_id_context
from service.telemetry.hearings import JobTrace, job_span, name_evaluation
from service.telemetry.ledger import MeteredLedger
from service.telemetry.logs import configure_logs
from service.telemetry.metrics import HttpMetrics, Metrics
from service.telemetry.tracing import configure_tracing, span

__all__ = [
    "HttpMetrics",
    "JobTrace",
    "MeteredLedger",
    "Metrics",
    "configure_logs",
    "configure_tracing",
    "job_span",
    "name_evaluation",
    "request_id_context",
    "span",
]
