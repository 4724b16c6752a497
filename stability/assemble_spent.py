"""What a verdict costs in calls, tokens and dollars, as far as the table says."""

from __future__ import annotations

import numpy as np

from stability.estimates import finite
from stability.layout import Layout
from stability.measures.features import Floats
from stability.ratings import Flags


def per_verdict(lay: Layout, arm: str, values: Floats | None) -> float | None:
    """Mean of a column over an arm's verdicts; None where unknown."""
    if values is None:
        return None
    told = values[lay.rows_of("verdict", arm)]
    told = told[np.isfinite(told)]
    return finite(float(told.mean())) if len(told) else None


def per_call(lay: Layout, values: Floats | None) -> float | None:
    """Mean of a column for a single judgement: from those rows, else from the panel's verdicts and their calls."""
    if values is None:
        return None
    told = values[lay.alone]
    told = told[np.isfinite(told)]
    return float(told.mean()) if len(told) else _of_the_panel(lay, per_verdict(lay, "panel", values))


def dollars_per_verdict(lay: Layout, arm: str) -> float | None:
    """Mean dollars of an arm's verdicts; None as soon as the price of one is unknown."""
    return _mean_of_all(lay, lay.rows_of("verdict", arm))


def dollars_per_call(lay: Layout) -> float | None:
    """Dollars of a single judgement: from those rows, else from the panel's verdicts; None where one has no price."""
    own = _mean_of_all(lay, lay.alone)
    return own if own is not None else _of_the_panel(lay, dollars_per_verdict(lay, "panel"))


def _of_the_panel(lay: Layout, whole: float | None) -> float | None:
    """What one call comes to of what the panel's verdict does."""
    calls = per_verdict(lay, "panel", lay.ratings.calls)
    return whole / calls if whole is not None and calls else None


def _mean_of_all(lay: Layout, rows: Flags) -> float | None:
    values = lay.ratings.cost_usd
    if values is None or not rows.any():
        return None
    return finite(float(values[rows].mean()))  # NaN in one makes it NaN
