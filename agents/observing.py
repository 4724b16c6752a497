"""Whether personas stay in role: rated by an observer, on request and repeatedly.

Self-report stays flat while observers see the decline (arXiv 2601.22812), so the speaker is never asked. The five
questions are PersonaGym's (arXiv 2407.18416).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.drifting import Drift, steps, trend
from agents.item import Item
from agents.material import material_kind
from agents.prompting import peer_message, persona_message, prompt_file, question_sha256, task_section
from agents.protocol import DebateProtocol
from agents.rubric import Rubric
from agents.seats import take_seats
from agents.session import Session, open_session
from agents.speaking import seat_of
from agents.transcript import Transcript, Turn
from clustering import PersonaSet
from llm import AskSettings, CallLedger, MemoryLedger, Model, Purpose, RenderedPrompt

Progress = Callable[[int, int], None]
"""Told how much of how much is done."""
Grade = Literal[1, 2, 3, 4, 5]
QUESTIONS = ("expected_action", "justification", "linguistic_habits", "consistency", "toxicity_control")


class ObservationReply(BaseModel):
    """An observer's rating of one contribution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasons: Annotated[str, Field(max_length=500)]
    role: Literal[0, 1, 2, 3]
    expected_action: Grade
    justification: Grade
    linguistic_habits: Grade
    consistency: Grade
    toxicity_control: Grade


class Observation(NamedTuple):
    """The ratings of one turn: what could not be parsed is missing, never 0."""

    turn_id: str
    seat_id: str
    step: int
    """Which contribution of this seat in this arm it is, counted from 0, the judgement alone: debate turns, restated."""
    ratings: tuple[ObservationReply, ...]
    n_asked: int

    @property
    def role(self) -> float | None:
        """Mean of 0-3; None where no rating could be used."""
        return fmean(rating.role for rating in self.ratings) if self.ratings else None


class Adherence(NamedTuple):
    """How well one seat stayed in role, by one question."""

    mean: float | None
    """Over contributions, each the mean of its ratings; None where no rating could be used."""
    low: float | None
    high: float | None
    """95 % interval by Student's t over contributions, not over ratings: those of one contribution are no new
    contributions. It ends where the scale does. None below two contributions."""
    n_used: int
    n_asked: int
    """Ratings."""


async def observe(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    transcript: Transcript,
    *,
    models: Sequence[Model],
    observer: Model,
    times: int,
    repeat: int,
    seed: int,
    ledger: CallLedger | None = None,
    progress: Progress | None = None,
    settings: AskSettings | None = None,
) -> tuple[Observation, ...]:
    """Every judge's every contribution rated `times` times by the observer, who sees the persona and the words alone.

    models: those of the run, which say who sat where. repeat, seed: the run's. progress: told how many contributions of
    how many have been rated. The ratings of one turn differ in their seeds only; their spread
    is the observer's own noise. A turn without words is not rated.
    """
    seats = take_seats(persona_set.personas, models, protocol.seating)
    session = open_session(
        item, seats, rubric, protocol, repeat=repeat, seed=seed, ledger=ledger or MemoryLedger(), settings=settings
    )
    asked, done = steps(transcript), 0

    async def rated(turn: Turn, step: int) -> Observation:
        nonlocal done
        ratings = await asyncio.gather(*(_rate(session, turn, observer, draw) for draw in range(times)))
        done += 1
        if progress:
            progress(done, len(asked))
        return Observation(turn.id, seat_of(turn), step, tuple(one for one in ratings if one is not None), times)

    return tuple(await asyncio.gather(*(rated(turn, step) for turn, step in asked)))


def adherence(observations: Sequence[Observation], seat_id: str) -> dict[str, Adherence]:
    """One seat's ratings by question: `role`, 0-3, then the five of `QUESTIONS`, 1-5."""
    mine = [seen for seen in observations if seen.seat_id == seat_id]
    return {name: _adherence(name, mine) for name in ("role", *QUESTIONS)}


def _adherence(name: str, mine: Sequence[Observation]) -> Adherence:
    means = [fmean(getattr(rating, name) for rating in seen.ratings) for seen in mine if seen.ratings]
    used, asked = sum(len(seen.ratings) for seen in mine), sum(seen.n_asked for seen in mine)
    if len(means) < 2:
        return Adherence(means[0] if means else None, None, None, used, asked)
    from scipy.stats import t  # heavy

    half = float(t.ppf(0.975, len(means) - 1)) * stdev(means) / len(means) ** 0.5
    least, most = (0.0, 3.0) if name == "role" else (1.0, 5.0)
    return Adherence(fmean(means), max(least, fmean(means) - half), min(most, fmean(means) + half), used, asked)


def drift(observations: Sequence[Observation], seat_id: str) -> Drift:
    """The drift of one seat's role ratings; its onset is the first contribution rated a whole point under the first."""
    mine = [(float(seen.step), seen.role) for seen in observations if seen.seat_id == seat_id]
    return trend([(step, role) for step, role in mine if role is not None], rises=-1.0)


async def _rate(session: Session, turn: Turn, observer: Model, draw: int) -> ObservationReply | None:
    seat = session.by_id[seat_of(turn)]
    turn_id = f"observed/{draw}/{turn.id}"
    contribution = peer_message(seat.id, turn, {})[0].content  # words alone: grades would tell who won
    asked = prompt_file("task_observe").render(contribution=contribution, task=task_section("observe", turn_id))
    card = persona_message(seat.persona, session.protocol.anchor, seat.id)
    kind = material_kind(session.item)
    prompt = RenderedPrompt("observe", question_sha256("task_observe", kind), (*card, *asked))
    answer = await session.ask(observer, prompt, ObservationReply, Purpose.OBSERVATION, turn_id)
    value: ObservationReply | None = answer.value if answer else None
    return value
