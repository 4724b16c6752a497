"""The commitment test: a frozen transcript judged again and again, to see when its verdict is settled.

A judge is a distribution over answers, of which a transcript shows one draw (Shanahan et al., arXiv 2305.16367). How
sharp that distribution is after turn t is measured by drawing from it n times.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from math import floor, log2
from typing import NamedTuple

from agents.aggregating import FinalScore, settle
from agents.chance import derive_seed
from agents.item import Item, PairItem
from agents.pairs import settle_orders
from agents.protocol import Arm, DebateProtocol
from agents.rubric import Rubric
from agents.seats import Seat, set_tables, take_seats
from agents.session import Session, Side, open_session
from agents.speaking import restate, seat_of
from agents.transcript import DimensionVerdict, Outcome, Phase, Transcript, Turn
from clustering import PersonaSet
from llm import AskSettings, CallLedger, MemoryLedger, Model

Ends = dict[tuple[str | None, str], Turn | None]
"""Each seat's restatement by the order in which the item was shown."""


class Commitment(NamedTuple):
    """How settled one dimension's verdict is after a number of debate turns."""

    after: int
    """Turns of the debate that the judges had heard, at most, at each table."""
    n_used: int
    n_asked: int
    modal_share: float | None
    """Share of the most frequent verdict, rounded to the nearest grade; None where none was decided."""
    entropy: float | None
    """Of the rounded verdicts, in bits: 0 where all agree."""
    values: tuple[float | None, ...]


async def rejudge(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    transcript: Transcript,
    *,
    models: Sequence[Model],
    after: int,
    times: int,
    repeat: int,
    seed: int,
    ledger: CallLedger | None = None,
    settings: AskSettings | None = None,
) -> tuple[dict[str, DimensionVerdict], ...]:
    """`times` fresh verdicts by dimension, each restated from the transcript as it stood after a debate turn.

    after: turns of each table's debate that are kept; 0 is what was said alone. repeat, seed: the run's own: with them the peers
    stand in the order in which the run heard them. The draws differ in their seeds only.
    Models must be able to give different answers to one question: at temperature 0 there is nothing to draw.
    """
    seats = take_seats(persona_set.personas, models, protocol.seating)
    session = open_session(
        item, seats, rubric, protocol, repeat=repeat, seed=seed, ledger=ledger or MemoryLedger(), settings=settings
    )
    draws = [session.again(seed=derive_seed(seed, "rejudge", after, draw)) for draw in range(times)]
    return tuple(await asyncio.gather(*(_draw(draw, session.seats, transcript, after) for draw in draws)))


async def commitment(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    transcript: Transcript,
    *,
    models: Sequence[Model],
    times: int,
    repeat: int,
    seed: int,
    ledger: CallLedger | None = None,
    progress: Callable[[int, int], None] | None = None,
    settings: AskSettings | None = None,
) -> dict[str, tuple[Commitment, ...]]:
    """By dimension: how settled the verdict is before the debate and after each of its turns.

    progress: told how many numbers of turns, of how many, have been asked after.
    """
    longest = Counter((turn.order, turn.group_id) for turn in transcript.turns if turn.phase is Phase.DEBATE)
    found: dict[str, list[Commitment]] = {part.name: [] for part in rubric.dimensions}
    points = max(longest.values(), default=0) + 1
    for after in range(points):
        drawn = await rejudge(
            item,
            persona_set,
            rubric,
            protocol,
            transcript,
            models=models,
            after=after,
            times=times,
            repeat=repeat,
            seed=seed,
            ledger=ledger,
            settings=settings,
        )
        for name, known in found.items():
            known.append(measure_commitment(after, [draw[name].value for draw in drawn]))
        if progress:
            progress(after + 1, points)
    return {name: tuple(known) for name, known in found.items()}


def measure_commitment(after: int, values: Sequence[float | None]) -> Commitment:
    """Modal share and entropy of repeated verdicts. Halves round up, so that a tie between grades is one grade."""
    counts = Counter(floor(value + 0.5) for value in values if value is not None)
    used = counts.total()
    shares = [count / used for count in counts.values()]
    return Commitment(
        after=after,
        n_used=used,
        n_asked=len(values),
        modal_share=max(shares, default=None),
        entropy=-sum(share * log2(share) for share in shares) + 0.0 if shares else None,
        values=tuple(values),
    )


async def _draw(
    session: Session, seats: Sequence[Seat], transcript: Transcript, after: int
) -> dict[str, DimensionVerdict]:
    places = [(side, seat) for side in session.sides for seat in seats]
    turns = await asyncio.gather(*(_restated(session, side, seat, transcript, after) for side, seat in places))
    ends: Ends = {(side.order, seat.id): turn for (side, seat), turn in zip(places, turns, strict=True)}
    return {
        part.name: settle(part, [_final(session, seat, part.name, ends) for seat in seats], session.protocol)
        for part in session.rubric.dimensions
    }


async def _restated(session: Session, side: Side, seat: Seat, transcript: Transcript, after: int) -> Turn | None:
    """One persona's fresh verdict; None for one that was lost in phase 1."""
    mine = [turn for turn in transcript.turns if turn.order == side.order]
    alone = {seat_of(turn): turn for turn in mine if turn.phase is Phase.ALONE and turn.text}
    judged = [other for other in session.seats if other.id in alone]
    table = next((table for table in set_tables(judged) if seat in table.seats), None)
    if table is None:
        return None
    heard = [alone[other.id] for other in session.seats if other in table.seats]
    heard += [turn for turn in mine if turn.phase is Phase.DEBATE and turn.group_id == table.id][:after]
    return await restate(session, side, Arm.DEBATE, seat, heard, index=0)


def _final(session: Session, seat: Seat, name: str, ends: Ends) -> FinalScore:
    found = [ends[side.order, seat.id] for side in session.sides]
    scores = [turn.scores.get(name) if turn else None for turn in found]
    score = settle_orders(*scores) if isinstance(session.item, PairItem) else scores[0]
    first = found[0]
    return FinalScore(seat, score, first.certainty if first else None, first.outcome if first else Outcome.FAILED)
