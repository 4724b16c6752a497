"""The end of a run: final scores per arm, both orders of a pair settled, the verdict, and its synthesis in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.aggregating import FinalScore, settle
from agents.item import PairItem
from agents.pairs import position_bias, settle_orders
from agents.prompting import task_section, verdict_section
from agents.protocol import Arm
from agents.replies import SynthesisReply
from agents.seats import Seat
from agents.session import Session
from agents.speaking import overheard, seat_of
from agents.transcript import Outcome, Phase, Turn, Verdict
from llm import Purpose, spending


def verdict(session: Session, arm: Arm, turns: Sequence[Turn]) -> Verdict:
    """What one arm decided. turns: the whole run's."""
    ends = _ends(arm, turns)
    dimensions = {
        part.name: settle(part, [_final(session, seat, part.name, ends) for seat in session.seats], session.protocol)
        for part in session.rubric.dimensions
    }
    mine = [turn for turn in turns if turn.arm in (None, arm)]
    calls = [call for turn in mine for call in session.calls.get(turn.id, ())]
    calls += [call for turn in mine for call in session.calls.get(f"{turn.id}/coordinator", ())]
    spent = spending(calls)
    tokens = (spent.input_tokens, spent.output_tokens)
    return Verdict(
        arm=arm,
        dimensions=dimensions,
        synthesis=next((turn.text for turn in mine if turn.phase is Phase.SYNTHESIS and turn.arm is arm), None) or None,
        calls=len(calls),
        tokens=None if None in tokens else sum(used or 0 for used in tokens),
        cost_usd=spent.cost_usd,
        position_bias=_bias(session, ends) if isinstance(session.item, PairItem) else None,
    )


async def synthesise(session: Session, arm: Arm, turns: Sequence[Turn], index: int) -> Turn | None:
    """A model's words about the verdict that code has reached; None where no judge was left to speak of."""
    side = session.sides[0]
    last = {seat_of(turn): turn for turn in _arm_turns(arm, turns) if turn.order == side.order and turn.text}
    if not last:
        return None
    values = {name: part.value for name, part in verdict(session, arm, turns).dimensions.items()}
    said = overheard(session, side, last.values())
    turn_id, model = f"{arm}/synthesis", session.seats[0].model
    told = verdict_section(values, _both_orders(session, _ends(arm, turns)))
    prompt = side.opening.prompt("task_synthesis", said, verdict=told, task=task_section("synthesis", turn_id))
    answer = await session.ask(model, prompt, SynthesisReply, Purpose.SYNTHESIS, turn_id)
    reply = answer.value if answer else None
    turn = Turn(
        id=turn_id,
        phase=Phase.SYNTHESIS,
        arm=arm,
        index=index,
        persona_id=None,
        model=model.spec,
        kind="synthesis",
        text=reply.synthesis if reply else "",
        scores={},
        outcome=Outcome.DECIDED if reply else Outcome.FAILED,
        seen=tuple(turn.id for turn in last.values()),
        call_keys=tuple(call.key for call in answer.calls) if answer else (),
        flags=("written_by_model",),
    )
    return await session.tell(turn)


def follows_order(session: Session, turns: Sequence[Turn]) -> bool:
    """Whether any judge of a pair preferred opposite outputs in the two orders."""
    for arm in {turn.arm or Arm.PANEL for turn in turns}:
        ends = _ends(arm, turns)
        for seat in session.seats:
            for part in session.rubric.dimensions:
                first, second = (_score(ends, order, seat, part.name) for order in ("ab", "ba"))
                if first is not None and second is not None and first * second < 0:
                    return True
    return False


Ends = Mapping[tuple[str | None, str], Turn]
"""Each seat's last judgement by the order in which the item was shown."""


def _arm_turns(arm: Arm, turns: Sequence[Turn]) -> list[Turn]:
    return [turn for turn in turns if turn.persona_id is not None and turn.arm in (None, arm)]


def _ends(arm: Arm, turns: Sequence[Turn]) -> Ends:
    wanted = Phase.ALONE if arm is Arm.PANEL else Phase.RESTATED
    return {(turn.order, seat_of(turn)): turn for turn in _arm_turns(arm, turns) if turn.phase is wanted}


def _score(ends: Ends, order: str | None, seat: Seat, name: str) -> float | None:
    turn = ends.get((order, seat.id))
    return turn.scores.get(name) if turn else None


def _final(session: Session, seat: Seat, name: str, ends: Ends) -> FinalScore:
    orders = [side.order for side in session.sides]
    found = [turn for order in orders if (turn := ends.get((order, seat.id)))]
    scores = [_score(ends, order, seat, name) for order in orders]
    score = settle_orders(*scores) if len(scores) == 2 else scores[0]
    certainties = [turn.certainty for turn in found if turn.certainty is not None]
    outcomes = [turn.outcome for turn in found if turn.outcome is not Outcome.DECIDED]
    missing = Outcome.FAILED if len(found) < len(orders) else Outcome.DECIDED
    return FinalScore(seat, score, min(certainties, default=None), outcomes[0] if outcomes else missing)


def _both_orders(session: Session, ends: Ends) -> dict[str, dict[str, tuple[float | None, ...]]]:
    """Of a pair, each judge's scores of a dimension in either order, in the item's terms; empty for other items."""
    orders = [side.order for side in session.sides]
    if len(orders) < 2:
        return {}
    return {
        seat.id: {
            part.name: tuple(_score(ends, order, seat, part.name) for order in orders)
            for part in session.rubric.dimensions
        }
        for seat in session.seats
    }


def _bias(session: Session, ends: Ends) -> dict[str, float | None]:
    def scores(order: str, name: str) -> dict[str, float | None]:
        return {seat.id: _score(ends, order, seat, name) for seat in session.seats}

    names = [part.name for part in session.rubric.dimensions]
    return {name: position_bias(scores("ab", name), scores("ba", name)) for name in names}
