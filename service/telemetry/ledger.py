"""A call ledger that also counts: the one place through which every model call passes."""

from __future__ import annotations

from llm import Call, CallLedger
from service.telemetry.hearings import JobTrace
from service.telemetry.metrics import Metrics


class MeteredLedger:
    """Passes calls on to `inner`; each new one is counted and becomes a span in `traced`, without its text."""

    def __init__(self, inner: CallLedger, metrics: Metrics, traced: JobTrace | None = None) -> None:
        self._inner = inner
        self._metrics = metrics
        self._traced = traced or JobTrace()

    async def find(self, key: str) -> Call | None:
        return await self._inner.find(key)

    async def record(self, call: Call) -> None:
        await self._inner.record(call)
        self._metrics.record_call(call)
        self._traced.record(call)
