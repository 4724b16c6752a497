"""Ratings from our own hearings: every run gives its single judgements, restatements and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from agents import Arm, Item, Outcome, Phase, RunResult, Turn
from stability.errors import RatingsError
from stability.ratings import Rating, Ratings


def ratings_from_results(results: Iterable[RunResult], items: Sequence[Item]) -> Ratings:
    """The ratings table of finished hearings.

    items: the judged items (dialogues judged turn by turn in their expanded form), for human scores, system and
    cluster. Raises RatingsError where a result's item is not among them.
    """
    heard = list(results)
    known = {item.id: item for item in items}
    for result in heard:
        if result.run.item_id not in known:
            raise RatingsError(f"a result judges item {result.run.item_id!r}, which is not among the items given")
    rows = [row for result in heard for row in rows_from_result(result, known[result.run.item_id])]
    return Ratings.from_rows(rows, _provenance(heard))


def rows_from_result(result: RunResult, item: Item) -> Iterator[Rating]:
    """The ratings of one hearing of an item, one by one."""
    names = sorted({name for verdict in result.verdicts.values() for name in verdict.dimensions})
    for turn in result.transcript.turns:
        if turn.persona_id is not None and turn.phase in (Phase.ALONE, Phase.RESTATED):
            for name in names or sorted(turn.scores):
                yield _turn(result, item, turn, name)
    for arm, verdict in result.verdicts.items():
        for name, told in verdict.dimensions.items():
            yield Rating(
                item=item.id,
                run=str(result.run.repeat),
                score=told.value if told.outcome == Outcome.DECIDED else None,
                dimension=name,
                arm=arm.value,
                phase="verdict",
                cluster=item.cluster,
                system=item.system,
                human=item.human.get(name),
                tokens=verdict.tokens,
                calls=verdict.calls,
                cost_usd=verdict.cost_usd,
                abstained=told.outcome == Outcome.ABSTAINED,
            )


def _turn(result: RunResult, item: Item, turn: Turn, dimension: str) -> Rating:
    score = turn.scores.get(dimension)
    # A judge that decided on the whole and left one dimension open abstained on that one.
    open_ = turn.outcome == Outcome.ABSTAINED or (turn.outcome == Outcome.DECIDED and score is None)
    return Rating(
        item=item.id,
        persona=turn.persona_id,
        run=str(result.run.repeat),
        score=score if turn.outcome == Outcome.DECIDED else None,
        dimension=dimension,
        arm=(turn.arm or Arm.PANEL).value,
        phase=turn.phase.value,
        cluster=item.cluster,
        system=item.system,
        human=item.human.get(dimension),
        model=turn.model,
        order=turn.order,
        certainty=None if turn.certainty is None else turn.certainty / 100,
        abstained=open_,
        verified=any(evidence.status != "unverified" for evidence in turn.evidence),
    )


def _provenance(results: Sequence[RunResult]) -> dict[str, object]:
    models = sorted(
        {turn.model for r in results for turn in r.transcript.turns} or {m for r in results for m in r.run.models}
    )
    costs = [result.cost_usd for result in results]
    return {
        "source": "hearings",
        "models": models,
        "code_versions": sorted({result.code_version for result in results}),
        "simulated": any(result.simulated for result in results),
        "runs": len(results),
        "calls": sum(result.calls for result in results),
        "cost_usd": None if not costs or None in costs else sum(cost for cost in costs if cost is not None),
    }
