"""What a commitment test says on the page of its run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents import Commitment
from service.application.probe_records import ProbeKind, ProbeRecord
from service.application.records import JobState, Progress, Spent, Status
from service.pages.views.commitment import commitment_curves


def record(*shares: float | None) -> ProbeRecord:
    drawn = tuple(
        Commitment(after, 0 if share is None else 8, 8, share, None, (None,) * 8) for after, share in enumerate(shares)
    )
    return ProbeRecord(
        id="pb_1",
        owner="local",
        run_id="rn_1",
        kind=ProbeKind.COMMITMENT,
        state=JobState(Status.COMPLETED, {}, Progress(1, 1)),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        times=8,
        observer=None,
        spent=Spent(24, None, None, None),
        simulated=True,
        commitment={"overall_worth": drawn},
        adherence=None,
    )


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.5, 0.75, 1.0), "settled after 2 of 2 turns"),
        ((1.0, 0.5, 1.0, 0.95), "settled after 2 of 3 turns"),
        ((0.9, 1.0), "settled before the debate began"),
        ((1.0, 0.6), "not settled at the end: fresh verdicts still differ"),
        ((1.0, None), "not settled at the end: fresh verdicts still differ"),
        ((None, None), "no fresh verdict was decided"),
    ],
)
def test_settled_means_that_fresh_verdicts_agree_from_there_on(shares: tuple[float | None, ...], said: str) -> None:
    (curve,) = commitment_curves(record(*shares))
    assert curve.dimension == "overall worth"
    assert curve.said == said


def test_the_line_runs_over_the_turns_and_leaves_out_what_is_unknown() -> None:
    (curve,) = commitment_curves(record(0.5, None, 1.0))
    assert curve.line == "16.7,50.0 83.3,0.0"
    assert curve.dots == "M16.7 50.0h0M83.3 0.0h0"


def test_nobody_asked_or_it_is_not_drawn_yet() -> None:
    assert commitment_curves(None) == ()
    assert commitment_curves(replace(record(1.0), commitment=None)) == ()
