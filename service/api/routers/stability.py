"""The stability of ratings from anywhere: no evaluation of ours needed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import spooled
from service.api.callers import Writer
from service.api.json_route import JsonRoute
from service.api.negotiation import Format, documented, wanted
from service.api.problem import FieldProblem, ProblemError
from service.api.routers.batches import report_response
from service.api.serving import application_of
from stability import StabilityReport

router = APIRouter(prefix="/v1/stability", tags=["stability"], route_class=JsonRoute)

Table = Literal["csv", "ndjson", "parquet", "wide", "inspect", "promptfoo"]

_TABLE_OF_TYPE: dict[str, Table] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}

_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}


@router.post(
    "", response_model=StabilityReport, responses=documented("html", "markdown"), openapi_extra={"requestBody": _BODY}
)
async def report_on_ratings(
    request: Request,
    caller: Writer,
    table: Annotated[Table | None, Query(description="What the body is; found out from it where not said.")] = None,
    threshold: Annotated[
        list[str] | None, Query(description="Pass threshold: `3.5`, or `faithfulness=3.5` (repeatable).")
    ] = None,
    column: Annotated[
        list[str] | None, Query(description="Rename a column: `persona=judge_name` (repeatable).")
    ] = None,
    target: Annotated[float, Query(ge=0, le=0.999, description="Dependability to plan for.")] = 0.8,
    universe: Annotated[
        Literal["fixed", "random"], Query(description="These personas, or personas of this kind.")
    ] = "fixed",
    seed: Annotated[int, Query(ge=0, le=2**53 - 1, description="Of the permutation tests.")] = 0,
    format: Annotated[Format | None, Query(description="Of the answer; wins over the Accept header.")] = None,
) -> Response:
    """Say how far repeated ratings can be trusted.

    The body is a table with the columns item, persona, run, score, and where there are any dimension, cluster, arm, phase,
    system, human, model, tokens, calls. Nothing is stored, so nothing can be made twice: an `Idempotency-Key` is not looked
    at. The same table under the same parameters gives the same report, whenever it is sent.
    """
    chosen = wanted(request, format, ("json", "html", "markdown"))
    thresholds, mapping = _thresholds(threshold or []), _pairs(column or [], "column")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    application = application_of(request)
    async with spooled(request.stream(), application.settings.data_dir / "spool") as body:
        report = await application.stability.report(
            body.path,
            format=table or _TABLE_OF_TYPE.get(media),
            mapping=mapping or None,
            thresholds=thresholds,
            target=target,
            universe=universe,
            seed=seed,
        )
    return report_response(report, chosen, title="Stability of ratings")


def _thresholds(values: list[str]) -> dict[str, float] | float | None:
    if not values:
        return None
    try:
        if len(values) == 1 and "=" not in values[0]:
            return float(values[0])
        return {name: float(value) for name, value in _pairs(values, "threshold").items()}
    except ValueError:
        raise _not_so(values[0], "threshold", "a number, or DIMENSION=NUMBER") from None


def _pairs(values: list[str], parameter: str) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise _not_so(value, parameter, "NAME=VALUE")
    return {name.strip(): rest.strip() for name, _, rest in (value.partition("=") for value in values)}


def _not_so(value: str, parameter: str, shape: str) -> ProblemError:
    place = FieldProblem(pointer=f"query:{parameter}", detail=f"{value[:80]!r} must be {shape}", code="invalid")
    return ProblemError("invalid-request", f"{parameter} {value[:80]!r} must be {shape}", errors=(place,))
