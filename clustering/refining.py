"""Loose clusters of roles taken apart: specialists out of grab bags, and kin out of everybody's margins.

Density clustering of a few dozen role names leaves large clusters with a clear core (those who are called alike) and
a margin of rare names. A core that holds two different kinds of people is split, and the margins of all clusters are
pooled and linked once more, so that maintainers who are called something else in every document still meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clustering.clusters import NOISE, Labels
from clustering.embedding import Vectors
from clustering.wording import GENERAL_NOUNS, STEWARDS, head_noun

LOOSE = 0.42
"""Mean similarity of a cluster's roles below which it is taken apart; clusters of one trade lie at .45 to .6."""
CORE_DISTANCE = 0.65
"""Cosine distance at which the roles of a loose cluster still belong together."""
CORE_SHARE = 0.2
"""Share of a cluster's mentions that makes a part of it a core of its own."""
KIN_DISTANCE = 0.78
"""Cosine distance at which rare roles out of several margins still make a group."""
KIN_ROLES_MIN = 3
KIN_MENTIONS_MIN = 4
SPECIALIST_MENTIONS_MIN = 3
SAME_LEADERS = 0.55
"""Similarity of two groups' most-mentioned roles from which they are one group: cluster administrators and cluster
operators lie at .60, nurses and patients at .41."""


def refine_roles(
    roles: Sequence[str], names: Sequence[str], mentions: Sequence[int], vectors: Vectors, labels: Labels
) -> Labels:
    """Labels after splitting loose clusters; -1 where a role is in no core and has no kin. Labels need not be dense.

    names: the roles without the words of their domain. vectors: unit rows, one per role.
    """
    refined = labels.copy()
    weight = np.asarray(mentions, dtype=np.float64)
    fresh = int(labels.max(initial=-1)) + 1
    for label in sorted(set(labels.tolist()) - {NOISE}):
        rows = np.flatnonzero(labels == label)
        if cohesion(vectors[rows]) >= LOOSE:
            continue
        cores = _cores(rows, roles, names, weight, vectors)
        refined[rows] = NOISE
        for core in cores:
            refined[core] = fresh
            fresh += 1
    margin = np.flatnonzero(refined == NOISE)
    for part in _linked(margin, vectors, KIN_DISTANCE):
        if len(part) >= KIN_ROLES_MIN and weight[part].sum() >= KIN_MENTIONS_MIN:
            refined[part] = fresh
            fresh += 1
    merged = _merged(refined, weight, vectors)
    return _with_stewards(_with_specialists(merged, names, weight, vectors), roles, weight)


def _with_specialists(labels: Labels, names: Sequence[str], weight: NDArray[np.float64], vectors: Vectors) -> Labels:
    """Groups of a general noun taken apart by what it is qualified with: "security engineer", "data engineer".

    Only where nobody in the group uses the noun bare and two qualifiers at least are named often; the other roles go
    to the specialists nearest to them.
    """
    parted = labels.copy()
    fresh = int(labels.max(initial=-1)) + 1
    for label in sorted(set(labels.tolist()) - {NOISE}):
        rows = np.flatnonzero(labels == label)
        head, kinds = _kinds(rows, names, weight)
        if len(kinds) < 2 or any(names[row] == head for row in rows.tolist()):
            continue
        centers = np.stack([np.average(vectors[kind], axis=0, weights=weight[kind]) for kind in kinds])
        of_kind = {int(row): place for place, kind in enumerate(kinds) for row in kind}
        nearest = np.argmax(centers @ vectors[rows].T, axis=0)
        for row, place in zip(rows.tolist(), nearest.tolist(), strict=True):
            parted[row] = fresh + of_kind.get(row, place)
        fresh += len(kinds)
    return parted


def _kinds(
    rows: NDArray[np.int64], names: Sequence[str], weight: NDArray[np.float64]
) -> tuple[str, list[NDArray[np.int64]]]:
    """The general noun that leads a group, and the rows of each of its qualifiers that is named often."""
    totals: dict[str, float] = {}
    for row in rows.tolist():
        totals[head_noun(names[row])] = totals.get(head_noun(names[row]), 0.0) + float(weight[row])
    head = max(totals, key=lambda noun: (totals[noun], noun))
    if head not in GENERAL_NOUNS:
        return head, []
    own = [row for row in rows.tolist() if head_noun(names[row]) == head]
    kinds: dict[str, list[int]] = {}
    for row in own:
        before = names[row].split(f" {head}")[0].split()
        kinds.setdefault(before[-1] if before else "", []).append(row)
    often = [np.array(kind) for kind in kinds.values() if weight[kind].sum() >= SPECIALIST_MENTIONS_MIN]
    return head, often


def _with_stewards(labels: Labels, roles: Sequence[str], weight: NDArray[np.float64]) -> Labels:
    """Maintainers, reviewers and contributors brought together, where enough of them speak."""
    stewards = np.array([head_noun(role) in STEWARDS for role in roles])
    if stewards.sum() < 2 or weight[stewards].sum() < KIN_MENTIONS_MIN - 1:
        return labels
    gathered = labels.copy()
    gathered[stewards] = labels.max(initial=-1) + 1
    return gathered


def _merged(labels: Labels, weight: NDArray[np.float64], vectors: Vectors) -> Labels:
    """Groups whose most-mentioned roles are nearly the same become one."""
    merged = labels.copy()
    groups = sorted(set(labels.tolist()) - {NOISE})
    leaders = {group: max(np.flatnonzero(labels == group), key=lambda row: (weight[row], -row)) for group in groups}
    for first, second in combinations(groups, 2):
        if float(vectors[leaders[first]] @ vectors[leaders[second]]) >= SAME_LEADERS:
            target, source = merged[leaders[first]], merged[leaders[second]]
            merged[merged == source] = target
    return merged


def cohesion(vectors: Vectors) -> float:
    """Mean cosine similarity of different rows; 1 for a single row."""
    count = len(vectors)
    if count < 2:
        return 1.0
    return float((np.sum(vectors @ vectors.T) - count) / (count * (count - 1)))


def _cores(
    rows: NDArray[np.int64], roles: Sequence[str], names: Sequence[str], weight: NDArray[np.float64], vectors: Vectors
) -> list[NDArray[np.int64]]:
    """Parts of a loose cluster that carry it; "administrator" and "cluster administrator" are one."""
    parts = _linked(rows, vectors, CORE_DISTANCE)
    heavy = [part for part in parts if weight[part].sum() >= CORE_SHARE * weight[rows].sum()]
    heavy = heavy or [max(parts, key=lambda part: float(weight[part].sum()))]
    cores: list[NDArray[np.int64]] = []
    for part in [*heavy, *(part for part in parts if not any(part is other for other in heavy))]:
        same = next((index for index, core in enumerate(cores) if _same_kind(part, core, roles, names, weight)), None)
        if same is not None:
            cores[same] = np.union1d(cores[same], part)
        elif any(part is other for other in heavy):
            cores.append(part)
    return cores


def _same_kind(
    one: NDArray[np.int64], other: NDArray[np.int64], roles: Sequence[str], names: Sequence[str],
    weight: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Whether two parts share a head noun that one of them uses bare, as the name of everybody of its kind."""
    shared = _heads(one, roles, weight) & _heads(other, roles, weight)
    return any(names[row] in shared for row in (*one.tolist(), *other.tolist()))


def _heads(rows: NDArray[np.int64], roles: Sequence[str], weight: NDArray[np.float64]) -> set[str]:
    """Head nouns that make at least a fifth of a part's mentions."""
    totals: dict[str, float] = {}
    for row in rows.tolist():
        head = head_noun(roles[row])
        totals[head] = totals.get(head, 0.0) + float(weight[row])
    return {head for head, total in totals.items() if total >= CORE_SHARE * sum(totals.values())}


def _linked(rows: NDArray[np.int64], vectors: Vectors, distance: float) -> list[NDArray[np.int64]]:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 2:
        return [rows] if len(rows) else []
    tree = linkage(np.asarray(vectors[rows], dtype=np.float64), method="average", metric="cosine")
    labels = fcluster(tree, distance, criterion="distance")
    return [rows[labels == label] for label in sorted(set(labels.tolist()))]
