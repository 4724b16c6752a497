"""The request that the present task works for."""

from __future__ import annotations

from contextvars import ContextVar

request_id_context: ContextVar[str | None] = ContextVar("rehearing_request_id", default=None)
"""None outside a request, as in a worker."""
