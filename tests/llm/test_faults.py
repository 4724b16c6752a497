"""Statuses and headers of providers, told apart by who can put them right."""

from __future__ import annotations

import pytest

from llm import ModelConfigurationError, RateLimitedError, RequestRejectedError, ServerFaultError, TimedOutError
from llm.faults import fault, retry_after_s

DATE = "Tue, 24 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Tue, 24 Nov 2026 10:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Tue, 24 Nov 2026 09:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 24 Nov 2020 09:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("status", "message", "code", "kind"),
    [
        (401, "wrong key", None, ModelConfigurationError),
        (403, "not yours", None, ModelConfigurationError),
        (404, "nothing here", None, ModelConfigurationError),
        (400, "The model `x` does not exist", None, ModelConfigurationError),
        (402, "pay", None, ModelConfigurationError),
        (429, "no credit", "insufficient_quota", ModelConfigurationError),
        (429, "slow down", None, RateLimitedError),
        (400, "maximum context length is 4096 tokens", "context_length_exceeded", RequestRejectedError),
        (413, "too large", None, RequestRejectedError),
        (408, "late", None, TimedOutError),
        (409, "conflict", None, ServerFaultError),
        (500, "crash", None, ServerFaultError),
        (503, "busy", None, ServerFaultError),
        (529, "overloaded", None, ServerFaultError),
    ],
)
def test_each_status_has_its_error(status, message, code, kind):
    error = fault(status, message, {"retry-after": "2"}, spec="openai:x", code=code)
    assert type(error) is kind
    assert str(status) in str(error)
    assert message in str(error)


def test_a_wait_is_kept():
    assert fault(429, "slow", {"retry-after": "2"}, spec="openai:x").retry_after_s == 2.0
    assert fault(503, "busy", {"retry-after": "3"}, spec="openai:x").retry_after_s == 3.0
