"""The list of evaluations: one row an item, the least stable first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from agents import Rubric
from service.application.records import EvaluationRecord
from service.application.scoring import graded_rubric
from service.pages.views.strip import DimensionLine, dimension_lines, distrust

PARAMETERS = ("q", "status", "batch", "system", "kind", "persona_set", "arm", "dimension", "only", "sort")
LINES_PER_ROW_MAX = 4


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Everything that the list's address says; an empty string where it says nothing."""

    q: str = ""
    status: str = ""
    batch: str = ""
    system: str = ""
    kind: str = ""
    persona_set: str = ""
    arm: str = ""
    dimension: str = ""
    only: str = ""
    """`disagree`: items whose repeats did not all come out alike."""
    sort: str = "least_stable"

    def href(self, **changes: str) -> str:
        """The address of this list with some parameters changed and paging begun anew."""
        values = {name: changes.get(name, getattr(self, name)) for name in PARAMETERS}
        shown = {name: value for name, value in values.items() if value and (name, value) != ("sort", "least_stable")}
        shown |= {name: changes[name] for name in ("after", "page") if changes.get(name)}
        return "/evaluations" + ("?" + urlencode(shown) if shown else "")

    @property
    def filtered(self) -> bool:
        return any(getattr(self, name) for name in PARAMETERS if name not in ("sort", "arm"))


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One item."""

    id: str
    href: str
    name: str
    kind: str
    system: str | None
    cluster: str | None
    batch_id: str | None
    status: str
    ended: bool
    error: str | None
    runs_done: int
    runs_asked: int
    simulated: bool
    lines: tuple[DimensionLine, ...]
    lines_hidden: int
    instability: float | None
    calls: int
    cost_usd: float | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list a page lies; None where that was not counted."""

    number: int | None = None
    pages: int | None = None
    total: int | None = None
    disagreeing: int | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """One verdict in words."""

    item: str
    href: str
    compare_href: str | None
    """None below two hearings with a verdict."""
    dimension: str
    question: str
    trust: str
    said: str
    why: str


@dataclass(frozen=True, slots=True)
class EvaluationsPage:
    """The list, as far as it is shown."""

    query: ListQuery
    rows: tuple[EvaluationRow, ...]
    next_href: str | None
    previous_href: str | None
    first_href: str | None
    """Back to the first page; None on it."""
    place: Place
    warning: Warned | None
    """The verdict to trust least; None below the first page, and where nothing was heard twice."""
    arms: tuple[str, ...]
    dimensions: tuple[str, ...]
    systems: tuple[str, ...]
    simulated: bool
    live: bool
    """Whether a row is still being heard."""
    bar_max: float
    """The largest standard deviation on the page: the full length of a bar."""


def run_hrefs(evaluation_id: str, runs: int) -> dict[int, str]:
    """Where each repeat of an evaluation is read, when only its number is known."""
    return {repeat: f"/evaluations/{quote(evaluation_id)}?repeat={repeat}" for repeat in range(runs)}


def evaluation_row(record: EvaluationRecord, rubric: Rubric, query: ListQuery) -> EvaluationRow:
    """One row; lines of the asked dimension only, the least stable dimension first."""
    asked = [d for d in graded_rubric(rubric, record.item_kind).dimensions if query.dimension in ("", d.name)]
    lines = dimension_lines(record.scores, asked, run_hrefs(record.id, record.repeats_max), query.arm or None)
    ordered = sorted(lines, key=distrust)
    return EvaluationRow(
        id=record.id,
        href=f"/evaluations/{quote(record.id)}",
        name=record.custom_id or record.item_id,
        kind=record.item_kind,
        system=record.system,
        cluster=record.cluster,
        batch_id=record.batch_id,
        status=record.state.status.value,
        ended=record.state.status.ended,
        error=record.state.error,
        runs_done=record.state.progress.done,
        runs_asked=record.state.progress.total,
        simulated=record.simulated,
        lines=tuple(ordered[:LINES_PER_ROW_MAX]),
        lines_hidden=max(0, len(ordered) - LINES_PER_ROW_MAX),
        instability=record.instability,
        calls=record.spent.calls,
        cost_usd=record.spent.cost_usd,
        created_at=record.created_at.isoformat(),
    )


def warned(rows: Sequence[EvaluationRow]) -> Warned | None:
    """The first row's least trusted verdict, in words; None where no row was heard twice."""
    for row in rows:
        for line in row.lines[:1]:
            if line.trust in ("split", "steady"):
                compare = f"{row.href}/compare" if line.arm.n_used > 1 else None
                return Warned(row.name, row.href, compare, line.name, line.question, line.trust, line.said, line.why)
    return None


def evaluations_page(
    records: Sequence[EvaluationRecord],
    rubrics: Mapping[str, Rubric],
    query: ListQuery,
    *,
    following: Mapping[str, str] | None = None,
    previous: Mapping[str, str] | None = None,
    place: Place = Place(),
    first: bool = True,
) -> EvaluationsPage:
    """The page.

    rubrics: by rubric id, one for every record. following, previous: what the next and the last page's address says;
    None where there is none.
    """
    rows = tuple(evaluation_row(record, rubrics[record.rubric_id], query) for record in records)
    spreads = [
        value for row in rows for line in row.lines for value in (line.arm.sd, line.single_sd) if value is not None
    ]
    return EvaluationsPage(
        query=query,
        rows=rows,
        next_href=query.href(**following) if following else None,
        previous_href=query.href(**previous) if previous else None,
        first_href=None if first else query.href(),
        place=place,
        warning=warned(rows) if first and query.sort == "least_stable" else None,
        arms=tuple(dict.fromkeys(figure.arm for row in rows for line in row.lines for figure in line.arms)),
        dimensions=tuple(dict.fromkeys(d.name for rubric in rubrics.values() for d in rubric.dimensions)),
        systems=tuple(sorted({row.system for row in rows if row.system})),
        simulated=any(row.simulated for row in rows),
        live=any(not row.ended for row in rows),
        bar_max=max(spreads, default=0.0) or 1.0,
    )
