"""What each page needs from the application. Reads only; every row is the caller's or is not found."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.requests import Request

from agents import Rubric
from clustering import PersonaSet
from service.application import (
    EvaluationFilter,
    EvaluationRecord,
    Place,
    ProbeKind,
    ProbeRecord,
    Ranking,
    RunRecord,
    Status,
)
from service.application.records import PersonaSetRecord
from service.application.scoring import graded_rubric
from service.errors import InvalidRequestError, NotFoundError
from service.pages.views.anchors import run_href
from service.pages.views.batch import (
    BatchesPage,
    BatchPage,
    PersonaSetsPage,
    batch_page,
    batches_page,
    persona_sets_page,
)
from service.pages.views.comparison import ComparisonPage, comparison_page
from service.pages.views.drift import DriftPage, drift_page
from service.pages.views.evaluation import EvaluationPage, evaluation_page, most_different
from service.pages.views.evaluations import (
    PARAMETERS,
    EvaluationsPage,
    ListQuery,
    evaluation_row,
    evaluations_page,
)
from service.pages.views.evaluations import Place as PagePlace
from service.pages.views.live import Said, said
from service.pages.views.material import PassagePage, holding, passage_page, texts
from service.pages.views.opening import PANEL
from service.pages.views.persona_set import PersonaSetPage, persona_set_page
from service.pages.views.run import RunPage, run_page
from service.pages.views.seen import SeenPage, seen_page
from service.pages.views.transcript import turn_names

if TYPE_CHECKING:
    from service.application import Application

ROWS_PER_PAGE = 50
LEAST_STABLE_SHOWN = 12
"""On a batch's page; the list has all of them."""


class Judges(NamedTuple):
    """By which scales, and who judges."""

    rubric: Rubric
    personas: PersonaSet
    name: str
    """Of the persona set; its id where it has none."""


class Gathering:
    """Reads for one caller. `owner`: None for every owner's rows."""

    def __init__(self, application: Application, owner: str | None, request: Request) -> None:
        self._application = application
        self._owner = owner
        self._request = request

    def _asked(self, name: str) -> str:
        return self._request.query_params.get(name, "").strip()

    def _named(self, name: str) -> str:
        return str(self._request.path_params[name])

    async def evaluations(self) -> EvaluationsPage:
        query = ListQuery(**{name: self._asked(name) for name in PARAMETERS if self._asked(name)})
        if query.sort == "newest":
            return await self._newest(query)
        number = max(1, _number(self._asked("page")) or 1)
        found = await self._application.evaluations.ranked(
            self._owner, evaluation_filter(query), by=_ranking(query), number=number, limit=ROWS_PER_PAGE
        )
        rows = found.page.rows
        return evaluations_page(
            rows,
            await self._rubrics(rows),
            query,
            following={"page": str(number + 1)} if found.page.has_more else None,
            previous={"page": str(number - 1)} if number > 2 else None,
            place=PagePlace(number, max(1, -(-found.total // ROWS_PER_PAGE)), found.total, found.disagreeing),
            first=number == 1,
        )

    async def _newest(self, query: ListQuery) -> EvaluationsPage:
        after = read_cursor(self._asked("after"))
        page = await self._application.evaluations.list(
            self._owner, evaluation_filter(query), after=after, limit=ROWS_PER_PAGE
        )
        following = {"after": write_cursor(page.rows[-1])} if page.has_more else None
        rubrics = await self._rubrics(page.rows)
        return evaluations_page(page.rows, rubrics, query, following=following, first=after is None)

    async def evaluation(self) -> EvaluationPage:
        record = await self._application.evaluations.get(self._owner, self._named("evaluation_id"))
        runs = await self._application.runs.list(self._owner, record.id)
        judges = await self._judges(record)
        return evaluation_page(
            record, runs, judges.rubric, judges.personas, self._asked("arm") or None, persona_set=judges.name
        )

    async def run(self) -> RunPage:
        run = await self._application.runs.get(self._owner, self._named("run_id"))
        evaluation = await self._application.evaluations.get(self._owner, run.evaluation_id)
        runs = await self._application.runs.list(self._owner, run.evaluation_id)
        rubric, personas, set_name = await self._judges(evaluation)
        transcript = None
        if run.verdicts:
            transcript = await self._application.runs.transcript(self._owner, run.id)
        so_far: tuple[Said, ...] = ()
        if transcript is None and not run.state.status.ended:
            so_far = said(await self._application.runs.calls(self._owner, run.id), personas)
        return run_page(
            evaluation,
            run,
            runs,
            rubric,
            personas,
            transcript,
            so_far,
            await self._probes(run.id),
            lanes=self._asked("view") == "lanes",
            persona_set=set_name,
            exported=bool(self._asked("export")) and not self._asked("redact"),
        )

    async def _probes(self, run_id: str) -> dict[ProbeKind, ProbeRecord]:
        """What was asked about the run since it was heard."""
        found = {}
        for kind in ProbeKind:
            with suppress(NotFoundError):
                found[kind] = await self._application.probes.get(self._owner, run_id, kind)
        return found

    async def drift(self) -> DriftPage:
        run = await self._application.runs.get(self._owner, self._named("run_id"))
        evaluation = await self._application.evaluations.get(self._owner, run.evaluation_id)
        _, personas, _ = await self._judges(evaluation)
        record = await self._application.drifts.get(self._owner, run.id)
        return drift_page(record, personas, simulated=evaluation.simulated)

    async def comparison(self) -> ComparisonPage:
        evaluation = await self._application.evaluations.get(self._owner, self._named("evaluation_id"))
        runs = await self._application.runs.list(self._owner, evaluation.id)
        rubric, personas, _ = await self._judges(evaluation)
        left, right = self._pair(evaluation, runs, rubric)
        scripts = await asyncio.gather(
            *(self._application.runs.transcript(self._owner, run.id) for run in (left, right))
        )
        calls = [await self._application.runs.calls(self._owner, run.id) for run in (left, right)]
        one, other = ({call.prompt_id: call.prompt_sha256 for call in made} for made in calls)
        return comparison_page(
            evaluation, runs, (left, scripts[0]), (right, scripts[1]), personas, rubric.dimensions, (one, other)
        )

    def _pair(
        self, evaluation: EvaluationRecord, runs: Sequence[RunRecord], rubric: Rubric
    ) -> tuple[RunRecord, RunRecord]:
        """The two repeats that the address names; the two most different ones where it names none."""
        by_id = {run.id: run for run in runs}
        if not self._asked("a") and not self._asked("b"):
            found = most_different(evaluation, runs, rubric.dimensions)
        else:
            one, other = (by_id.get(self._asked(name)) for name in ("a", "b"))
            found = (one, other) if one and other else None
        if found is None:
            raise NotFoundError(
                "choose two hearings of this evaluation that ended with a verdict: ?a=RUN&b=RUN; it has "
                + (", ".join(run.id for run in runs if run.verdicts) or "none")
            )
        return found

    async def seen(self) -> SeenPage:
        run_id, turn_id = self._named("run_id"), self._named("turn_id")
        turn, calls = await self._application.runs.turn(self._owner, run_id, turn_id)
        run = await self._application.runs.get(self._owner, run_id)
        judges = await self._judges(await self._application.evaluations.get(self._owner, run.evaluation_id))
        transcript = await self._application.runs.transcript(self._owner, run_id)
        return seen_page(run_id, turn, calls, turn_names(transcript, judges.personas))

    async def material(self) -> PassagePage:
        run = await self._application.runs.get(self._owner, self._named("run_id"))
        evaluation = await self._application.evaluations.get(self._owner, run.evaluation_id)
        part = self._named("part")
        known = texts(evaluation.item) if evaluation.item else ()
        found = holding(known, part)
        if found is None:
            raise NotFoundError(f"this item has no text {part!r}; it has {', '.join(one.part for one in known)}")
        material, offset = found
        start, end = _number(self._asked("start")), _number(self._asked("end"))
        return passage_page(
            material.title,
            material.text,
            kind=f"of the item {evaluation.item_id}",
            back_href=run_href(run.id),
            back_name=f"{evaluation.custom_id or evaluation.item_id}, hearing {run.repeat + 1}",
            start=None if start is None else offset + start,
            end=None if end is None else offset + end,
        )

    async def document(self) -> PassagePage:
        record = await self._application.documents.get(self._owner, self._named("document_id"))
        return passage_page(
            record.title or record.id,
            record.text or "",
            kind="document",
            start=_number(self._asked("start")),
            end=_number(self._asked("end")),
            media_type=record.media_type,
        )

    async def persona_set(self) -> PersonaSetPage:
        return persona_set_page(await self._application.persona_sets.get(self._owner, self._named("persona_set_id")))

    async def persona_sets(self) -> PersonaSetsPage:
        page = await self._application.persona_sets.list(self._owner, after=read_cursor(self._asked("after")))
        return persona_sets_page(page.rows, write_cursor(page.rows[-1]) if page.has_more else None)

    async def batches(self) -> BatchesPage:
        page = await self._application.batches.list(self._owner, after=read_cursor(self._asked("after")))
        return batches_page(page.rows, write_cursor(page.rows[-1]) if page.has_more else None)

    async def batch(self) -> BatchPage:
        record = await self._application.batches.get(self._owner, self._named("batch_id"))
        worst = await self._application.evaluations.ranked(
            self._owner, EvaluationFilter(batch_id=record.id), limit=LEAST_STABLE_SHOWN
        )
        rubrics = await self._rubrics(worst.page.rows)
        rows = [evaluation_row(row, rubrics[row.rubric_id], ListQuery()) for row in worst.page.rows]
        judges = _set_name(await self._persona_set(record.persona_set_id), record.persona_set_id)
        if record.report_status != "ready":
            return batch_page(record, None, rows, persona_set=judges)
        report = await self._application.batches.report(self._owner, record.id)
        from service.pages.plots import plots

        drawn = await asyncio.to_thread(plots, report, record.id)
        pairs = [Ranking(name, arm) for name, own in report.dimensions.items() for arm in own.arms]
        swings = await self._application.evaluations.swings(
            self._owner, EvaluationFilter(batch_id=record.id), pairs, PANEL
        )
        return batch_page(
            record,
            report,
            rows,
            persona_set=judges,
            disagreeing=worst.disagreeing,
            swings=dict(zip(pairs, swings, strict=True)),
            shares_svg=drawn.shares,
            flips_svg=drawn.flips,
        )

    async def _rubrics(self, records: Sequence[EvaluationRecord]) -> dict[str, Rubric]:
        ids = sorted({record.rubric_id for record in records})
        found = await asyncio.gather(*(self._application.rubrics.get(self._owner, name) for name in ids))
        return {name: record.rubric for name, record in zip(ids, found, strict=True)}

    async def _judges(self, record: EvaluationRecord) -> Judges:
        """A set that was deleted since leaves ids for names."""
        rubric = await self._application.rubrics.get(self._owner, record.rubric_id)
        found = await self._persona_set(record.persona_set_id)
        own = found.persona_set if found else None
        return Judges(
            graded_rubric(rubric.rubric, record.item_kind),
            own or PersonaSet(personas=(), groups=(), method="given"),
            _set_name(found, record.persona_set_id),
        )

    async def _persona_set(self, name: str) -> PersonaSetRecord | None:
        try:
            return await self._application.persona_sets.get(self._owner, name)
        except NotFoundError:
            return None


def _set_name(record: PersonaSetRecord | None, name: str) -> str:
    return record.name or name if record else name


def evaluation_filter(query: ListQuery) -> EvaluationFilter:
    """The store's filter. Raises InvalidRequestError for a status that there is none."""
    if query.status and query.status not in set(Status):
        raise InvalidRequestError(f"status {query.status!r} is none of {', '.join(Status)}")
    return EvaluationFilter(
        status=Status(query.status) if query.status else None,
        batch_id=query.batch or None,
        persona_set_id=query.persona_set or None,
        text=query.q or None,
        disagree=query.only == "disagree",
        system=query.system or None,
        kind=query.kind or None,
    )


def _ranking(query: ListQuery) -> Ranking:
    return Ranking(query.dimension or None, query.arm or None)


def write_cursor(row: Any) -> str:
    """The place of a page's last row, as it stands in an address."""
    text = json.dumps([row.created_at.isoformat(), row.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place | None:
    """None for no cursor. Raises InvalidRequestError for one that is none of ours."""
    if not cursor:
        return None
    try:
        moment, identity = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
        return Place(datetime.fromisoformat(moment), str(identity))
    except (ValueError, TypeError, binascii.Error):
        raise InvalidRequestError(f"cursor {cursor[:40]!r} is none of ours; begin again at /evaluations") from None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
