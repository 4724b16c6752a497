"""Would other documents of the same kind give the same panel? Documents are resampled and the set is built again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from clustering.building import PersonaOptions, Progress, assemble_persona_set, build_persona_set
from clustering.document import Document
from clustering.embedding import Embedder, Vectors, open_embedder
from clustering.errors import NoUsableDocumentError, PersonaInputError
from clustering.persona import Persona, PersonaSet
from clustering.perspectives import Perspective, extract_perspectives
from llm import CallLedger, Model

SAME_PERSONA_SIMILARITY = 0.75
"""Cosine similarity of two cards from which they are the same persona."""
FRAGILE_SHARE = 0.5
"""A persona that reappears in fewer resamples than this is fragile."""
FRAGILE = "fragile"
"""Warning code: the persona is missing from most resamples."""


@dataclass(frozen=True)
class Interval:
    """Mean and 95 % percentile interval over the resamples."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Reproducibility:
    """How far a persona set depends on which documents were at hand."""

    resamples: int
    """Resamples in which somebody spoke."""
    rand_index: Interval | None
    """Adjusted Rand index of the groups, over the statements that both sets heard; None below two resamples."""
    reappearing: Interval | None
    """Share of the personas found again."""
    by_persona: dict[str, float]
    """Share of resamples in which each persona was found again."""
    fragile: tuple[str, ...]
    """Ids of the personas found again in less than half of the resamples."""
    effective_personas: float | None = None
    """How many unlike personas the full set amounts to, see `effective_personas`."""


async def measure_reproducibility(
    documents: Sequence[Document], *, options: PersonaOptions | None = None, resamples: int = 20,
    embedder: Embedder | None = None, model: Model | None = None, ledger: CallLedger | None = None,
    progress: Progress | None = None, whole: PersonaSet | None = None,
) -> Reproducibility:  # fmt: skip
    """Rebuilds the set on `resamples` bootstrap samples of the documents and compares each with the full set.

    A document drawn twice counts once (its duplicate says nothing new), so a sample holds about 63 % of them. With a
    model, every resample extracts anew under its own seed. Personas are matched one to one by the similarity of
    their cards (optimal assignment). whole: the full set, where it was built already with these options. Raises
    PersonaInputError below two documents.
    """
    if len(documents) < 2:
        raise PersonaInputError("reproducibility needs two documents or more: one cannot be resampled")
    options, embedder = options or PersonaOptions(), embedder or open_embedder()
    rebuild = _rebuilding(embedder, model, ledger)
    whole = whole or await rebuild(documents, options)
    indices: list[float] = []
    found: list[list[bool]] = []
    rng = np.random.default_rng(options.seed)
    for number in range(resamples):
        drawn = sorted(set(rng.integers(0, len(documents), len(documents)).tolist()))
        seeded = options.model_copy(update={"seed": options.seed + number + 1})
        try:
            again = await rebuild([documents[index] for index in drawn], seeded)
        except NoUsableDocumentError:
            continue
        indices.append(_rand_index(whole, again))
        found.append(await asyncio.to_thread(match_personas, whole.personas, again.personas, embedder))
        if progress:
            progress("resampling", number + 1, resamples)
    shares = np.mean(found, axis=0) if found else np.zeros(len(whole.personas))
    by_persona = {one.id: round(float(share), 4) for one, share in zip(whole.personas, shares, strict=True)}
    return Reproducibility(
        len(found), _interval(indices), _interval([float(np.mean(one)) for one in found]), by_persona if found else {},
        tuple(one for one, share in by_persona.items() if share < FRAGILE_SHARE) if found else (),
        await asyncio.to_thread(effective_personas, whole.personas, embedder),
    )  # fmt: skip


def _rebuilding(
    embedder: Embedder, model: Model | None, ledger: CallLedger | None
) -> Callable[[Sequence[Document], PersonaOptions], Awaitable[PersonaSet]]:
    """Builds a set from some of the documents; without a model each document is read once for all resamples."""
    heard: dict[str, list[Perspective]] = {}

    def assemble(documents: Sequence[Document], options: PersonaOptions) -> PersonaSet:
        for one in documents:
            if one.id not in heard:
                heard[one.id] = extract_perspectives(one)
        perspectives = [found for one in documents for found in heard[one.id]]
        return assemble_persona_set(len(documents), perspectives, options, embedder, lambda stage, done, total: None)

    async def rebuild(documents: Sequence[Document], options: PersonaOptions) -> PersonaSet:
        if model is None:
            return await asyncio.to_thread(assemble, documents, options)
        return await build_persona_set(documents, options=options, embedder=embedder, model=model, ledger=ledger)

    return rebuild


def with_reproducibility(persona_set: PersonaSet, measured: Reproducibility) -> PersonaSet:
    """The set with the figures among its statistics, and the warning `fragile` on personas that seldom reappear."""
    effective = measured.effective_personas
    figures: dict[str, float | int | None] = {
        "reproducibility_resamples": measured.resamples,
        "effective_personas": None if effective is None else round(effective, 2),
    }
    for name, interval in (("rand_index", measured.rand_index), ("reappearing", measured.reappearing)):
        for bound in ("mean", "low", "high"):
            figures[f"reproducibility_{name}_{bound}"] = getattr(interval, bound) if interval else None
    personas = tuple(
        one.model_copy(update={"warnings": (*one.warnings, FRAGILE)}) if one.id in measured.fragile else one
        for one in persona_set.personas
    )
    return persona_set.model_copy(update={"personas": personas, "statistics": persona_set.statistics | figures})


def match_personas(first: Sequence[Persona], second: Sequence[Persona], embedder: Embedder) -> list[bool]:
    """Which personas of the first panel the second holds too; each of the second answers for one at most."""
    from scipy.optimize import linear_sum_assignment

    similarity = _cards(first, embedder) @ _cards(second, embedder).T
    rows, columns = linear_sum_assignment(-similarity)
    matched = [False] * len(first)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        matched[row] = bool(similarity[row, column] >= SAME_PERSONA_SIMILARITY)
    return matched


def effective_personas(personas: Sequence[Persona], embedder: Embedder) -> float | None:
    """The effective number of personas: n for n unlike ones, 1 for n copies; None without any.

    The Vendi score: exponential of the entropy of the eigenvalues of the cards' similarity (Friedman & Dieng 2023).
    """
    if not personas:
        return None
    cards = np.asarray(_cards(personas, embedder), dtype=np.float64)
    values = np.linalg.eigvalsh(cards @ cards.T / len(cards))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def _cards(personas: Sequence[Persona], embedder: Embedder) -> Vectors:
    """A persona's direction: its stakeholder's name and, with the same weight, the mean of its excerpts."""
    rows = []
    for one in personas:
        said = embedder.embed([excerpt.quote for excerpt in one.excerpts] or [one.perspective]).mean(axis=0)
        rows.append(embedder.embed([one.stakeholder])[0] + said / max(float(np.linalg.norm(said)), 1e-9))
    cards = np.stack(rows)
    return np.asarray(cards / np.linalg.norm(cards, axis=1, keepdims=True), dtype=np.float32)


def _rand_index(first: PersonaSet, second: PersonaSet) -> float:
    from sklearn.metrics import adjusted_rand_score

    before = {point.span: point.group_id for point in first.map}
    both = [(before[point.span], point.group_id) for point in second.map if point.span in before]
    return float(adjusted_rand_score([str(one) for one, _ in both], [str(two) for _, two in both]))


def _interval(values: Sequence[float]) -> Interval | None:
    if len(values) < 2:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(round(float(np.mean(values)), 4), round(float(low), 4), round(float(high), 4))
