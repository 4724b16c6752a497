"""Groups of role names mended by what their nouns say: specialists apart, the keepers of a common work together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clustering.clusters import DENSITY_MIN, NOISE, Labels
from clustering.embedding import Vectors
from clustering.wording import GENERAL_NOUNS, STEWARDS, head_noun

SPECIALIST_MENTIONS_MIN = 3
STEWARD_MENTIONS_MIN = 3
LEADER_MENTIONS_MIN = 3
SAME_LEADERS = 0.4
"""Similarity of two groups' most-mentioned roles from which they are one group. In the two collections of proposals
pairs of one kind lie at .42 and above (cluster operators and administrators), of two kinds at .30 and below."""


def refine_roles(
    roles: Sequence[str], names: Sequence[str], mentions: Sequence[int], vectors: Vectors, labels: Labels
) -> Labels:
    """Labels after joining groups that are led alike, parting specialists and gathering stewards; not always dense.

    names: the roles without the words of their domain. vectors: unit rows, one per role.
    """
    weight = np.asarray(mentions, dtype=np.float64)
    joined = _led_alike(labels, weight, vectors) if len(roles) >= DENSITY_MIN else labels  # few roles are not centred
    return _with_stewards(_with_specialists(joined, names, weight, vectors), roles, weight)


def opposites_apart(labels: Labels, roles: Sequence[str]) -> Labels:
    """ "Non-core developers" in a group of their own, wherever core developers speak: their vectors are nearly one."""
    parted = labels.copy()
    known, fresh = set(roles), int(labels.max(initial=-1)) + 1
    for row, role in enumerate(roles):
        if role.startswith(("non-", "non ")) and role[4:] in known:
            parted[row], fresh = fresh, fresh + 1
    return parted


def _led_alike(labels: Labels, weight: NDArray[np.float64], vectors: Vectors) -> Labels:
    """Groups whose most-mentioned roles are nearly the same become one; a role named once or twice leads nobody."""
    joined = labels.copy()
    groups = sorted(set(labels.tolist()) - {NOISE})
    leaders = [max(np.flatnonzero(labels == group).tolist(), key=lambda row: (weight[row], -row)) for group in groups]
    often = [row for row in leaders if weight[row] >= LEADER_MENTIONS_MIN]
    for first, second in combinations(often, 2):
        if float(vectors[first] @ vectors[second]) >= SAME_LEADERS:
            joined[joined == joined[second]] = joined[first]
    return joined


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
    if stewards.sum() < 2 or weight[stewards].sum() < STEWARD_MENTIONS_MIN:
        return labels
    gathered = labels.copy()
    gathered[stewards] = labels.max(initial=-1) + 1
    return gathered
