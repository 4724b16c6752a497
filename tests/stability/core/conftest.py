"""Tables with a planted truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stability import Rating, Ratings


def planted(
    items: int = 40,
    personas: int = 4,
    runs: int = 4,
    *,
    item_sd: float = 0.8,
    persona_sd: float = 0.4,
    interaction_sd: float = 0.3,
    run_sd: float = 0.6,
    missing: float = 0.0,
    debate_sd: float | None = None,
    whole: bool = True,
    seed: int = 0,
) -> Ratings:
    """Ratings of a judge with known parameters; `debate_sd` adds one debate verdict per run."""
    rng = np.random.default_rng(seed)
    base = 3 + rng.normal(0, item_sd, items) if item_sd else np.full(items, 3.0)
    persona = rng.normal(0, persona_sd, personas) if persona_sd else np.zeros(personas)
    both = rng.normal(0, interaction_sd, (items, personas)) if interaction_sd else np.zeros((items, personas))
    rows = []
    for i in range(items):
        for r in range(runs):
            for p in range(personas):
                score = base[i] + persona[p] + both[i, p] + rng.normal(0, run_sd)
                score = float(np.clip(round(score), 1, 5)) if whole else float(score)
                lost = missing > 0 and rng.random() < missing
                rows.append(Rating(f"i{i}", f"p{p}", str(r), None if lost else score))
            if debate_sd is not None:
                rows.append(Rating(f"i{i}", None, str(r), float(base[i] + persona.mean() + rng.normal(0, debate_sd))))
    return Ratings.from_rows(rows)


@pytest.fixture
def plant() -> Callable[..., Ratings]:
    return planted
