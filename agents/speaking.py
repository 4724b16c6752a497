"""The three ways a judge speaks: alone, in a debate, and once more at the end. Each gives one turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agents.material import Place
from agents.noticing import (
    Scores,
    cause_of_change,
    changed,
    contradictions,
    is_capitulation,
    is_repetition,
    verified,
)
from agents.prompting import own_message, peer_message, stance_message, task_section
from agents.protocol import Arm
from agents.quoting import verify_quote
from agents.replies import judgement_reply, restated_reply, speech_reply
from agents.seats import Seat
from agents.session import Session, Side
from agents.transcript import Evidence, Outcome, Phase, Turn
from llm import Answer, CallOutcome, Message, Purpose, RenderedPrompt

_OUTCOMES = {CallOutcome.UNPARSEABLE: Outcome.UNPARSEABLE, CallOutcome.TRUNCATED: Outcome.UNPARSEABLE}


async def judge_alone(session: Session, side: Side, seat: Seat, index: int) -> Turn:
    """Phase 1. Its question depends on nothing but the item, the rubric, the persona and the run's seed."""
    turn_id = f"{side.prefix}alone/{seat.id}"
    said = session.cards[seat.id]
    prompt = side.opening.prompt("task_alone", said, task=task_section("alone", turn_id))
    answer = await session.ask(seat.model, prompt, judgement_reply(session.rubric), Purpose.JUDGING, turn_id)
    place = {"id": turn_id, "phase": Phase.ALONE, "arm": None, "index": index, "kind": "judgement"}
    return await session.tell(_turn(session, side, seat, answer, place, heard=()))


async def speak(
    session: Session,
    side: Side,
    seat: Seat,
    heard: Sequence[Turn],
    *,
    turn_id: str,
    round: int,
    table: str,
    index: int,
    coordination_keys: tuple[str, ...] = (),
) -> Turn:
    """Phase 2: one contribution at a table, having heard everything that was said there."""
    prompt = side.opening.prompt(
        "task_speak", said_so_far(session, side, seat, heard), task=task_section("debate", turn_id)
    )
    answer = await session.ask(seat.model, prompt, speech_reply(session.rubric), Purpose.DEBATING, turn_id)
    place = {
        "id": turn_id,
        "phase": Phase.DEBATE,
        "arm": Arm.DEBATE,
        "index": index,
        "kind": "claim",
        "round": round,
        "group_id": table,
        "coordination_keys": coordination_keys,
    }
    return await session.tell(_turn(session, side, seat, answer, place, heard=heard))


async def restate(session: Session, side: Side, arm: Arm, seat: Seat, heard: Sequence[Turn], index: int) -> Turn:
    """Phase 3: the persona's last judgement, having seen what its arm lets it see."""
    turn_id = f"{side.prefix}{arm}/restated/{seat.id}"
    if arm is Arm.STANCE:
        heard = [turn if seat_of(turn) == seat.id else _without_words(turn) for turn in heard]
    prompt = restating_prompt(session, side, arm, seat, heard, turn_id)
    answer = await session.ask(seat.model, prompt, restated_reply(session.rubric), Purpose.RESTATING, turn_id)
    place = {"id": turn_id, "phase": Phase.RESTATED, "arm": arm, "index": index, "kind": "restatement"}
    return await session.tell(_turn(session, side, seat, answer, place, heard=heard))


def restating_prompt(
    session: Session, side: Side, arm: Arm, seat: Seat, heard: Sequence[Turn], turn_id: str
) -> RenderedPrompt:
    """The question of phase 3."""
    said = said_so_far(session, side, seat, heard, stances_only=arm is Arm.STANCE)
    return side.opening.prompt("task_restate", said, task=task_section("restated", turn_id))


def said_so_far(
    session: Session, side: Side, seat: Seat, heard: Sequence[Turn], *, stances_only: bool = False
) -> tuple[Message, ...]:
    """The persona's card, then every contribution in its order, each a message of its own."""
    messages = session.cards[seat.id]
    for turn in heard:
        scores, name = shown_scores(side, turn.scores), seat_of(turn)
        if name == seat.id:
            messages += own_message(turn, scores)
        elif stances_only:
            messages += stance_message(name, scores)
        else:
            messages += peer_message(name, turn, scores, session.names.get(name, ""))
    return messages


def overheard(session: Session, side: Side, turns: Iterable[Turn]) -> tuple[Message, ...]:
    """Contributions as somebody without a persona hears them: a coordinator, or a clerk."""
    return tuple(
        message
        for turn in turns
        for message in peer_message(
            seat_of(turn), turn, shown_scores(side, turn.scores), session.names.get(seat_of(turn), "")
        )
    )


def shown_scores(side: Side, scores: Scores) -> dict[str, float | None]:
    """Scores as they read on this side: the same function turns them back."""
    return {name: None if score is None else side.sign * score + 0.0 for name, score in scores.items()}


def _without_words(turn: Turn) -> Turn:
    return turn.model_copy(update={"text": "", "evidence": ()})


def seat_of(turn: Turn) -> str:
    """Whose turn it is: its seat's id."""
    return turn.seat_id or turn.persona_id or ""


def _turn(
    session: Session, side: Side, seat: Seat, answer: Answer[Any] | None, place: dict[str, Any], heard: Sequence[Turn]
) -> Turn:
    known = {
        "model": seat.model.spec,
        "persona_id": seat.persona.id,
        "seat_id": seat.id,
        "order": side.order,
        "seen": tuple(turn.id for turn in heard),
        "call_keys": tuple(call.key for call in answer.calls) if answer else (),
    }
    if answer is None or answer.value is None:
        outcome = _OUTCOMES.get(answer.outcome, Outcome.FAILED) if answer else Outcome.FAILED
        scores: dict[str, float | None] = {dimension.name: None for dimension in session.rubric.dimensions}
        flags = ("cancelled",) if answer is None else (f"call_{answer.outcome}",)
        return Turn(**place, **known, text="", scores=scores, outcome=outcome, flags=flags)
    return Turn(**(place | known | _said(session, side, seat, answer.value, place, heard)))


def _said(
    session: Session, side: Side, seat: Seat, reply: Any, place: dict[str, Any], heard: Sequence[Turn]
) -> dict[str, Any]:
    """What a reply adds to its turn."""
    text = reply.argument if place["phase"] is Phase.DEBATE else reply.reasoning
    abstains = getattr(reply, "abstain", False)
    grades = {name: None if abstains else grade for name, grade in reply.scores.model_dump().items()}
    scores = shown_scores(side, grades)
    evidence = _evidence(session, seat, reply, heard)
    said: dict[str, Any] = {
        "text": _with_reason(text, reply),
        "evidence": evidence,
        "scores": scores,
        "certainty": reply.certainty,
        "outcome": Outcome.DECIDED if any(score is not None for score in scores.values()) else Outcome.ABSTAINED,
        "flags": _flags(session, side, seat, text, scores, evidence, heard, place["phase"]),
    }
    if place["phase"] is Phase.DEBATE:
        reply_to = reply.reply_to if any(turn.id == reply.reply_to for turn in heard) else None
        said |= {"kind": reply.kind, "reply_to": reply_to}
    if place["phase"] is not Phase.ALONE:
        before, since = _last_own(seat, heard), _since_last_own(seat, heard)
        said["changed_because"] = cause_of_change(
            reply.changed_because, before, scores, own=verified(evidence), heard=since, known=_known(seat, heard)
        )
    return said


def _with_reason(text: str, reply: Any) -> str:
    reason = getattr(reply, "abstain_reason", None) if getattr(reply, "abstain", False) else None
    return f"{text} Abstains: {reason}" if reason else text


def _evidence(session: Session, seat: Seat, reply: Any, heard: Sequence[Turn]) -> tuple[Evidence, ...]:
    said = [Place(f"turn:{turn.id}", turn.text) for turn in heard]
    where = (*session.places, *session.excerpts[seat.id], *said)
    return tuple(verify_quote(part.quote, part.claimed_from, where) for part in reply.evidence if part.quote.strip())


def _flags(
    session: Session,
    side: Side,
    seat: Seat,
    text: str,
    scores: Scores,
    evidence: tuple[Evidence, ...],
    heard: Sequence[Turn],
    phase: Phase,
) -> tuple[str, ...]:
    before = _last_own(seat, heard)
    others = [turn for turn in heard if seat_of(turn) != seat.id]
    stood = before.scores if before else None
    shown_before = shown_scores(side, stood) if stood else None
    flags = []
    if contradictions(text, shown_before, shown_scores(side, scores), session.rubric):
        flags.append("contradiction")
    peers = list({seat_of(turn): turn.scores for turn in others}.values())
    own, known = verified(evidence), _known(seat, heard)
    if is_capitulation(before, scores, own=own, heard=_since_last_own(seat, heard), known=known, peers=peers):
        flags.append("capitulation")
    if phase is Phase.DEBATE and is_repetition(text, heard):
        flags.append("repetition")
    if changed(stood, scores) and not others:
        flags.append("spontaneous_change")
    return tuple(flags)


def _last_own(seat: Seat, heard: Sequence[Turn]) -> Turn | None:
    return next((turn for turn in reversed(heard) if seat_of(turn) == seat.id), None)


def _since_last_own(seat: Seat, heard: Sequence[Turn]) -> list[Turn]:
    """What peers said that this persona has not yet answered: in the first answer, their judgements too."""
    own = [place for place, turn in enumerate(heard) if seat_of(turn) == seat.id]
    start = own[-1] + 1 if len(own) > 1 else 0
    return [turn for turn in heard[start:] if seat_of(turn) != seat.id]


def _known(seat: Seat, heard: Sequence[Turn]) -> set[str]:
    """The verified quotes that it had before it last spoke."""
    own = [place for place, turn in enumerate(heard) if seat_of(turn) == seat.id]
    end = own[-1] if len(own) > 1 else 0
    mine = {quote for place in own for quote in verified(heard[place].evidence)}
    return mine | {quote for turn in heard[:end] for quote in verified(turn.evidence)}
