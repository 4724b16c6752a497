"""Everything that is fixed while one run is heard, and the one place where a model is asked."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from agents.chance import derive_seed
from agents.item import Item, PairItem
from agents.material import Place, places
from agents.pairs import pair_rubric, swapped
from agents.prompting import Opening, persona_message
from agents.protocol import DebateProtocol
from agents.rubric import Rubric
from agents.seats import Seat, speaking_order
from agents.transcript import Turn
from clustering import AnchorKind
from llm import Answer, AskSettings, Call, CallLedger, Message, Model, Purpose, RenderedPrompt, ask

OnTurn = Callable[[Turn], Awaitable[None] | None]
OUTPUT_TOKENS_MAX = 1536
"""A reply with every text at its length limit is about 700 tokens of English; other scripts take up to twice that."""


class Side(NamedTuple):
    """The item as it is shown: a pair has two sides, one per order, everything else one."""

    order: Literal["ab", "ba"] | None
    opening: Opening
    sign: int
    """-1 where the outputs are swapped: scores are kept in the item's terms and turned round when shown."""

    @property
    def prefix(self) -> str:
        """Before the turn ids of this side."""
        return "ba/" if self.order == "ba" else ""


@dataclass(frozen=True)
class Session:
    """One run being heard."""

    item: Item
    rubric: Rubric
    """As graded: a pair's rubric is a comparison."""
    protocol: DebateProtocol
    seats: tuple[Seat, ...]
    """In speaking order."""
    repeat: int
    seed: int
    ledger: CallLedger
    on_turn: OnTurn | None = None
    cancelled: Callable[[], bool] | None = None
    settings: AskSettings = field(default_factory=AskSettings)
    """Timeouts and attempts; temperature, seed and length are set question by question."""
    calls: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    """Every call by the id of the turn that it was for; grows while the run is heard."""

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        if isinstance(self.item, PairItem):
            first, second = Opening(self.item, self.rubric), Opening(swapped(self.item), self.rubric)
            return (Side("ab", first, 1), Side("ba", second, -1))
        return (Side(None, Opening(self.item, self.rubric), 1),)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """What of the item may be quoted, in the item's terms."""
        return places(self.item)

    @cached_property
    def by_id(self) -> dict[str, Seat]:
        return {seat.id: seat for seat in self.seats}

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled is not None and self.cancelled()

    @cached_property
    def excerpts(self) -> dict[str, tuple[Place, ...]]:
        """What of each seat's persona may be quoted."""
        return {seat.id: _excerpts(seat) for seat in self.seats}

    @cached_property
    def names(self) -> dict[str, str]:
        """What each seat's persona is called by the others; nothing where personas are hidden."""
        hidden = self.protocol.anchor is AnchorKind.NONE
        return {} if hidden else {seat.id: seat.persona.name for seat in self.seats}

    @cached_property
    def cards(self) -> dict[str, tuple[Message, ...]]:
        """Each seat's persona as it is shown to its judge."""
        return {seat.id: persona_message(seat.persona, self.protocol.anchor, seat.id) for seat in self.seats}

    async def ask(
        self, model: Model, prompt: RenderedPrompt, schema: type[Any], purpose: Purpose, turn_id: str
    ) -> Answer[Any] | None:
        """The model's answer; None where the run was cancelled before it was asked.

        The request's seed is derived from the run and the turn alone, so that neither the arms that were asked for
        nor the order in which calls finish can change it.
        """
        if self.is_cancelled:
            return None
        settings = replace(
            self.settings,
            temperature=self.protocol.temperature,
            seed=derive_seed(self.seed, self.repeat, turn_id),
            output_tokens_max=OUTPUT_TOKENS_MAX,
        )
        answer = await ask(model, prompt, schema, purpose=purpose, settings=settings, ledger=self.ledger)
        self.calls[turn_id] = self.calls.get(turn_id, ()) + answer.calls
        return answer

    async def tell(self, turn: Turn) -> Turn:
        """Shows a finished turn to whoever follows the hearing."""
        if self.on_turn is not None:
            told = self.on_turn(turn)
            if inspect.isawaitable(told):
                await told
        return turn

    def again(self, **changes: Any) -> Session:
        """The same session with other settings and no calls yet."""
        return replace(self, calls={}, **changes)


def _excerpts(seat: Seat) -> tuple[Place, ...]:
    return tuple(Place(f"excerpt:{number}", part.quote) for number, part in enumerate(seat.persona.excerpts))


def open_session(
    item: Item,
    seats: Sequence[Seat],
    rubric: Rubric,
    protocol: DebateProtocol,
    *,
    repeat: int,
    seed: int,
    ledger: CallLedger,
    on_turn: OnTurn | None = None,
    cancelled: Callable[[], bool] | None = None,
    settings: AskSettings | None = None,
) -> Session:
    """A session with its rubric fitted to the item and its speaking order drawn."""
    return Session(
        item=item,
        rubric=pair_rubric(rubric) if isinstance(item, PairItem) else rubric,
        protocol=protocol,
        seats=speaking_order(seats, seed, repeat),
        repeat=repeat,
        seed=seed,
        ledger=ledger,
        on_turn=on_turn,
        cancelled=cancelled,
        settings=settings or AskSettings(),
    )
