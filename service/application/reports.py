"""The stability report of a batch: made once when all its items have ended, then kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from agents import Rubric, RunResult
from service.application.context import Context
from service.application.paging import owned
from service.application.persona_sets import PersonaSets
from service.application.ratings_files import ratings_path, write_ratings
from service.application.said import card_text, heard_sample
from service.application.stored import stored
from service.errors import ConflictError, NotFoundError
from service.store import tables

if TYPE_CHECKING:
    from stability import ReportWarning, StabilityReport


class Reports:
    """What repeated hearings of a batch say about how far its verdicts can be trusted."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, owner: str | None, batch_id: str) -> StabilityReport:
        """The kept report. Raises NotFoundError, and ConflictError while there is none, saying why."""
        table = tables.batches
        query = sa.select(table.c.status, table.c.report_status, table.c.report_error, table.c.report).where(
            table.c.id == batch_id, owned(table, owner)
        )
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no batch {batch_id!r}")
        if row.report is None:
            why = (
                row.report_error
                or f"batch {batch_id!r} is {row.status}; its report is made when all its items have ended"
            )
            raise ConflictError(why)
        from stability import StabilityReport

        with stored("report of batch", batch_id):
            return StabilityReport.model_validate_json(row.report)

    async def remake(self, owner: str | None, batch_id: str) -> None:
        """Has the report made again from what is stored now, people's scores given since included; the old one stays
        until then. Raises NotFoundError, and ConflictError while the batch is at work or its report is being made."""
        table = tables.batches
        again = (
            sa.update(table)
            .where(
                table.c.id == batch_id,
                owned(table, owner),
                table.c.ended_at.is_not(None),
                table.c.loading_at.is_(None),
                table.c.report_status != "pending",
            )
            .values(report_status="pending", report_error=None, dispatched_at=None, attempts=0)
        )
        if not (await self._context.store.write(lambda connection: connection.execute(again))).rowcount:
            raise ConflictError(f"batch {batch_id!r} has not ended, or its report is being made; wait for it")
        self._context.work_waits.ring()

    async def ratings(self, owner: str | None, batch_id: str) -> Path:
        """A Parquet file of the batch's ratings so far. Raises NotFoundError."""
        table = tables.batches
        query = sa.select(table.c.ended_at).where(table.c.id == batch_id, owned(table, owner))
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no batch {batch_id!r}")
        path = ratings_path(self._context, batch_id)
        there = row.ended_at is not None and await asyncio.to_thread(path.exists)
        return path if there else await write_ratings(self._context, batch_id)


async def make_report(context: Context, batch_id: str) -> StabilityReport:
    """Computes the report of a batch from its ratings. Raises stability.RatingsError where there are none to speak of."""
    table = tables.batches
    query = (
        sa.select(table, tables.rubrics.c.body.label("rubric"))
        .join(tables.rubrics, tables.rubrics.c.id == table.c.rubric_id)
        .where(table.c.id == batch_id)
    )
    async with context.store.read() as connection:
        batch = (await connection.execute(query)).one()
        evaluations = tables.evaluations
        held = sa.select(evaluations.c.item_kind).where(evaluations.c.batch_id == batch_id).distinct()
        kinds = frozenset((await connection.execute(held)).scalars())
    path = await write_ratings(context, batch_id)
    heard, asked = await heard_sample(context, batch_id, batch.seed)
    personas = (await PersonaSets(context).get(None, batch.persona_set_id)).persona_set
    cards = [card_text(persona) for persona in personas.personas] if personas else []
    return await asyncio.to_thread(_compute, path, batch, kinds, heard, asked, cards)


def _compute(
    path: Path, batch: Any, kinds: frozenset[str], heard: list[str], asked: int, cards: list[str]
) -> StabilityReport:
    from stability import read_ratings, stability_report, texts_report

    thresholds = _thresholds(Rubric.model_validate(batch.rubric), kinds)
    ratings = read_ratings(path)
    report = stability_report(ratings, thresholds=thresholds, seed=batch.seed)
    results = (RunResult.model_validate_json(body) for body in heard)
    texts = texts_report(results, ratings, thresholds=thresholds, cards=cards, runs_asked=asked)
    provenance = report.provenance.model_copy(
        update={
            "batch": batch.id,
            "models": tuple(batch.models),
            "simulated": batch.simulated,
            "persona_set": batch.persona_set_hash,
            "rubric": batch.rubric_hash,
        }
    )
    warnings = (*report.warnings, *_scales_mixed(kinds))
    return report.model_copy(
        update={"provenance": provenance, "texts": texts, "texts_reason": None, "warnings": warnings}
    )


def _thresholds(rubric: Rubric, kinds: frozenset[str]) -> dict[str, float]:
    """The pass marks of graded items. A pair is compared, from -1 to 1: against a grade's mark it would always fail."""
    if "pair" in kinds:
        return {}
    return {one.name: one.pass_threshold for one in rubric.dimensions if one.pass_threshold is not None}


def _scales_mixed(kinds: frozenset[str]) -> tuple[ReportWarning, ...]:
    from stability import ReportWarning

    if "pair" not in kinds or len(kinds) == 1:
        return ()
    told = "pairs are scored from -1 to 1 and other items by the rubric's grades: these figures mix two scales; send pairs as a batch of their own"
    return (ReportWarning(code="scales_mixed", message=told),)
