"""From a provider's HTTP status to one of our errors: the same for every adapter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from llm.errors import (
    LlmError,
    ModelConfigurationError,
    RateLimitedError,
    RequestRejectedError,
    ServerFaultError,
    TimedOutError,
)

_SHOWN_CHARACTERS = 300


def fault(status: int, message: str, headers: Mapping[str, str], *, spec: str, code: str | None = None) -> LlmError:
    """The error that a refused request stands for; `message` and `code` are the provider's words."""
    told = f"{spec} answered {status}: {message[:_SHOWN_CHARACTERS]}"
    wait = retry_after_s(headers)
    if status in (401, 403):
        return ModelConfigurationError(f"{told}. Check the API key that is set for this provider.")
    if status == 404 or (status == 400 and _no_such_model(message, code)):
        return ModelConfigurationError(f"{told}. Check the model's name and the base URL.")
    if status == 402 or code == "insufficient_quota":
        return ModelConfigurationError(f"{told}. The account has nothing left to spend.")
    if status == 429:
        return RateLimitedError(told, retry_after_s=wait)
    if status == 408:
        return TimedOutError(told, retry_after_s=wait)
    if status in (409, 425) or status >= 500:
        return ServerFaultError(told, retry_after_s=wait)
    return RequestRejectedError(told)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait; None where it does not say, or not in a form that is defined.

    `Retry-After` is seconds or an HTTP date (RFC 9110, 10.2.3), which is read against the answer's own `Date`, so
    that a wrong clock here does no harm. `retry-after-ms` is some providers' finer one.
    """
    finer, plain = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if finer is not None:
            return max(0.0, float(finer) / 1000)
        return None if plain is None else max(0.0, float(plain))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(plain or "")
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _no_such_model(message: str, code: str | None) -> bool:
    text = message.lower()
    return code == "model_not_found" or ("model" in text and ("not found" in text or "does not exist" in text))
