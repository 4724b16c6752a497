"""The stability of ratings from anywhere, and the prompts that judges are asked with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agents import prompts_of
from llm import Prompt
from service.application.context import Context
from service.errors import LimitExceededError, NotFoundError

if TYPE_CHECKING:
    from stability import StabilityReport


class Stability:
    """Reports on tables that others made."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def report(
        self,
        source: bytes | Path,
        *,
        format: str | None = None,
        mapping: Mapping[str, str] | None = None,
        thresholds: Mapping[str, float] | float | None = None,
        target: float = 0.8,
        universe: Literal["fixed", "random"] = "fixed",
        seed: int = 0,
    ) -> StabilityReport:
        """The report on a table; nothing is stored. Raises stability.RatingsError that names the line."""
        options: dict[str, Any] = {"thresholds": thresholds, "target": target, "universe": universe, "seed": seed}
        return await asyncio.to_thread(self._compute, source, format, mapping, options)

    def _compute(
        self, source: bytes | Path, format: str | None, mapping: Mapping[str, str] | None, options: Mapping[str, Any]
    ) -> StabilityReport:
        from stability import read_ratings, stability_report

        told: dict[str, Any] = {"format": format, "mapping": dict(mapping) if mapping else None}
        ratings = read_ratings(source, **told)
        most = self._context.limits.ratings_per_import
        if len(ratings) > most:
            raise LimitExceededError(f"the table has {len(ratings)} ratings; at most {most} are taken: split it")
        return stability_report(ratings, **options)


class Prompts:
    """The prompt files of this version, by the hash that stands on every call."""

    async def get(self, sha256: str) -> tuple[Prompt, ...]:
        """The files that a question is made of, in their order; or the one file that has this hash itself.

        Raises NotFoundError: prompts of other versions are in the calls that were asked with them.
        """
        if found := prompts_of(sha256):
            return found
        raise NotFoundError(
            f"no prompt {sha256!r} in this version; the calls that were asked with it still hold its exact messages"
        )
