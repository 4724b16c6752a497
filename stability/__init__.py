"""Repeated runs: ratings in, the stability report out.

Importing it stays light (numpy, scipy, pydantic); what a name needs beyond that is imported when the name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from stability.report import (
    Alpha,
    ArmReport,
    ByCalls,
    Claim,
    Components,
    Dependability,
    DimensionReport,
    Estimate,
    Flips,
    Icc,
    Interval,
    Plan,
    Population,
    ReportWarning,
    StabilityReport,
    Universe,
    report_schema,
)

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
    from stability.page.tables import detail_tables
    from stability.ratings import COLUMNS, Rating, Ratings
    from stability.readers import read_ratings
    from stability.results import ratings_from_results
    from stability.stopping import stopping_half_width

_HOMES = {
    "detail_tables": "stability.page.tables",
    "COLUMNS": "stability.ratings",
    "CellError": "stability.errors",
    "ColumnError": "stability.errors",
    "DuplicateRatingsError": "stability.errors",
    "Look": "stability.measures.sequential",
    "Rating": "stability.ratings",
    "Ratings": "stability.ratings",
    "RatingsError": "stability.errors",
    "Said": "stability.measures.turns",
    "StabilityError": "stability.errors",
    "StoppingRule": "stability.measures.sequential",
    "TurnMarks": "stability.measures.turns",
    "UnreadableRatingsError": "stability.errors",
    "betting_interval": "stability.measures.sequential",
    "flips_png": "stability.page",
    "flips_svg": "stability.page",
    "mark_turns": "stability.measures.turns",
    "next_look": "stability.measures.sequential",
    "ratings_from_results": "stability.results",
    "read_ratings": "stability.readers",
    "report_html": "stability.page",
    "shares_png": "stability.page",
    "shares_svg": "stability.page",
    "stability_report": "stability.assemble",
    "stopping_half_width": "stability.stopping",
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
    "Claim",
    "ColumnError",
    "Components",
    "Dependability",
    "DimensionReport",
    "DuplicateRatingsError",
    "Estimate",
    "Flips",
    "Icc",
    "Interval",
    "Look",
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
    "TurnMarks",
    "Universe",
    "UnreadableRatingsError",
    "betting_interval",
    "detail_tables",
    "flips_png",
    "flips_svg",
    "mark_turns",
    "next_look",
    "ratings_from_results",
    "read_ratings",
    "report_html",
    "report_schema",
    "shares_png",
    "shares_svg",
    "stability_report",
    "stopping_half_width",
]
