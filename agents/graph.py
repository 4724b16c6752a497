"""The hearing as a LangGraph graph, compiled once per process.

    START -> judge (one per persona)                                           phase 1
          -> convene -> debate (one per table), reflect (arms without words)   phase 2
          -> adjourn -> restate (one per persona)                              phase 3
          -> conclude -> END

State is the turns so far. There is no checkpointer: calls come out of the ledger when the graph runs again.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from agents.concluding import synthesise
from agents.debating import debate
from agents.protocol import Arm
from agents.seats import Table, set_tables
from agents.session import Session, Side
from agents.speaking import judge_alone, restate, seat_of
from agents.transcript import Outcome, Phase, Turn

STEPS_MAX = 20
"""The graph takes seven steps; more is a bug."""

_JUDGED = (Outcome.DECIDED, Outcome.ABSTAINED)


class HearingState(TypedDict):
    """What has been said."""

    turns: Annotated[dict[str, Turn], operator.or_]
    """By id."""
    stopped: Annotated[dict[str, str], operator.or_]


@lru_cache(maxsize=1)
def hearing_graph() -> Any:
    """The compiled graph; run it with `ainvoke(state, context=session)`."""
    graph = StateGraph(HearingState, context_schema=Session)
    for name, node in _NODES.items():
        graph.add_node(name, node)
    graph.add_conditional_edges(START, _to_judges, ["judge"])
    graph.add_edge("judge", "convene")
    graph.add_conditional_edges("convene", _to_tables, ["debate", "reflect", "adjourn"])
    graph.add_edge("debate", "adjourn")
    graph.add_edge("reflect", "adjourn")
    graph.add_conditional_edges("adjourn", _to_restatements, ["restate", "conclude"])
    graph.add_edge("restate", "conclude")
    graph.add_edge("conclude", END)
    return graph.compile()


async def _judge(place: dict[str, Any], runtime: Runtime[Session]) -> dict[str, Any]:
    session = runtime.context
    side, seat = session.sides[place["side"]], session.by_id[place["seat"]]
    index = place["side"] * len(session.seats) + session.seats.index(seat)
    return _said([await judge_alone(session, side, seat, index)])


async def _debate(place: dict[str, Any], runtime: Runtime[Session]) -> dict[str, Any]:
    session = runtime.context
    side = session.sides[place["side"]]
    tables = _tables(session, side, place["turns"])
    table = tables[place["table"]]
    before = _before_debate(session) + place["side"] * len(session.seats) * session.protocol.turns_max
    held = await debate(
        session,
        side,
        table,
        _alone(session, side, place["turns"], table),
        index=before + place["table"] * session.protocol.turns_max,
        tokens_max=_share(session, len(tables)),
    )
    return _said(held.turns) | {"stopped": {f"{side.prefix}{table.id}": held.stopped}}


async def _restate(place: dict[str, Any], runtime: Runtime[Session]) -> dict[str, Any]:
    session, arm = runtime.context, Arm(place["arm"])
    side, seat = session.sides[place["side"]], session.by_id[place["seat"]]
    tables = _tables(session, side, place["turns"])
    table = next(table for table in tables if seat in table.seats)
    heard = _alone(session, side, place["turns"], table)
    if arm is Arm.SELF_REFLECTION:
        heard = [turn for turn in heard if seat_of(turn) == seat.id]
    if arm is Arm.DEBATE:
        heard += _debated(side, place["turns"], table.id)
        if session.protocol.cross_group:
            heard += _reports(session, side, place["turns"], [other for other in tables if other is not table])
    seats = len(session.seats)
    arms = session.protocol.arms.index(arm) * len(session.sides) + place["side"]
    index = _before_restating(session) + arms * seats + session.seats.index(seat)
    return _said([await restate(session, side, arm, seat, heard, index)])


async def _conclude(state: HearingState, runtime: Runtime[Session]) -> dict[str, Any]:
    session = runtime.context
    if not session.protocol.synthesis:
        return {}
    turns = in_order(state["turns"])
    start = _before_restating(session) + len(session.protocol.arms) * len(session.sides) * len(session.seats)
    written = [synthesise(session, arm, turns, start + place) for place, arm in enumerate(session.protocol.arms)]
    return _said(turn for turn in await asyncio.gather(*written) if turn is not None)


async def _meet(_: HearingState) -> dict[str, Any]:
    """Waits for all who were sent out before."""
    return {}


_NODES: dict[str, Any] = {
    "judge": _judge,
    "convene": _meet,
    "debate": _debate,
    "reflect": _restate,
    "adjourn": _meet,
    "restate": _restate,
    "conclude": _conclude,
}


# the edges are coroutines: LangGraph hands plain functions to a thread


async def _to_judges(_: HearingState, runtime: Runtime[Session]) -> list[Send]:
    session = runtime.context
    return [
        Send("judge", {"side": side, "seat": seat.id}) for side in range(len(session.sides)) for seat in session.seats
    ]


async def _to_tables(state: HearingState, runtime: Runtime[Session]) -> list[Send] | str:
    session = runtime.context
    arms = [arm for arm in session.protocol.arms if arm in (Arm.SELF_REFLECTION, Arm.STANCE)]
    sent = _restating("reflect", session, arms, state)
    if Arm.DEBATE in session.protocol.arms:
        sent += [
            Send("debate", {"side": number, "table": table, "turns": state["turns"]})
            for number, side in enumerate(session.sides)
            for table in range(len(_tables(session, side, state["turns"])))
        ]
    return sent or "adjourn"


async def _to_restatements(state: HearingState, runtime: Runtime[Session]) -> list[Send] | str:
    arms = [arm for arm in runtime.context.protocol.arms if arm is Arm.DEBATE]
    return _restating("restate", runtime.context, arms, state) or "conclude"


def _restating(node: str, session: Session, arms: Sequence[Arm], state: HearingState) -> list[Send]:
    return [
        Send(node, {"side": number, "arm": str(arm), "seat": seat.id, "turns": state["turns"]})
        for arm in arms
        for number, side in enumerate(session.sides)
        for table in _tables(session, side, state["turns"])
        for seat in table.seats
    ]


def _said(turns: Iterable[Turn]) -> dict[str, Any]:
    return {"turns": {turn.id: turn for turn in turns}}


def in_order(turns: Mapping[str, Turn]) -> list[Turn]:
    """The turns of a state, by index."""
    return sorted(turns.values(), key=lambda turn: turn.index)


def _tables(session: Session, side: Side, turns: Mapping[str, Turn]) -> tuple[Table, ...]:
    """The tables of those who have judged: who was lost in phase 1 has nothing to restate."""
    judged = [seat for seat in session.seats if turns[f"{side.prefix}alone/{seat.id}"].outcome in _JUDGED]
    return set_tables(judged)


def _alone(session: Session, side: Side, turns: Mapping[str, Turn], table: Table) -> list[Turn]:
    """The table's judgements of phase 1, in speaking order."""
    seats = [seat for seat in session.seats if seat in table.seats]
    return [turns[f"{side.prefix}alone/{seat.id}"] for seat in seats]


def _debated(side: Side, turns: Mapping[str, Turn], table: str) -> list[Turn]:
    mine = {
        id_: turn
        for id_, turn in turns.items()
        if turn.phase is Phase.DEBATE and turn.group_id == table and turn.order == side.order
    }
    return in_order(mine)


def _reports(session: Session, side: Side, turns: Mapping[str, Turn], tables: Sequence[Table]) -> list[Turn]:
    """The last word of every seat at the other tables."""
    said: list[Turn] = []
    for table in tables:
        spoken = _alone(session, side, turns, table) + _debated(side, turns, table.id)
        said += {seat_of(turn): turn for turn in spoken}.values()
    return said


def _before_debate(session: Session) -> int:
    return len(session.sides) * len(session.seats)


def _before_restating(session: Session) -> int:
    """Indices leave room for the longest debate, so that a turn's index does not depend on how long others talk."""
    return _before_debate(session) + len(session.sides) * len(session.seats) * session.protocol.turns_max


def _share(session: Session, tables: int) -> int | None:
    """A table's share of the run's token limit: a common purse would depend on who is faster."""
    limit = session.protocol.tokens_max
    return None if limit is None else max(1, limit // (tables * len(session.sides)))
