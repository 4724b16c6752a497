"""The way from documents to a persona set, stage by stage."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from clustering.clusters import NOISE, Labels
from clustering.composing import compose_personas, slug
from clustering.demographics import rows_state, said_of_themselves, with_demographics
from clustering.document import Document
from clustering.duplicates import without_repetitions
from clustering.embedding import Embedder, Vectors, open_embedder
from clustering.errors import NoUsableDocumentError
from clustering.excerpts import asks
from clustering.extraction import extract_with_model, extraction_prompt
from clustering.grouping import Grouping, group_perspectives, without_domain_words
from clustering.naming import keywords
from clustering.persona import MapPoint, Persona, PersonaSet, Provenance, StakeholderGroup
from clustering.perspectives import AUTHOR, Perspective, extract_perspectives
from clustering.wording import leading_role, proper_names
from llm import CallLedger, Model

STATEMENTS_PER_PERSONA = 10
"""By coverage a group gets one persona for this many statements: fewer do not show two interests."""

Stage = Literal["reading", "extracting", "embedding", "grouping", "composing"]
Progress = Callable[[str, int, int], None]
"""Called with stage, done, total; from a worker thread, so it must be quick and thread-safe."""


_QUOTATION = re.compile(r"[\"“”„«»‹›「」]|(?<!\w)['‘]|['’](?!\w)")


class PersonaOptions(BaseModel):
    """What decides a persona set, apart from the documents and the models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    personas: int | None = Field(default=None, ge=1, le=60)
    """How many in all, the largest groups first; fewer where too little is said. None lets coverage decide."""
    personas_per_group_max: int = Field(default=3, ge=1, le=10)
    groups_max: int = Field(default=10, ge=1, le=30)
    """Groups that get personas, largest first; the others stay on the map."""
    resamples: int = Field(default=0, ge=0, le=200)
    """Bootstrap samples of the documents on which the set is built again, to say how reproducible it is; 0: none."""
    single_voices: bool = False
    """Whether a stakeholder heard once, in one statement, gets a persona; otherwise it stays on the map, counted."""
    demographics: bool = False
    """Whether personas get the age, gender, place, occupation, experience, education, family and language that the
    documents state of those who speak in them. Off: demographics may bias scores."""


async def build_persona_set(
    documents: Sequence[Document], *, options: PersonaOptions | None = None, model: Model | None = None,
    embedder: Embedder | None = None, ledger: CallLedger | None = None, progress: Progress | None = None,
) -> PersonaSet:  # fmt: skip
    """Personas from documents: extractive without a model. Deterministic for a seed, across processes.

    Raises NoUsableDocumentError without documents, or where nobody says anything in them.
    """
    options = options or PersonaOptions()
    if not documents:
        raise NoUsableDocumentError("no documents were given; give at least one text in which somebody speaks")
    report = progress or (lambda stage, done, total: None)
    counted: dict[str, int] = {"quotes_dropped": 0}
    if model is None:
        perspectives = await asyncio.to_thread(_extract, documents, report)
    else:
        found = await extract_with_model(
            documents, model, seed=options.seed, ledger=ledger, demographics=options.demographics,
            progress=lambda done, total: report("extracting", done, total),
        )  # fmt: skip
        perspectives = found.perspectives
        counted = {
            "quotes_dropped": found.quotes_dropped, "stakeholders_dropped": found.stakeholders_dropped,
            "sections": found.sections, "sections_failed": found.sections_failed,
        } | ({"demographics_dropped": found.demographics_dropped} if options.demographics else {})  # fmt: skip
    built = await asyncio.to_thread(
        assemble_persona_set, len(documents), perspectives, options, embedder or open_embedder(), report
    )
    if options.demographics:
        stated = found.stated if model else await asyncio.to_thread(said_of_themselves, documents)
        built = with_demographics(built, perspectives, [*rows_state(documents, perspectives), *stated])
    method: Literal["extractive", "model"] = "extractive" if model is None else "model"
    parameters = (
        {**built.parameters, "model": model.spec, "prompt_sha256": extraction_prompt(options.demographics).sha256}
        if model
        else {}
    )
    return built.model_copy(
        update={
            "method": method, "parameters": parameters or built.parameters, "statistics": built.statistics | counted,
        }
    )  # fmt: skip


def _extract(documents: Sequence[Document], report: Progress) -> list[Perspective]:
    found: list[Perspective] = []
    for number, document in enumerate(documents, 1):
        found += extract_perspectives(document)
        report("extracting", number, len(documents))
    return found


def assemble_persona_set(
    documents: int, perspectives: Sequence[Perspective], options: PersonaOptions, embedder: Embedder, report: Progress
) -> PersonaSet:
    """The set of what was heard in so many documents. Raises NoUsableDocumentError where nobody was heard."""
    if not perspectives:
        raise NoUsableDocumentError(
            f"nobody speaks in the {documents} document(s): no role phrase such as 'As a nurse, I …', no reported "
            "need and no first-person statement was found; add interviews, user stories or comments, or use a model"
        )
    found, perspectives = len(perspectives), without_repetitions(perspectives)
    vectors = embedder.embed(
        [one.concern for one in perspectives], lambda done, total: report("embedding", done, total)
    )
    report("grouping", 0, 1)
    grouping = group_perspectives(perspectives, vectors, embedder, seed=options.seed)
    report("grouping", 1, 1)
    groups, members = describe_groups(grouping, perspectives)
    heard = [index for index, one in enumerate(groups) if one.mentions > 1 or (one.mentions == 0 and one.size > 1)]
    if options.single_voices or not heard:
        heard = list(range(len(groups)))
    # the documents' own voice is nobody's interest, unless nothing else speaks
    speaking = [index for index in heard if groups[index].name != AUTHOR] or heard
    speaking.sort(key=lambda index: -sum(asks(perspectives[row]) for row in members[index]))  # stable: then by size
    chosen = speaking[: min(options.groups_max, options.personas or len(heard))]
    counts = _persona_counts([len(members[index]) for index in chosen], options)
    names = proper_names(one.quote for one in perspectives)
    named = embedder.embed(without_domain_words([one.stakeholder or "" for one in perspectives], names))
    personas = compose_personas(
        [groups[index] for index in chosen], [members[index] for index in chosen], perspectives, vectors, named, counts
    )
    report("composing", 1, 1)
    return PersonaSet(
        personas=tuple(_with_background(one, perspectives) for one in personas), groups=groups, method="extractive",
        parameters=_parameters(options, embedder, grouping),
        statistics={
            "documents": documents, "perspectives": len(perspectives), "repetitions_merged": found - len(perspectives), "groups": len(groups),
            "single_voices": len(groups) - len(heard), "noise_share": grouping.noise_share, "dbcv": grouping.clusters.dbcv,
        },
        map=_map(grouping, groups, perspectives, vectors),
        warnings=("single_voices_unplaced",) if len(heard) < len(groups) else (),
    )  # fmt: skip


def _with_background(persona: Persona, perspectives: Sequence[Perspective]) -> Persona:
    """What a model said of the speakers of the persona's excerpts, as its background; `inferred`, since no document
    says it in these words. A sentence with quotation marks is left out: only verified quotes reach a persona. The
    same persona where no model read the documents."""
    spans = {excerpt.span for excerpt in persona.excerpts}
    told = Counter(
        " ".join(one.characteristics.split())
        for one in perspectives
        if one.span in spans and one.characteristics.strip() and not _QUOTATION.search(one.characteristics)
    )
    if not told:
        return persona
    inferred = Provenance(kind="inferred", spans=tuple(one.span for one in persona.excerpts if one.span))
    background = " ".join(part for part in (persona.background, told.most_common(1)[0][0]) if part)
    return persona.model_copy(
        update={"background": background, "provenance": {**persona.provenance, "background": inferred}}
    )


def describe_groups(
    grouping: Grouping, perspectives: Sequence[Perspective]
) -> tuple[tuple[StakeholderGroup, ...], list[list[int]]]:
    """The groups with names, keywords and exemplars, and the rows of their perspectives."""
    members: list[list[int]] = [
        np.flatnonzero(grouping.labels == index).tolist() for index in range(len(grouping.roles))
    ]
    words = keywords([[perspectives[row].concern for row in rows] for rows in members])
    taken: set[str] = set()
    groups = []
    for index, rows in enumerate(members):
        roles = grouping.roles[index]
        free = Counter({role: count for role, count in roles.items() if role not in taken})
        name = leading_role(free) or ", ".join(words[index][:3])
        name = name if name and name not in taken else f"group {index + 1}"
        taken.add(name)
        groups.append(
            StakeholderGroup(
                id=slug(name), name=name, keywords=words[index], size=len(rows), mentions=sum(roles.values()),
                persistence=grouping.persistence[index], exemplars=tuple(role for role, _ in roles.most_common(6)),
            )
        )  # fmt: skip
    return tuple(groups), members


def _persona_counts(sizes: Sequence[int], options: PersonaOptions) -> list[int]:
    """How many personas each group may have: one each, the rest where most is said."""
    total = options.personas
    if total is None:
        return [min(options.personas_per_group_max, max(1, size // STATEMENTS_PER_PERSONA)) for size in sizes]
    counts = [1 if index < total else 0 for index in range(len(sizes))]
    while sum(counts) < total and any(size // (count + 1) >= 3 for size, count in zip(sizes, counts, strict=True)):
        counts[max(range(len(sizes)), key=lambda index: sizes[index] / (counts[index] + 1))] += 1
    return counts


def _parameters(
    options: PersonaOptions, embedder: Embedder, grouping: Grouping
) -> dict[str, str | int | float | bool | None]:
    try:
        code = version("rehearing")
    except PackageNotFoundError:
        code = None
    chosen = {f"clustering_{key}": value for key, value in grouping.clusters.parameters.items()}
    return {**options.model_dump(), "embedding_model": embedder.name, "code_version": code, **chosen}


def _map(
    grouping: Grouping, groups: Sequence[StakeholderGroup], perspectives: Sequence[Perspective], vectors: Vectors
) -> tuple[MapPoint, ...]:
    positions = _positions(vectors, grouping.labels)
    return tuple(
        MapPoint(
            x=round(float(x), 4), y=round(float(y), 4), group_id=None if label == NOISE else groups[label].id,
            membership=None if label == NOISE else round(float(strength), 4), label=one.stakeholder or "",
            quote=one.quote, span=one.span,
        )
        for (x, y), label, strength, one in zip(
            positions, grouping.labels.tolist(), grouping.membership, perspectives, strict=True
        )
    )  # fmt: skip


def _positions(vectors: Vectors, labels: Labels) -> NDArray[np.float64]:
    """(rows, 2) positions for the map: principal axes of what is said, pulled towards the own group's centre."""
    if len(vectors) == 0:
        return np.zeros((0, 2))
    pulled = np.asarray(vectors, dtype=np.float64).copy()
    for label in set(labels.tolist()) - {NOISE}:
        rows = labels == label
        pulled[rows] = 0.4 * pulled[rows] + 0.6 * pulled[rows].mean(axis=0)
    centred = pulled - pulled.mean(axis=0)
    _, _, axes = np.linalg.svd(
        centred if len(centred) <= 5000 else centred[:: len(centred) // 5000], full_matrices=False
    )
    axes = axes[:2] * np.sign(axes[:2].sum(axis=1, keepdims=True) + 1e-12)
    flat = centred @ axes.T
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
