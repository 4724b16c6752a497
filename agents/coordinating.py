"""Who speaks next at a table, and when there is nothing left to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from agents.prompting import speakers_section, task_section
from agents.protocol import Coordinator
from agents.replies import CoordinationReply
from agents.rubric import Rubric
from agents.seats import Seat, Table
from agents.session import Session, Side
from agents.speaking import overheard, seat_of
from agents.transcript import Phase, Turn
from llm import Call, Purpose

Positions = Mapping[str, Mapping[str, float | None]]
"""By seat, by dimension."""


def positions(table: Table, heard: Sequence[Turn]) -> dict[str, dict[str, float | None]]:
    """Where each seat stands after what was heard: its last known score on each dimension."""
    stands: dict[str, dict[str, float | None]] = {seat.id: {} for seat in table.seats}
    for turn in heard:
        known = {name: score for name, score in turn.scores.items() if score is not None}
        stands[seat_of(turn)] |= known
    return stands


def spreads(rubric: Rubric, stands: Positions) -> dict[str, float]:
    """Highest minus lowest score by dimension, over the seats that have one; 0 where fewer than two have."""
    known = {part.name: _known(stands, part.name) for part in rubric.dimensions}
    return {name: max(scores) - min(scores) if len(scores) > 1 else 0.0 for name, scores in known.items()}


def stop_reason(
    session: Session, table: Table, heard: Sequence[Turn], tokens: int, tokens_max: int | None
) -> str | None:
    """Why the debate of this table is over; None while it is not. heard: the judgements alone, then the debate."""
    debate = [turn for turn in heard if turn.phase is Phase.DEBATE]
    if session.is_cancelled:
        return "cancelled"
    if len(table.seats) < 2:
        return "alone"
    if session.protocol.adaptive and (reason := _settled(session, table, heard, debate)):
        return reason
    if len(debate) >= session.protocol.turns_max:
        return "turns_max"
    if tokens_max is not None and tokens >= tokens_max:
        return "tokens_max"
    return None


async def next_speaker(
    session: Session, side: Side, table: Table, heard: Sequence[Turn], turn_id: str
) -> tuple[Seat, tuple[Call, ...]]:
    """The next speaker, and the calls that chose it (none where code chose).

    In every round each seat speaks once: whoever has not spoken in this round yet may be next.
    """
    debate = [turn for turn in heard if turn.phase is Phase.DEBATE]
    spoken = {seat_of(turn) for turn in debate[len(debate) // len(table.seats) * len(table.seats) :]}
    waiting = [seat for seat in table.seats if seat.id not in spoken]
    if len(waiting) == 1 or session.protocol.coordinator is Coordinator.ROUND_ROBIN:
        return waiting[0], ()
    if session.protocol.coordinator is Coordinator.MODEL:
        return await _chosen_by_model(session, side, waiting, table, heard, turn_id)
    return _most_unresolved(session.rubric, table, waiting, heard), ()


def _settled(session: Session, table: Table, heard: Sequence[Turn], debate: Sequence[Turn]) -> str | None:
    """Why nothing more is to be expected of this debate."""
    seats = len(table.seats)
    if max(spreads(session.rubric, positions(table, heard)).values()) <= session.protocol.spread_epsilon:
        return "agreed"
    if len(debate) >= seats and all(turn.kind == "pass" or not turn.text for turn in debate[-seats:]):
        return "passed"
    return "unchanged" if _unchanged_for_a_round(table, heard, debate) else None


def _unchanged_for_a_round(table: Table, heard: Sequence[Turn], debate: Sequence[Turn]) -> bool:
    seats = len(table.seats)
    if len(debate) < seats or len(debate) % seats:
        return False
    return positions(table, heard) == positions(table, heard[:-seats])


def _most_unresolved(rubric: Rubric, table: Table, waiting: Sequence[Seat], heard: Sequence[Turn]) -> Seat:
    """Whoever was challenged by the last turn, else the seat farthest from the median on the most contested dimension.

    Ties go to the earlier seat of the run's seeded order.
    """
    challenged = _challenged(heard)
    for seat in waiting:
        if seat.id == challenged:
            return seat
    stands = positions(table, heard)
    contested = _most_contested(rubric, stands)
    known = _known(stands, contested)
    middle = median(known) if known else 0.0

    def distance(seat: Seat) -> float:
        score = stands[seat.id].get(contested)
        return -1.0 if score is None else abs(score - middle)

    return max(waiting, key=distance)


def _challenged(heard: Sequence[Turn]) -> str | None:
    """The seat whose turn the last turn rebuts or questions."""
    last = heard[-1] if heard else None
    if last is None or last.kind not in ("rebuttal", "question"):
        return None
    return next((seat_of(turn) for turn in heard if turn.id == last.reply_to), None)


def _most_contested(rubric: Rubric, stands: Positions) -> str:
    """The dimension with the widest spread as a share of its scale; the rubric's first of equals."""
    spread = spreads(rubric, stands)
    return max(rubric.dimensions, key=lambda part: spread[part.name] / (part.high - part.low)).name


def _known(stands: Positions, name: str) -> list[float]:
    return [score for scores in stands.values() if (score := scores.get(name)) is not None]


async def _chosen_by_model(
    session: Session, side: Side, waiting: Sequence[Seat], table: Table, heard: Sequence[Turn], turn_id: str
) -> tuple[Seat, tuple[Call, ...]]:
    """A model's choice; the code's own where the model names nobody who may speak."""
    said = overheard(session, side, heard)
    names = speakers_section([seat.id for seat in waiting])
    task = task_section("coordinate", turn_id)
    prompt = side.opening.prompt("task_coordinate", said, speakers=names, task=task)
    answer = await session.ask(
        waiting[0].model, prompt, CoordinationReply, Purpose.COORDINATION, f"{turn_id}/coordinator"
    )
    calls = answer.calls if answer else ()
    chosen = answer.value.speaker if answer and answer.value else None
    seat = next((seat for seat in waiting if seat.id == chosen), None)
    return seat or _most_unresolved(session.rubric, table, waiting, heard), calls
