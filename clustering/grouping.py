"""Who speaks: perspectives into stakeholder groups.

Clustering statements finds topics, not stakeholders. So the distinct role names are clustered, each described by
what it is called and, at half the weight, by what it says; a role counts once, however often it is mentioned.
Statements that only show their role join the group whose named statements they resemble, or none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.clusters import DENSITY_MIN, NOISE, Clusters, Labels, cluster_vectors, link_vectors
from clustering.embedding import Embedder, Vectors
from clustering.perspectives import Perspective
from clustering.refining import opposites_apart, refine_roles
from clustering.trades import qualifiers, trades
from clustering.wording import FUNCTION_WORDS, GENERAL_NOUNS, head_noun, proper_names

STATEMENT_WEIGHT = 0.5
"""Weight of what a stakeholder says against what it is called. Name only: adjusted Rand index .43 on the user stories
of 75 proposals; both: .70; statements only: under .1."""
TRADE_WEIGHT = 0.35
"""Weight of the trade alone against the whole name: a "cluster user" is a user before they are of a cluster. From .2 to .75
the groups of proposals are nearly the same; without, cluster users stand with cluster administrators."""
DOMAIN_WORD_HEADS = 4
"""A qualifier that goes with at least this many different nouns ("hospital nurse", "hospital porter", …) names the
domain that they share, not the stakeholder, and is left out of the comparison."""
ROLES_MIN = 2
"""With fewer distinct roles the statements themselves are clustered."""
SHOWN_SIMILARITY = 0.03
"""Least centred similarity at which a statement that names nobody joins a group."""
LINKED_ROLES_MAX = 3000
"""Up to this many distinct roles are linked by distance, which is quadratic; density estimation calls most of a few
dozen roles noise, and splits a few hundred differently with every resample."""
ROLE_DISTANCE = 0.9
"""Cosine distance of centred roles at which average linkage stops joining; .85 to .94 give nearly the same groups."""
SAME_HEAD = 0.2
"""By how much two roles of one trade ("staff nurse", "night nurse") count as nearer than they lie."""
ALIKE_SIMILARITY = 0.65
"""Similarity of two names from which a small set holds them for one kind of people: software engineer and developer
lie at .67, patient and doctor, who only meet, at .63."""
AUTHORS_MIN = 3
"""From this many statements on, those who wrote the documents are a group of their own."""


@dataclass(frozen=True)
class Grouping:
    """Stakeholder groups over perspectives; groups count from 0, largest first, -1 fits none."""

    labels: Labels
    """(perspectives,)"""
    membership: NDArray[np.float64]
    roles: tuple[Counter[str], ...]
    """Per group: canonical roles with the number of perspectives that name them; empty where nobody was named."""
    persistence: tuple[float | None, ...]
    clusters: Clusters

    @property
    def noise_share(self) -> float | None:
        """Share of perspectives that fit no group; None without perspectives."""
        return float(np.mean(self.labels == NOISE)) if len(self.labels) else None


def group_perspectives(
    perspectives: Sequence[Perspective], vectors: Vectors, embedder: Embedder, *, seed: int
) -> Grouping:
    """Stakeholder groups. vectors: unit rows, what each perspective's concern says."""
    counts = Counter(one.stakeholder for one in perspectives if one.stakeholder and one.origin != "authors")
    if len(counts) < ROLES_MIN:
        return _by_statement(perspectives, vectors, seed)
    roles = sorted(counts)
    of_role = defaultdict(list)
    for index, one in enumerate(perspectives):
        if one.stakeholder in counts:
            of_role[one.stakeholder].append(index)
    names = without_domain_words(roles, proper_names(one.quote for one in perspectives))
    does = trades(roles)
    role_vectors = describe_roles(names, does, [of_role[role] for role in roles], vectors, embedder)
    clusters = _cluster_roles(does, role_vectors, seed)
    role_labels = refine_roles(roles, names, [counts[role] for role in roles], role_vectors, clusters.labels)
    if len(roles) < DENSITY_MIN:
        role_labels = _called_alike(roles, role_labels, embedder)
    role_labels = opposites_apart(role_labels, roles)
    named = dict(zip(roles, role_labels, strict=True))
    labels = np.array([named.get(one.stakeholder or "", NOISE) for one in perspectives], dtype=np.int64)
    authors = [index for index, one in enumerate(perspectives) if one.origin == "authors"]
    if len(authors) >= AUTHORS_MIN:
        labels[authors] = labels.max(initial=-1) + 1
    strengths = dict(zip(roles, _strengths(role_vectors, role_labels), strict=True))
    membership = np.array([strengths.get(one.stakeholder or "", 1.0) for one in perspectives])
    membership[labels == NOISE] = 0.0
    _join_unnamed(perspectives, vectors, labels, membership, embedder)
    return _ordered(labels, membership, perspectives, clusters)


def _cluster_roles(does: Sequence[str], role_vectors: Vectors, seed: int) -> Clusters:
    if DENSITY_MIN <= len(does) <= LINKED_ROLES_MAX:
        named = np.array(does)
        same = (named[:, None] == named[None, :]) & _name_a_trade(does)[:, None]
        return link_vectors(role_vectors, ROLE_DISTANCE, SAME_HEAD * same)
    return cluster_vectors(role_vectors, seed=seed)


def _name_a_trade(does: Sequence[str]) -> NDArray[np.bool_]:
    return ~np.isin(np.array(does), sorted(GENERAL_NOUNS))


def _strengths(role_vectors: Vectors, labels: Labels) -> list[float]:
    """How near each role is to its own group's centre, 0 to 1; 1 where it is the only one, 0 for noise."""
    strengths = np.zeros(len(labels))
    for label in set(labels.tolist()) - {NOISE}:
        own = labels == label
        center = _unit(role_vectors[own].mean(axis=0, keepdims=True))[0]
        strengths[own] = np.clip(role_vectors[own] @ center, 0.0, 1.0)
    return [float(strength) for strength in strengths]


def describe_roles(
    names: Sequence[str], does: Sequence[str], statements: Sequence[Sequence[int]], vectors: Vectors, embedder: Embedder
) -> Vectors:
    """Unit rows, one per role: its name, given without the domain's words, its trade, and the mean of its statements.

    does: the trade of each role; general nouns ("engineer") add nothing, since they name none.

    Names are centred from `DENSITY_MIN` roles on: what all of them share ("somebody at work in a hospital") otherwise
    outweighs what tells a cleaner from a nurse.
    """
    called = embedder.embed(names)
    called = _unit(called + TRADE_WEIGHT * embedder.embed(does) * _name_a_trade(does)[:, None])
    if len(names) >= DENSITY_MIN:
        called = _unit(called - called.mean(axis=0))
    said = np.stack([vectors[list(rows)].mean(axis=0) for rows in statements])
    said = _unit(said)
    said = _unit(said - said.mean(axis=0)) if len(names) >= 3 else said
    return _unit(called + STATEMENT_WEIGHT * said)


def without_domain_words(roles: Sequence[str], names: frozenset[str] = frozenset()) -> list[str]:
    """The roles without the qualifiers that go with every kind of noun; the head always stays.

    names: proper names, which say whose project or product it is ("Kubernetes administrator", "Kubernetes user") and
    are left out too, but for general nouns that would say nothing alone ("Salesforce consultant").
    """
    heads: dict[str, set[str]] = defaultdict(set)
    for role in roles:
        for word in qualifiers(role):
            heads[word].add(head_noun(role))
    domain = {word for word, nouns in heads.items() if len(nouns) >= DOMAIN_WORD_HEADS}
    return [_without(role, domain if head_noun(role) in GENERAL_NOUNS else domain | names) for role in roles]


def _without(role: str, domain: AbstractSet[str]) -> str:
    words = [word for word in role.split() if word not in domain or word == head_noun(role)]
    while words and words[-1] in FUNCTION_WORDS:
        words.pop()
    return " ".join(words) or role


def _called_alike(roles: Sequence[str], labels: Labels, embedder: Embedder) -> Labels:
    """Groups joined whose names, without what they are "of", are nearly the same.

    A shared qualifier under different heads does not count: a family doctor is no family carer.
    """
    names = embedder.embed([role.split(" of ")[0] for role in roles])
    joined = labels.copy()
    for first, second in np.argwhere(np.triu(names @ names.T >= ALIKE_SIMILARITY, 1)).tolist():
        one, other = roles[first], roles[second]
        qualified_alike = head_noun(one) != head_noun(other) and qualifiers(one) & qualifiers(other)
        if NOISE not in (joined[first], joined[second]) and not qualified_alike:
            joined[joined == joined[second]] = joined[first]
    return joined


def _join_unnamed(
    perspectives: Sequence[Perspective], vectors: Vectors, labels: Labels, membership: NDArray[np.float64],
    embedder: Embedder,
) -> None:  # fmt: skip
    """Statements that name nobody join the group that they resemble most, in place: its named statements' centre and,
    as much, what its people are called ("I have to read out the risk warning" is near "investment adviser")."""
    unnamed = [index for index, one in enumerate(perspectives) if labels[index] == NOISE and one.stakeholder is None]
    named = np.flatnonzero(labels != NOISE)
    if not unnamed or not len(named):
        return
    groups = sorted(set(labels[named].tolist()))
    centred = _unit(vectors - vectors.mean(axis=0))
    said = _unit(np.stack([centred[labels == group].mean(axis=0) for group in groups]))
    scores = centred[unnamed] @ (said + _called(perspectives, labels, groups, embedder)).T
    best = scores.argmax(axis=1)
    for row, index in enumerate(unnamed):
        score = float(scores[row, best[row]]) / 2
        if score >= SHOWN_SIMILARITY:
            labels[index] = groups[int(best[row])]
            membership[index] = min(1.0, max(0.0, score))


def _called(perspectives: Sequence[Perspective], labels: Labels, groups: Sequence[int], embedder: Embedder) -> Vectors:
    """(groups, dimensions): the mean of each group's distinct role names, centred; 0 where it has none."""
    names = [
        sorted({role for row in np.flatnonzero(labels == group).tolist() if (role := perspectives[row].stakeholder)})
        for group in groups
    ]
    distinct = sorted({role for own in names for role in own})
    rows = embedder.embed(distinct)
    centred = dict(zip(distinct, _unit(rows - rows.mean(axis=0)), strict=True))
    means = [np.mean([centred[role] for role in own], axis=0) if own else np.zeros(rows.shape[1]) for own in names]
    return _unit(np.stack(means))


def _by_statement(perspectives: Sequence[Perspective], vectors: Vectors, seed: int) -> Grouping:
    if len({one.stakeholder for one in perspectives}) == 1 and perspectives and perspectives[0].stakeholder:
        labels = np.zeros(len(perspectives), dtype=np.int64)
        clusters = Clusters(labels, np.ones(len(labels)), (None,), {"method": "single stakeholder"})
    else:
        clusters = cluster_vectors(vectors, seed=seed)
    return _ordered(clusters.labels.copy(), clusters.membership.copy(), perspectives, clusters)


def _ordered(
    labels: Labels, membership: NDArray[np.float64], perspectives: Sequence[Perspective], clusters: Clusters
) -> Grouping:
    sizes = Counter(label for label in labels.tolist() if label != NOISE)
    order = sorted(sizes, key=lambda label: (-sizes[label], int(np.argmax(labels == label))))
    rank = {label: position for position, label in enumerate(order)}
    ranked = np.array([rank.get(label, NOISE) for label in labels.tolist()], dtype=np.int64)
    roles: tuple[Counter[str], ...] = tuple(Counter() for _ in order)
    for label, one in zip(ranked.tolist(), perspectives, strict=True):
        if label != NOISE and one.stakeholder:
            roles[label][one.stakeholder] += 1
    persistence = tuple(clusters.persistence[label] if label < len(clusters.persistence) else None for label in order)
    return Grouping(ranked, membership, roles, persistence, clusters)


def _unit(rows: Vectors) -> Vectors:
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0), dtype=np.float32)
