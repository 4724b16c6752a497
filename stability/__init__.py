"""Repeated runs: ratings in, the stability report out.

Importing it loads nothing; what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stability.assemble import stability_report
    from stability.errors import (
        CellError,
        ColumnError,
        DuplicateRatingsError,
        RatingsError,
        StabilityError,
        UnreadableRatingsError,
    )
    from stability.measures.sequential import Look, StoppingRule, betting_interval, next_look
    from stability.measures.turns import Said, TurnMarks, mark_turns
    from stability.page import flips_png, flips_svg, report_html, shares_png, shares_svg
    from stability.page.tables import Table, detail_tables, texts_table
    from stability.ratings import COLUMNS, Rating, Ratings
    from stability.readers import read_ratings
    from stability.report import (
        Alpha,
        ArmReport,
        ByCalls,
        Certainty,
        Claim,
        Components,
        Dependability,
        DimensionReport,
        Estimate,
        Flips,
        HumanAgreement,
        HumanDifference,
        Icc,
        Interval,
        Missing,
        Plan,
        Population,
        ReportWarning,
        StabilityReport,
        Texts,
        Universe,
        report_schema,
    )
    from stability.results import ratings_from_results, rows_from_result
    from stability.stopping import pooled_run_variance, runs_wanted, stopping_half_width
    from stability.texts import texts_report

_HOMES = {
    "Alpha": "stability.report",
    "ArmReport": "stability.report",
    "betting_interval": "stability.measures.sequential",
    "ByCalls": "stability.report",
    "CellError": "stability.errors",
    "Certainty": "stability.report",
    "Claim": "stability.report",
    "ColumnError": "stability.errors",
    "COLUMNS": "stability.ratings",
    "Components": "stability.report",
    "Dependability": "stability.report",
    "detail_tables": "stability.page.tables",
    "DimensionReport": "stability.report",
    "DuplicateRatingsError": "stability.errors",
    "Estimate": "stability.report",
    "Flips": "stability.report",
    "flips_png": "stability.page",
    "flips_svg": "stability.page",
    "HumanAgreement": "stability.report",
    "HumanDifference": "stability.report",
    "Icc": "stability.report",
    "Interval": "stability.report",
    "Look": "stability.measures.sequential",
    "mark_turns": "stability.measures.turns",
    "next_look": "stability.measures.sequential",
    "Missing": "stability.report",
    "Plan": "stability.report",
    "Population": "stability.report",
    "Rating": "stability.ratings",
    "Ratings": "stability.ratings",
    "ratings_from_results": "stability.results",
    "rows_from_result": "stability.results",
    "RatingsError": "stability.errors",
    "read_ratings": "stability.readers",
    "report_html": "stability.page",
    "report_schema": "stability.report",
    "ReportWarning": "stability.report",
    "Said": "stability.measures.turns",
    "shares_png": "stability.page",
    "shares_svg": "stability.page",
    "stability_report": "stability.assemble",
    "StabilityError": "stability.errors",
    "StabilityReport": "stability.report",
    "stopping_half_width": "stability.stopping",
    "pooled_run_variance": "stability.stopping",
    "runs_wanted": "stability.stopping",
    "StoppingRule": "stability.measures.sequential",
    "Table": "stability.page.tables",
    "Texts": "stability.report",
    "texts_report": "stability.texts",
    "texts_table": "stability.page.tables",
    "TurnMarks": "stability.measures.turns",
    "Universe": "stability.report",
    "UnreadableRatingsError": "stability.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'stability' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


__all__ = [
    "COLUMNS",
    "Alpha",
    "ArmReport",
    "ByCalls",
    "CellError",
    "Certainty",
    "Claim",
    "ColumnError",
    "Components",
    "Dependability",
    "DimensionReport",
    "DuplicateRatingsError",
    "Estimate",
    "Flips",
    "HumanAgreement",
    "HumanDifference",
    "Icc",
    "Interval",
    "Look",
    "Missing",
    "Plan",
    "Population",
    "Rating",
    "Ratings",
    "RatingsError",
    "ReportWarning",
    "Said",
    "StabilityError",
    "StabilityReport",
    "StoppingRule",
    "Table",
    "Texts",
    "TurnMarks",
    "Universe",
    "UnreadableRatingsError",
    "betting_interval",
    "detail_tables",
    "flips_png",
    "flips_svg",
    "mark_turns",
    "next_look",
    "pooled_run_variance",
    "ratings_from_results",
    "read_ratings",
    "report_html",
    "report_schema",
    "rows_from_result",
    "runs_wanted",
    "shares_png",
    "shares_svg",
    "stability_report",
    "stopping_half_width",
    "texts_report",
    "texts_table",
]
