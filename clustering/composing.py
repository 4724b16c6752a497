"""What a group cares about: its perspectives into distinct dimensions, and each dimension into a persona."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.fuzz import ratio

from clustering.embedding import Vectors
from clustering.excerpts import SPARSE_EXCERPTS, choose_excerpts, rank_excerpts
from clustering.naming import keywords, subject_of, telling_apart
from clustering.needs import Need, document_spread, leading_need, without_markup
from clustering.persona import Excerpt, Persona, Provenance, StakeholderGroup
from clustering.perspectives import Perspective
from clustering.wording import head_noun, leading_role, singular

SAME_SIMILARITY = 0.93
"""Perspectives at least this similar say the same thing and merge."""
MAYBE_SAME_SIMILARITY = 0.8
"""Only pairs at least this similar are compared letter by letter."""
DISTINCT_MAX = 2000
"""Statements of one group that are compared with each other: the comparison is quadratic."""
PERSPECTIVES_PER_PERSONA_MIN = 3
"""A persona by coverage needs this many perspectives; a group with fewer yields one persona."""
SAME_DIMENSION_SIMILARITY = 0.9
"""Two parts of a group whose centres are this similar are one persona."""
ROLE_SHARE = 0.3
"""Weight of what a speaker is called against what they say, where a group is split: several names for the same people
("administrator", "operator") must not make several personas."""
SPARSE_CARD = "sparse_card"
"""Warning code: fewer than three excerpts, so the card leaves the model free."""


def distinct(rows: Sequence[int], perspectives: Sequence[Perspective], vectors: Vectors) -> list[int]:
    """Rows without near-duplicates; of those that say the same, the one that speaks most stays.

    Of a group beyond `DISTINCT_MAX` statements, those that speak most stand for all.
    """
    ordered = sorted(rows, key=lambda index: (-perspectives[index].voice, index))[:DISTINCT_MAX]
    own = vectors[ordered]
    kept: list[int] = []
    for place, row in enumerate(ordered):
        similar = own[kept] @ own[place]
        alike = np.flatnonzero(similar >= MAYBE_SAME_SIMILARITY).tolist()
        if not any(
            similar[other] >= SAME_SIMILARITY
            or ratio(perspectives[row].quote, perspectives[ordered[kept[other]]].quote) >= 92
            for other in alike
        ):
            kept.append(place)
    return sorted(ordered[place] for place in kept)


def split_dimensions(rows: Sequence[int], vectors: Vectors, count: int, sources: Sequence[str]) -> list[list[int]]:
    """At most `count` distinct evaluative dimensions of a group, largest first, each a list of rows.

    sources: the document of every row of `vectors`. Ward linkage; a part with less than three perspectives joins the
    nearest other one, and so does one out of a single document where the group speaks in many: it is the subject of
    that document, not a kind of people. Fewer dimensions where two would be nearly the same.
    """
    if count <= 1 or len(rows) < 2 * PERSPECTIVES_PER_PERSONA_MIN:
        return [list(rows)]
    from scipy.cluster.hierarchy import fcluster, linkage

    own = np.asarray(vectors[list(rows)], dtype=np.float64)
    named = np.array([sources[row] for row in rows])
    documents_min = 2 if len(set(named.tolist())) >= 2 * count else 1
    tree = linkage(own, method="ward")
    for wanted in range(count, 1, -1):
        for cut in range(wanted, 2 * count + 3):
            labels = _joined_small(
                np.asarray(fcluster(tree, cut, criterion="maxclust"), dtype=np.int64), own, named, documents_min
            )
            parts = sorted(set(labels.tolist()))
            if len(parts) == wanted and not _nearly_same(parts, labels, own):
                found = [[row for row, label in zip(rows, labels, strict=True) if label == part] for part in parts]
                return sorted(found, key=lambda part: (-len(part), part[0]))
    return [list(rows)]


def _joined_small(
    labels: NDArray[np.int64], own: NDArray[np.float64], sources: NDArray[np.str_], documents_min: int
) -> NDArray[np.int64]:
    """Labels in which every part is large enough and heard in enough documents; the others join the nearest."""
    fit = [
        part
        for part in sorted(set(labels.tolist()))
        if np.sum(labels == part) >= PERSPECTIVES_PER_PERSONA_MIN
        and len(set(sources[labels == part].tolist())) >= documents_min
    ]
    if not fit:
        return np.zeros_like(labels)
    centers = _centers(fit, labels, own)
    nearest = np.array(fit)[np.argmax(own @ centers.T, axis=1)]
    return np.where(np.isin(labels, fit), labels, nearest)


def _nearly_same(parts: Sequence[int], labels: NDArray[np.int64], own: NDArray[np.float64]) -> bool:
    centers = _centers(parts, labels, own)
    return bool(np.triu(centers @ centers.T, 1).max() >= SAME_DIMENSION_SIMILARITY)


def _centers(parts: Sequence[int], labels: NDArray[np.int64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    means = np.stack([own[labels == part].mean(axis=0) for part in parts])
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9))


def compose_personas(
    groups: Sequence[StakeholderGroup], members: Sequence[Sequence[int]], perspectives: Sequence[Perspective],
    vectors: Vectors, role_vectors: Vectors, counts: Sequence[int],
) -> tuple[Persona, ...]:  # fmt: skip
    """Personas of all groups; counts: how many each group may have at most.

    vectors and role_vectors: unit rows per perspective, what it says and what its speaker is called; both decide
    which perspectives share a persona, so that a specialist inside a group gets a card of their own.
    """
    both = vectors + ROLE_SHARE * role_vectors
    sources = [one.span.document_id for one in perspectives]
    parts: list[tuple[StakeholderGroup, list[int]]] = []
    spreads: dict[str, Counter[str]] = {}
    tails: list[tuple[str, ...]] = []
    for group, rows, count in zip(groups, members, counts, strict=True):
        unique = distinct(rows, perspectives, vectors)
        spreads[group.id] = document_spread(perspectives[row] for row in unique)
        own = split_dimensions(unique, both, count, sources)
        parts += [(group, part) for part in own]
        told = [[(sources[row], perspectives[row].concern) for row in part] for part in own]
        tails += telling_apart(told, _roles(unique, perspectives))
    words = keywords([[perspectives[row].concern for row in part] for _, part in parts])
    number: Counter[str] = Counter()
    personas = []
    for (group, part), found, tail in zip(parts, words, tails, strict=True):
        number[group.id] += 1
        personas.append(
            _persona(group, number[group.id], part, found, perspectives, vectors, tail=tail, spread=spreads[group.id])
        )
    return _named_apart(personas, tails)


def _named_apart(personas: Sequence[Persona], tails: Sequence[tuple[str, ...]]) -> tuple[Persona, ...]:
    """Personas of which no two share a name: the later one takes its own words instead, or its number."""
    taken: set[str] = set()
    named = []
    for one, tail in zip(personas, tails, strict=True):
        stem = one.name.split(" (")[0]
        free = (
            name
            for name in (one.name, f"{stem} ({', '.join(tail)})", f"{stem} ({one.id.rsplit('-', 1)[-1]})")
            if name not in taken
        )
        name = next(free, one.name)
        taken.add(name)
        named.append(one.model_copy(update={"name": name}) if name != one.name else one)
    return tuple(named)


def _persona(
    group: StakeholderGroup, number: int, rows: Sequence[int], words: tuple[str, ...],
    perspectives: Sequence[Perspective], vectors: Vectors, *, tail: tuple[str, ...], spread: Mapping[str, int],
) -> Persona:  # fmt: skip
    """tail: what this persona of its group is about, where the group has several; else empty. spread: of its group."""
    ranked = choose_excerpts(rank_excerpts(rows, perspectives, vectors), perspectives)
    spans = tuple(perspectives[row].span for row in ranked)
    said = Provenance(kind="document", spans=spans)
    inferred = Provenance(kind="inferred", spans=spans)
    called = ", ".join(role for role, _ in _roles(rows, perspectives).most_common(4))
    stakeholder, need = speaker_and_need(
        _stakeholder(group, rows, perspectives), [perspectives[row] for row in ranked], spread
    )
    speakers = [perspectives[row] for row in rows if perspectives[row].stakeholder]
    named = any(one.stakeholder == stakeholder and _is_named(one) for one in speakers)
    stated = bool(called) and all(_is_named(one) for one in speakers)
    called_as = _as_written(stakeholder, [perspectives[row].quote for row in rows])
    about = _about(need.text if need else "", tail, [perspectives[row].quote for row in rows])
    return Persona(
        id=f"{group.id}-{number}",
        name=f"{called_as[:1].upper()}{called_as[1:]}{f' ({about})' if about else ''}",
        stakeholder=stakeholder,
        group_id=group.id,
        perspective=need.text if need else "Looks at what its own words ask for.",
        specialty=", ".join(words),
        background=f"Speaks in the documents as {called}." if called else "",
        excerpts=tuple(Excerpt(quote=perspectives[row].quote, span=perspectives[row].span) for row in ranked),
        provenance={
            "name": inferred, "stakeholder": said if called and named else inferred,
            "perspective": Provenance(kind="document", spans=(need.span,)) if need else inferred,
            "specialty": inferred, "background": said if stated else inferred, "excerpts": said,
        },
        warnings=(SPARSE_CARD,) if len(ranked) < SPARSE_EXCERPTS else (),
    )  # fmt: skip


def _is_named(one: Perspective) -> bool:
    """Whether the document names the speaker; a model may call somebody what no document calls them."""
    if one.origin != "model" or one.stakeholder is None:
        return True
    return head_noun(one.stakeholder) in {singular(word) for word in re.findall(r"[\w-]+", one.quote)}


def speaker_and_need(
    stakeholder: str, shown: Sequence[Perspective], spread: Mapping[str, int]
) -> tuple[str, Need | None]:
    """What the stakeholder asks for; where only another role of the group asks for something, that role and its need:
    nothing is put into another's mouth. A name that nobody has ("maintainer") stands for all."""
    own = [one for one in shown if one.stakeholder == stakeholder]
    if need := leading_need(own, spread):
        return stakeholder, need
    need = leading_need(shown, spread) or leading_need(own, spread, in_part=True) or leading_need(shown, in_part=True)
    by = next((one.stakeholder for one in shown if need and one.span.holds(need.span)), None)
    return (by if own and by and stakeholder not in by else stakeholder), need


def _about(need: str, tail: tuple[str, ...], quotes: Sequence[str]) -> str:
    """What tells a persona from the others of its group: what its need is about, else its own words; "" for an only one."""
    if not tail:
        return ""
    return subject_of(need) or ", ".join(_as_written(word, quotes) for word in tail)


def _as_written(name: str, quotes: Sequence[str]) -> str:
    """A name with the capitals that the documents give its words: `SRE`, `user of Kubernetes`."""
    written: dict[str, Counter[str]] = {word: Counter() for word in name.split()}
    for quote in quotes:
        for word in re.findall(r"(?<=\s)[\w-]+", without_markup(quote)):
            if word.lower() in written:
                written[word.lower()][word] += 1
    return " ".join(forms.most_common(1)[0][0] if forms else word for word, forms in written.items())


def _roles(rows: Sequence[int], perspectives: Sequence[Perspective]) -> Counter[str]:
    return Counter(role for row in rows if (role := perspectives[row].stakeholder))


def _stakeholder(group: StakeholderGroup, rows: Sequence[int], perspectives: Sequence[Perspective]) -> str:
    return leading_role(_roles(rows, perspectives)) or group.name


def slug(name: str) -> str:
    """A name as an id: lower case, hyphens; letters of any script stay."""
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-_") or "group"
