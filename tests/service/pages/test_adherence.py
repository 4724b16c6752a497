"""What an audit of adherence says on the page of its run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from agents import Adherence, Drift
from clustering import Persona, given_persona_set
from service.application.probe_records import JudgeAdherence, ProbeKind, ProbeRecord
from service.application.records import JobState, Progress, Spent, Status
from service.pages.views.adherence import AdherenceCell, adherence_table

PERSONAS = given_persona_set(
    [Persona(id="p1", name="Mara", stakeholder="tenant", group_id="g", perspective="whether it is so")]
)
RECORD = ProbeRecord(
    id="pb_1",
    owner="local",
    run_id="rn_1",
    kind=ProbeKind.ADHERENCE,
    state=JobState(Status.COMPLETED, {}, Progress(1, 1)),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    times=3,
    observer="openai:other",
    spent=Spent(24, None, None, None),
    simulated=False,
    commitment=None,
    adherence={},
)
SILENT = Drift(None, None, None, None)


def judged(role: Adherence, drift: Drift = SILENT) -> JudgeAdherence:
    habits = Adherence(4.5, None, None, role.n_used, role.n_asked)
    return JudgeAdherence({"role": role, "linguistic_habits": habits}, drift)


def test_a_mean_stands_over_what_it_rests_on() -> None:
    falling = Drift(-0.5, -0.9, 0.1, 2)
    own = judged(Adherence(2.25, 1.5, 3.0, 8, 9), falling)
    table = adherence_table(replace(RECORD, adherence={"p1": own}), PERSONAS)
    assert table is not None
    assert [(one.name, one.scale) for one in table.questions] == [("Role", "0 to 3"), ("Linguistic habits", "1 to 5")]
    (row,) = table.rows
    assert (row.judge, row.model, row.used) == ("Mara", "", "8 of 9 ratings used")
    assert row.cells == (AdherenceCell("2.25", "1.50 to 3.00"), AdherenceCell("4.50", "no interval"))
    assert row.trend == AdherenceCell("−0.5", "−0.9 to +0.1")
    assert row.left == "left its role at contribution 3", "people count from 1"


def test_what_is_unknown_is_no_zero() -> None:
    own = JudgeAdherence({"role": Adherence(None, None, None, 0, 3)}, SILENT)
    table = adherence_table(replace(RECORD, adherence={"p1@openai:x": own, "gone": own}), PERSONAS)
    assert table is not None
    assert [(row.judge, row.model) for row in table.rows] == [("Mara", "openai:x"), ("gone", "")]
    for row in table.rows:
        assert row.cells == (AdherenceCell("–", ""),)
        assert row.trend == AdherenceCell("–", "said too little")
        assert (row.used, row.left) == ("0 of 3 ratings used", "")


def test_nobody_asked_or_it_is_not_rated_yet() -> None:
    assert adherence_table(None, PERSONAS) is None
    assert adherence_table(replace(RECORD, adherence=None), PERSONAS) is None
