"""One table's debate: speak until there is a reason to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agents.coordinating import next_speaker, stop_reason
from agents.seats import Table
from agents.session import Session, Side
from agents.speaking import speak
from agents.transcript import Turn


class Debate(NamedTuple):
    """What was said at one table, and why it stopped."""

    turns: tuple[Turn, ...]
    stopped: str


async def debate(
    session: Session, side: Side, table: Table, alone: Sequence[Turn], *, index: int, tokens_max: int | None
) -> Debate:
    """Holds the debate of one table.

    alone: the judgements of its seats, in speaking order. Everybody hears them and everything said at the table, and
    nothing else: so tables may debate in parallel, in any order, and say the same.
    """
    heard = list(alone)
    said: list[Turn] = []
    tokens = 0
    while (reason := stop_reason(session, table, heard, tokens, tokens_max)) is None:
        turn_id = f"{side.prefix}debate/{table.id}/{len(said) + 1}"
        seat, coordination = await next_speaker(session, side, table, heard, turn_id)
        turn = await speak(
            session,
            side,
            seat,
            heard,
            turn_id=turn_id,
            round=len(said) // len(table.seats) + 1,
            table=table.id,
            index=index + len(said),
            coordination_keys=tuple(call.key for call in coordination),
        )
        tokens += sum(call.output_tokens or 0 for call in session.calls.get(turn_id, ()))
        said.append(turn)
        heard.append(turn)
    return Debate(tuple(said), reason)
