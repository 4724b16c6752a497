"""How items are heard: what an evaluation and a batch have in common, checked before anything is stored or spent."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Item, Rubric
from clustering import PersonaSet
from llm import Model, ModelConfigurationError, Usage, price
from service.application.context import LOCAL_OWNER, Context, QueueSeen, now
from service.application.records import Estimate, Status
from service.application.requests import AdaptiveRepeats, Hearing
from service.application.rubrics import Rubrics
from service.application.stored import stored
from service.application.webhook_checks import check_webhook
from service.errors import InvalidRequestError, LimitExceededError, NotFoundError, Problem, QueueFullError
from service.store import tables, unpack

_COUNTED_EVERY_S = 1.0
PACKED_PERSONA_SET = sa.type_coerce(tables.persona_sets.c.body, sa.LargeBinary).label("packed")
"""The body of a persona set as it is stored, for `open_persona_set`."""


@dataclass(frozen=True, slots=True)
class PreparedHearing:
    """A `Hearing` whose parts were found and fit together."""

    request: Hearing
    persona_set_id: str
    persona_set: PersonaSet
    persona_set_hash: str
    rubric: Rubric
    rubric_id: str | None
    """Its row's, where the owner has it stored already."""
    models: tuple[Model, ...]
    repeats_min: int
    repeats_max: int
    half_width: float | None
    expires_at: datetime

    @property
    def simulated(self) -> bool:
        return any(model.spec.startswith("simulated") for model in self.models)

    def columns(self, rubric_id: str) -> dict[str, Any]:
        """Values of the columns that an evaluation and a batch share."""
        request = self.request
        return {
            "persona_set_id": self.persona_set_id,
            "persona_set_hash": self.persona_set_hash,
            "rubric_id": rubric_id,
            "rubric_hash": self.rubric.content_hash,
            "protocol": request.protocol.model_dump(mode="json"),
            "models": [model.spec for model in self.models],
            "repeats_min": self.repeats_min,
            "repeats_max": self.repeats_max,
            "half_width": self.half_width,
            "seed": request.seed,
            "priority": request.priority,
            "budget_usd_max": request.budget_usd_max,
            "simulated": self.simulated,
            "status": Status.QUEUED,
            "expires_at": self.expires_at,
            "webhook_url": request.webhook.url if request.webhook else None,
            "webhook_secret": request.webhook.secret if request.webhook else None,
        }


async def prepare_hearing(context: Context, owner: str | None, request: Hearing) -> PreparedHearing:
    """Finds the persona set, the rubric and the models. Raises InvalidRequestError that names the field."""
    _check_limits(context, request)
    check_webhook(context, request.webhook)
    stored = await _persona_set(context, owner, request.persona_set)
    rubric, rubric_id = request.rubric, None
    if isinstance(rubric, str):
        try:
            found = await Rubrics(context).get(owner, rubric)
        except NotFoundError as error:
            raise _wrong("/rubric", str(error), "not_found") from error
        rubric, rubric_id = found.rubric, found.id if found.owner == (owner or LOCAL_OWNER) else None
    models = _models(context, request)
    repeats = request.repeats
    return PreparedHearing(
        request=request,
        persona_set_id=request.persona_set,
        persona_set=stored.persona_set,
        persona_set_hash=stored.content_hash,
        rubric=rubric,
        rubric_id=rubric_id,
        models=models,
        repeats_min=repeats.min if isinstance(repeats, AdaptiveRepeats) else repeats,
        repeats_max=repeats.max if isinstance(repeats, AdaptiveRepeats) else repeats,
        half_width=repeats.half_width if isinstance(repeats, AdaptiveRepeats) else None,
        expires_at=now() + (request.expires_after or context.settings.job_expires_after),
    )


def check_items(prepared: PreparedHearing, items: Sequence[Item]) -> None:
    """Raises agents.HearingInputError where an item cannot be heard this way."""
    from agents import check_hearing

    check_hearing(items, prepared.persona_set, prepared.rubric, prepared.request.protocol, prepared.models)


def estimate_items(prepared: PreparedHearing, items: Sequence[Item]) -> Estimate:
    """What hearing these items would spend, repeats included."""
    from agents import estimate_hearing

    told = estimate_hearing(
        items,
        prepared.persona_set,
        prepared.rubric,
        prepared.request.protocol,
        models=prepared.models,
        repeats=prepared.repeats_max,
        seed=prepared.request.seed,
    )
    return estimate_of(told, runs=len(items) * prepared.repeats_max)


def estimate_of(told: Any, runs: int) -> Estimate:
    """A package's estimate in the service's words."""
    purposes = {
        str(purpose): {
            "calls": part.calls,
            "input_tokens": part.input_tokens,
            "output_tokens": part.output_tokens,
            "cost_usd": part.cost_usd,
        }
        for purpose, part in told.by_purpose.items()
    }
    return Estimate(
        runs=runs,
        calls=told.calls,
        input_tokens=told.input_tokens,
        output_tokens=told.output_tokens,
        cost_usd=told.cost_usd,
        by_purpose=purposes,
    )


async def check_queue(context: Context) -> None:
    """Raises QueueFullError where too many runs are waiting already.

    They are counted once a second while they are less than half of what may wait: counting takes longer the more they are.
    """
    seen = context.queue_seen
    if seen is not None and seen.runs < context.limits.queue_length // 2 and time.monotonic() < seen.good_until:
        return
    waiting = sa.select(sa.func.count()).select_from(tables.runs).where(tables.runs.c.status == Status.QUEUED)
    async with context.store.read() as connection:
        count = (await connection.execute(waiting)).scalar_one()
    context.queue_seen = QueueSeen(count, time.monotonic() + _COUNTED_EVERY_S)
    if count >= context.limits.queue_length:
        raise QueueFullError(
            f"{count} runs are waiting, as many as this service lets wait; try again later", retry_after_s=60
        )


def count_in_queue(context: Context, runs: int) -> None:
    """Adds runs that were accepted here to what was counted last: many may be accepted before the next count."""
    if context.queue_seen is not None:
        context.queue_seen = context.queue_seen._replace(runs=context.queue_seen.runs + runs)


def _check_limits(context: Context, request: Hearing) -> None:
    limits = context.limits
    repeats = request.repeats.max if isinstance(request.repeats, AdaptiveRepeats) else request.repeats
    for value, most, pointer in (
        (repeats, limits.repeats, "/repeats"),
        (request.protocol.turns_max, limits.turns, "/protocol/turns_max"),
        (request.protocol.tokens_max or 0, limits.tokens_per_run, "/protocol/tokens_max"),
        (len(request.models), limits.models_per_evaluation, "/models"),
    ):
        if value > most:
            message = f"{value} is more than the limit of {most}"
            raise LimitExceededError(f"{pointer[1:]}: {message}", [Problem(pointer, message, "limit_exceeded")])


async def _persona_set(context: Context, owner: str | None, persona_set_id: str) -> StoredPersonaSet:
    named = {"id": persona_set_id, "owner": owner}

    async def operation(connection: AsyncConnection) -> Any:
        return (await connection.execute(_read_persona_set(owner is not None), named)).one_or_none()

    row = await context.store.look(operation)
    if row is None:
        raise _wrong("/persona_set", f"no persona set {persona_set_id!r}; create one first", "not_found")
    if row.status != Status.COMPLETED:
        raise _wrong(
            "/persona_set", f"persona set {persona_set_id!r} is {row.status}; wait until it has completed", "not_ready"
        )
    return open_persona_set(row.packed)


@cache
def _read_persona_set(of_owner: bool) -> sa.Select[Any]:
    """Built once: every request that has something heard asks for a persona set."""
    table = tables.persona_sets
    whole = table.c.loading_at.is_(None)
    query = sa.select(table.c.status, PACKED_PERSONA_SET).where(table.c.id == sa.bindparam("id"), whole)
    return query.where(table.c.owner == sa.bindparam("owner")) if of_owner else query


class StoredPersonaSet(NamedTuple):
    """A persona set with its hash, which takes longer to compute than the set to find."""

    persona_set: PersonaSet
    content_hash: str


@lru_cache(maxsize=32)
def open_persona_set(packed: bytes) -> StoredPersonaSet:
    """A persona set as the store packs it. Raises StoreDamagedError."""
    with stored("persona set"):
        persona_set = read_persona_set(unpack(packed))
    return StoredPersonaSet(persona_set, persona_set.content_hash)


@lru_cache(maxsize=32)
def read_persona_set(body: str) -> PersonaSet:
    """A stored persona set; its hash is computed, never read. Sets are frozen, and every request names one."""
    data = json.loads(body)
    data.pop("content_hash", None)
    return PersonaSet.model_validate(data)


def _models(context: Context, request: Hearing) -> tuple[Model, ...]:
    models = []
    for index, spec in enumerate(request.models or (context.settings.model,)):
        try:
            model = context.models.check(spec)
        except ModelConfigurationError as error:
            if not request.models:
                raise
            raise _wrong(f"/models/{index}", str(error), "model_not_usable") from error
        if request.budget_usd_max is not None and price(model, Usage(input_tokens=1, output_tokens=1)) is None:
            raise _wrong(
                "/budget_usd_max",
                f"model {spec!r} has no known price, so a budget could not be kept; leave it out",
                "no_price",
            )
        models.append(model)
    return tuple(models)


def _wrong(pointer: str, message: str, code: str) -> InvalidRequestError:
    return InvalidRequestError(message, [Problem(pointer, message, code)])
