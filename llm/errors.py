"""What can go wrong with a model, by who can put it right.

LlmError
├── ModelConfigurationError   the operator: spec, key, address, package, quota
├── PromptError               us: a prompt file, its variables or a reply schema is wrong
├── UnparseableReplyError          the model: asking again may help
├── RequestRejectedError           the caller: this request can never be answered (too long, not allowed)
├── ReplayMissError                the caller: the recording does not hold this question
└── ProviderError             the provider: ask again later
    ├── RateLimitedError
    ├── ServerFaultError
    ├── TimedOutError
    └── UnreachableError
"""

from __future__ import annotations

from typing import ClassVar

from llm.call import CallOutcome


class LlmError(Exception):
    """Any failure of this package."""


class ModelConfigurationError(LlmError):
    """The model cannot be used as it is configured; asking again changes nothing."""


class PromptError(LlmError):
    """A prompt file, the variables given to it, or the schema of its reply is wrong."""


class UnparseableReplyError(LlmError):
    """The reply is not one JSON object of the asked schema. The message says where and what was found."""


class RequestRejectedError(LlmError):
    """The provider will not take this one request, such as a prompt that is too long."""


class ReplayMissError(LlmError):
    """A recording was asked something that it does not hold."""


class ProviderError(LlmError):
    """The provider failed this time; the same request may succeed later."""

    outcome: ClassVar[CallOutcome] = CallOutcome.SERVER_ERROR

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """What the provider asked us to wait; None where it did not say."""


class RateLimitedError(ProviderError):
    """Too many requests at once, or in this minute."""

    outcome = CallOutcome.RATE_LIMITED


class ServerFaultError(ProviderError):
    """The provider answered with a fault of its own."""

    outcome = CallOutcome.SERVER_ERROR


class TimedOutError(ProviderError):
    """No whole answer within the request's time."""

    outcome = CallOutcome.TIMED_OUT


class UnreachableError(ProviderError):
    """No connection, or it broke."""

    outcome = CallOutcome.UNREACHABLE
