"""Why personas move: changes of position split into spontaneous, conformity and persuasion, with their direction.

Every arm starts from the same judgements alone and lets a persona see more before it restates: its own judgement again
(`self_reflection`), the peers' scores (`stance`), their arguments too (`debate`). What happens under an arm but not
under the one before it is credited to what was added. The share under self-reflection alone was 37 % in
arXiv 2606.00820: no debate is credited with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.clustered import Clustered, FloatArray, IntArray, jackknife_sums

SeeingArm = Literal["self_reflection", "stance", "debate"]
BoolArray = npt.NDArray[np.bool_]

_TOLERANCE = 1e-9


class ArmChanges(NamedTuple):
    """What the personas of one arm did between judging alone and restating.

    `changed` counts positions among those held both times; the directions are shares of the changes. Towards and away
    may sum to less than 1: a change can leave the distance as it was.
    """

    changed: Clustered
    towards_majority: Clustered
    away_from_majority: Clustered
    with_verified_evidence: Clustered | None
    """None where no turn's evidence was recorded."""
    towards_humans: Clustered | None
    """None where there are no human scores."""
    away_from_humans: Clustered | None
    pull: Clustered
    """Expected share of the way towards the peers' mean: slope through the origin of change on distance."""


class PositionChanges(NamedTuple):
    """All arms, and the differences between them on the cells that both hold; None where an arm is missing."""

    arms: dict[SeeingArm, ArmChanges]
    spontaneous: Clustered | None
    """Share that changes after seeing nothing new."""
    conformity: Clustered | None
    """How much more changes after seeing the peers' scores."""
    persuasion: Clustered | None
    """How much more changes after their arguments too."""
    conformity_pull: Clustered | None
    """Pull towards the peers' mean under `stance`, less the pull under `self_reflection` where that was heard."""
    persuasion_pull: Clustered | None
    """Pull under `debate` less the pull under `stance`."""


def position_changes(
    alone: FloatArray,
    restated: Mapping[SeeingArm, FloatArray],
    cluster: IntArray,
    *,
    verified: Mapping[SeeingArm, BoolArray] | None = None,
    human: FloatArray | None = None,
) -> PositionChanges:
    """How often, which way and, by comparing arms, why personas changed their scores.

    Args:
        alone: (items, personas, runs) scores of phase 1, NaN where there was none.
        restated: the same shape per arm: scores after the persona saw what the arm shows.
        cluster: (items,) labels; intervals are delete-one-cluster jackknife-t.
        verified: the same shape per arm: whether the persona cited evidence that was found in the text.
        human: (items,) human scores, NaN where there is none.
    """
    peers = _peers(alone)
    arms: dict[SeeingArm, ArmChanges] = {
        arm: _arm_changes(alone, after, peers, cluster, (verified or {}).get(arm), human)
        for arm, after in restated.items()
    }
    reflection, stance, debate = (restated.get(arm) for arm in ("self_reflection", "stance", "debate"))
    conformity_pull = arms["stance"].pull if stance is not None else None
    if stance is not None and reflection is not None:
        conformity_pull = _difference(_pull_features, alone, stance, reflection, peers, cluster)
    return PositionChanges(
        arms=arms,
        spontaneous=arms["self_reflection"].changed if reflection is not None else None,
        conformity=_share_difference(alone, stance, reflection, peers, cluster),
        persuasion=_share_difference(alone, debate, stance, peers, cluster),
        conformity_pull=conformity_pull,
        persuasion_pull=(
            None
            if debate is None or stance is None
            else _difference(_pull_features, alone, debate, stance, peers, cluster)
        ),
    )


class _Peers(NamedTuple):
    """What a persona's peers said alone in the same run: (items, personas, runs) each."""

    mean: FloatArray
    median: FloatArray


_Features = Callable[[FloatArray, FloatArray, _Peers, BoolArray], FloatArray]
"""(alone, after, peers, cells to use) to (items, 2): numerator and denominator of a ratio."""


def _peers(alone: FloatArray) -> _Peers:
    personas = alone.shape[1]
    mean, median = np.full_like(alone, np.nan), np.full_like(alone, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a run in which every peer failed: NaN is the answer
        for persona in range(personas):
            others = np.delete(alone, persona, axis=1)
            if others.shape[1]:
                mean[:, persona], median[:, persona] = np.nanmean(others, axis=1), np.nanmedian(others, axis=1)
    return _Peers(mean, median)


def _arm_changes(
    alone: FloatArray,
    after: FloatArray,
    peers: _Peers,
    cluster: IntArray,
    verified: BoolArray | None,
    human: FloatArray | None,
) -> ArmChanges:
    changed = np.abs(after - alone) > _TOLERANCE  # False where either is NaN
    held = np.isfinite(alone) & np.isfinite(after)
    towards, away = _direction(alone, after, peers.median, changed)
    to_humans = from_humans = None
    if human is not None and np.isfinite(human).any():
        reference = np.broadcast_to(human[:, None, None], alone.shape)
        nearer, farther = _direction(alone, after, reference, changed)
        judged = changed & np.isfinite(reference)
        to_humans, from_humans = _share(nearer, judged, cluster), _share(farther, judged, cluster)
    with_peers = changed & np.isfinite(peers.median)
    return ArmChanges(
        changed=_share(changed, held, cluster),
        towards_majority=_share(towards, with_peers, cluster),
        away_from_majority=_share(away, with_peers, cluster),
        with_verified_evidence=None if verified is None else _share(verified & changed, changed, cluster),
        towards_humans=to_humans,
        away_from_humans=from_humans,
        pull=jackknife_sums(
            _pull_features(alone, after, peers, held),
            cluster,
            _ratio,
            n_used=int((held & np.isfinite(peers.mean)).sum()),
        ),
    )


def _direction(
    before: FloatArray, after: FloatArray, reference: FloatArray, changed: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """(towards, away): changes that lessen or widen the distance to `reference`; neither where it is NaN."""
    moved = np.abs(after - reference) - np.abs(before - reference)
    return changed & (moved < -_TOLERANCE), changed & (moved > _TOLERANCE)


def _share(part: BoolArray, whole: BoolArray, cluster: IntArray) -> Clustered:
    features = np.stack([part.sum(axis=(1, 2)), whole.sum(axis=(1, 2))], axis=1).astype(np.float64)
    return jackknife_sums(features, cluster, _ratio, scale="logit", n_used=int(whole.sum()))


def _ratio(sums: FloatArray) -> FloatArray:
    return np.asarray(np.where(sums[..., 1] > 0, sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], 1), np.nan))


def _ratio_difference(sums: FloatArray) -> FloatArray:
    return _ratio(sums[..., :2]) - _ratio(sums[..., 2:])


def _pull_features(alone: FloatArray, after: FloatArray, peers: _Peers, held: BoolArray) -> FloatArray:
    distance = np.where(held & np.isfinite(peers.mean), peers.mean - alone, 0.0)
    moved = np.where(held, after - alone, 0.0)
    return np.stack([(moved * distance).sum(axis=(1, 2)), (distance**2).sum(axis=(1, 2))], axis=1)


def _changed_features(alone: FloatArray, after: FloatArray, peers: _Peers, held: BoolArray) -> FloatArray:
    changed = held & (np.abs(after - alone) > _TOLERANCE)
    return np.stack([changed.sum(axis=(1, 2)), held.sum(axis=(1, 2))], axis=1).astype(np.float64)


def _difference(
    features: _Features, alone: FloatArray, more: FloatArray, less: FloatArray, peers: _Peers, cluster: IntArray
) -> Clustered:
    """A ratio under one arm less the same under another, over the cells that both arms hold."""
    held = np.isfinite(alone) & np.isfinite(more) & np.isfinite(less)
    both = np.hstack([features(alone, more, peers, held), features(alone, less, peers, held)])
    return jackknife_sums(both, cluster, _ratio_difference, n_used=int(held.sum()))


def _share_difference(
    alone: FloatArray, more: FloatArray | None, less: FloatArray | None, peers: _Peers, cluster: IntArray
) -> Clustered | None:
    if more is None or less is None:
        return None
    return _difference(_changed_features, alone, more, less, peers, cluster)
