"""The spans of one job: the run, in it the persona turns, in them the chats with the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.trace import Span

from llm import Call, Purpose, sections
from service.telemetry import genai
from service.telemetry.tracing import NAME, nanoseconds, record_call_span, span

_LOOKED_AT = 4
"""Messages from the end in which a call's task stands: after it come at most requests to mend a reply."""
_TURN_CHARACTERS = 200


@dataclass
class _Turn:
    span: Span
    ended_ns: int


@dataclass
class JobTrace:
    """Puts each call's span under the span of its turn. A turn ends with its last call."""

    recording: bool = True
    """False where nobody takes the spans: to find a call's turn costs more than to count it."""
    _turns: dict[str, _Turn] = field(default_factory=dict)

    def record(self, call: Call) -> None:
        """Adds a finished call."""
        if not self.recording:
            return
        turn_id = turn_of(call)
        if turn_id is None:
            record_call_span(call)
            return
        start_ns, end_ns = nanoseconds(call)
        turn = self._turns.get(turn_id)
        if turn is None:
            attributes = {genai.TURN_ID: turn_id, genai.PURPOSE: str(call.purpose)}
            started = trace.get_tracer(NAME).start_span("persona turn", attributes=attributes, start_time=start_ns)
            turn = self._turns[turn_id] = _Turn(started, end_ns)
        turn.ended_ns = max(turn.ended_ns, end_ns)
        record_call_span(call, under=turn.span)

    def end(self) -> None:
        """Ends every turn at the end of its last call."""
        for turn in self._turns.values():
            turn.span.end(turn.ended_ns)
        self._turns.clear()


@contextmanager
def job_span(kind: str, subject_id: str) -> Iterator[JobTrace]:
    """A span around work on a job; the calls of its ledger go into the trace that it gives.

    subject_id: of the run, batch, probe or persona set that it is about.
    """
    with span(f"job {kind}", **{genai.JOB_KIND: kind, genai.JOB_ID: subject_id}):
        traced = JobTrace(recording=trace.get_current_span().is_recording())
        try:
            yield traced
        finally:
            traced.end()


def name_evaluation(evaluation_id: str, run_id: str, repeat: int) -> None:
    """Says on the span of a run's job which evaluation it is part of, so that all of its runs are found."""
    told: dict[str, str | int] = {genai.EVALUATION_ID: evaluation_id, genai.RUN_ID: run_id, genai.REPEAT: repeat}
    trace.get_current_span().set_attributes(told)


def turn_of(call: Call) -> str | None:
    """The id of the turn that a call was asked for, out of its task section; None where it has none."""
    if call.purpose is Purpose.EXTRACTION:
        return None
    for message in reversed(call.messages[-_LOOKED_AT:]):
        for section in reversed(sections([message.get("content", "")])):
            if section.kind == "task":
                turn = json.loads(section.text).get("turn")
                return str(turn)[:_TURN_CHARACTERS] if turn else None
    return None
