"""Who sits where: personas and their models, the seeded order of speaking, the tables at which they debate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.chance import derive_seed
from agents.protocol import Seating
from clustering import Persona
from llm import Model

CROSS_GROUP_TABLE = "cross-group"


class Seat(NamedTuple):
    """One judge: a persona played by a model."""

    id: str
    """The persona's id; `PERSONA@1` where every persona is played by several models."""
    persona: Persona
    model: Model


class Table(NamedTuple):
    """Seats that debate with each other."""

    id: str
    seats: tuple[Seat, ...]


def take_seats(personas: Sequence[Persona], models: Sequence[Model], seating: Seating) -> tuple[Seat, ...]:
    """One seat per persona, models in turn; or one per persona and model."""
    if seating is Seating.IN_TURN or len(models) == 1:
        return tuple(Seat(p.id, p, models[place % len(models)]) for place, p in enumerate(personas))
    return tuple(Seat(f"{p.id}@{number}", p, model) for p in personas for number, model in enumerate(models))


def speaking_order(seats: Iterable[Seat], seed: int, repeat: int) -> tuple[Seat, ...]:
    """The seats in an order drawn from the run's seed: order is a source of variance, so it must vary and be known."""
    return tuple(sorted(seats, key=lambda seat: (derive_seed(seed, repeat, "order", seat.id), seat.id)))


def set_tables(seats: Sequence[Seat]) -> tuple[Table, ...]:
    """Stakeholder groups as tables, in the order given.

    A group of one has nobody to debate with: such groups share one table, `cross-group`; a single one left over joins
    the smallest other table. Only a hearing with one judge has a table of one.
    """
    groups: dict[str, list[Seat]] = {}
    for seat in seats:
        groups.setdefault(seat.persona.group_id, []).append(seat)
    tables = {name: members for name, members in sorted(groups.items()) if len(members) > 1}
    alone = [seat for seat in seats if len(groups[seat.persona.group_id]) == 1]
    if len(alone) == 1 and tables:
        smallest = min(tables, key=lambda name: (len(tables[name]), name))
        tables[smallest] = [seat for seat in seats if seat in tables[smallest] or seat == alone[0]]
    elif alone:
        tables[CROSS_GROUP_TABLE] = alone
    return tuple(Table(name, tuple(members)) for name, members in tables.items())
