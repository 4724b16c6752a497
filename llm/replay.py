"""A model that answers only from recorded calls, so that anyone can check a stored run without a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm.call import FINAL, Call, CallOutcome
from llm.errors import ReplayMissError
from llm.ledger import MemoryLedger, request_key
from llm.model import Reply, Request, Usage


class ReplayModel:
    """Stands in for the model that `spec` names.

    Ask it with `ledger=replay.ledger` to get the recorded calls themselves, attempt for attempt: what failed for good
    then fails again now. Asked anything that was not recorded, it raises `ReplayMissError`; nothing is ever sent.
    """

    context_tokens: int | None = None

    def __init__(self, spec: str, calls: Iterable[Call]) -> None:
        mine = [call for call in calls if call.model == spec]
        if not mine:
            raise ReplayMissError(f"the recording holds no call of {spec!r}")
        self.spec = spec
        self.ledger = MemoryLedger(mine)
        self._replies = {_request_of(call): call for call in mine if call.outcome in FINAL}

    @classmethod
    def each(cls, calls: Sequence[Call]) -> tuple[ReplayModel, ...]:
        """One for every model that the calls asked, in the order of their first call."""
        return tuple(cls(spec, calls) for spec in dict.fromkeys(call.model for call in calls))

    async def complete(self, request: Request) -> Reply:
        call = self._replies.get(request_key(self.spec, request))
        if call is None:
            raise ReplayMissError(
                f"the recording of {self.spec!r} holds no answer to this question, which begins "
                f"{request.messages[-1].content[:80]!r}: it was made with other input, settings or code"
            )
        usage = Usage(call.input_tokens, call.output_tokens, call.cached_tokens)
        finish = {CallOutcome.TRUNCATED: "length", CallOutcome.REFUSED: "refusal"}.get(call.outcome, "stop")
        return Reply(call.text or "", call.model_answered or self.spec, usage, finish)  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """Nothing to give back."""


def _request_of(call: Call) -> str:
    return call.key.rpartition("-")[0]
