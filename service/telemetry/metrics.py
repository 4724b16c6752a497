"""Prometheus metrics of one process; docs/metrics.md lists them for a dashboard."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from llm import Call

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class HttpMetrics:
    """Requests by route, never by path: a path holds ids, and there are too many of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "rehearing_http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "rehearing_http_request_seconds",
            "Time from request to the end of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answered request. status: 0 where the client left before an answer."""
        known = method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)


class Metrics:
    """Everything that one process counts, in a registry of its own, so that two applications never share figures."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which no dashboard reads
        self.registry = CollectorRegistry()
        self.http = HttpMetrics(self.registry)
        calls = Counter(
            "rehearing_model_calls_total",
            "Attempts at a model.",
            ("model", "purpose", "outcome"),
            registry=self.registry,
        )
        retries = Counter(
            "rehearing_model_retries_total", "Attempts after the first.", ("model", "purpose"), registry=self.registry
        )
        tokens = Counter(
            "rehearing_model_tokens_total",
            "Tokens as the provider counted them.",
            ("model", "purpose", "direction"),
            registry=self.registry,
        )
        cost = Counter(
            "rehearing_model_cost_usd_total",
            "Known cost; calls without a price are not in it.",
            ("model", "purpose"),
            registry=self.registry,
        )
        latency = Histogram(
            "rehearing_model_call_seconds",
            "Latency of one attempt.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        # its own look for the labels takes longer than counting does
        self._calls, self._retries, self._tokens = cache(calls.labels), cache(retries.labels), cache(tokens.labels)
        self._cost, self._latency = cache(cost.labels), cache(latency.labels)
        self._gauges: dict[str, Gauge] = {}

    def record_call(self, call: Call) -> None:
        """Counts one attempt at a model."""
        purpose = str(call.purpose)
        self._calls(call.model, purpose, str(call.outcome)).inc()
        if call.attempt > 1:
            self._retries(call.model, purpose).inc()
        if call.input_tokens is not None:
            self._tokens(call.model, purpose, "input").inc(call.input_tokens)
        if call.output_tokens is not None:
            self._tokens(call.model, purpose, "output").inc(call.output_tokens)
        if call.cost_usd is not None:
            self._cost(call.model, purpose).inc(call.cost_usd)
        self._latency(call.model).observe(call.latency_s)

    def set_gauge(self, name: str, help_text: str, value: float, labels: dict[str, str] | None = None) -> None:
        """Sets a figure that is read from the database when the metrics are asked for."""
        labels = labels or {}
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, help_text, tuple(sorted(labels)), registry=self.registry)
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
