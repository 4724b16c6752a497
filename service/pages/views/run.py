"""One run: its verdict beside the stability of the evaluation, the position matrix, the transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import Arm, DimensionVerdict, Rubric, Transcript, Verdict
from clustering import PersonaSet
from service.application import public_names
from service.application.probe_records import ProbeKind, ProbeRecord
from service.application.records import EvaluationRecord, RunRecord
from service.application.scoring import WIDEST_FIRST
from service.pages.formatting import mean, words
from service.pages.views.adherence import AdherenceTable, adherence_table
from service.pages.views.anchors import run_href
from service.pages.views.commitment import CommitmentCurve, commitment_curves
from service.pages.views.live import Said
from service.pages.views.material import texts
from service.pages.views.matrix import Matrix, matrices
from service.pages.views.quoted import QuotedText, quoted_text
from service.pages.views.strip import DimensionLine, dimension_lines, nearest_label
from service.pages.views.transcript import TranscriptView, transcript_view


@dataclass(frozen=True, slots=True)
class ArmVerdict:
    """One arm's verdict on one dimension in this run."""

    arm: str
    name: str
    text: str
    grade: str | None
    outcome: str
    passed: bool | None
    n_used: int
    n_asked: int
    dissent: float | None
    calls: int


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One dimension: this run's verdict in every arm, and what all repeats say of it."""

    name: str
    question: str
    arms: tuple[ArmVerdict, ...]
    stability: DimensionLine | None


@dataclass(frozen=True, slots=True)
class RunPage:
    id: str
    evaluation_id: str
    evaluation_href: str
    item: str
    item_kind: str
    repeat: int
    repeats: int
    status: str
    live: bool
    error: str | None
    simulated: bool
    previous_href: str | None
    next_href: str | None
    verdicts: tuple[VerdictLine, ...]
    matrices: tuple[Matrix, ...]
    transcript: TranscriptView | None
    lanes: bool
    """Whether the transcript stands in a column per persona instead of in order of time."""
    quoted_texts: tuple[QuotedText, ...]
    """The judged texts with the passages that turns quote; empty where the page is not exported."""
    said_so_far: tuple[Said, ...]
    """Replies of a hearing that is still held."""
    synthesis: str | None
    commitment: tuple[CommitmentCurve, ...]
    """When the verdict was settled; empty where nobody has asked."""
    adherence: AdherenceTable | None
    """How well personas stayed in role; None where nobody has asked."""
    drift_href: str | None
    """How far their words moved; None until there are words."""
    materials: tuple[tuple[str, str], ...]
    """Name and address of each text that was judged."""
    persona_set_href: str
    persona_set: str
    """Its name."""
    models: tuple[str, ...]
    seed: int
    calls: int
    tokens: int | None
    cost_usd: float | None
    code_version: str | None
    hashes: tuple[tuple[str, str], ...]


def run_page(
    evaluation: EvaluationRecord,
    run: RunRecord,
    runs: Sequence[RunRecord],
    rubric: Rubric,
    personas: PersonaSet,
    transcript: Transcript | None,
    said_so_far: tuple[Said, ...] = (),
    probes: Mapping[ProbeKind, ProbeRecord] | None = None,
    *,
    persona_set: str,
    lanes: bool = False,
    exported: bool = False,
) -> RunPage:
    """The page. `runs`: all of the evaluation, by repeat; `transcript`: None until there is one."""
    verdicts = {Arm(name): Verdict.model_validate(dump) for name, dump in run.verdicts.items()}
    hrefs = {other.repeat: run_href(other.id) for other in runs}
    spent = run.spent
    tokens = (
        None if spent.input_tokens is None or spent.output_tokens is None else spent.input_tokens + spent.output_tokens
    )
    asked = probes or {}
    view = transcript_view(run.id, transcript, personas, rubric.dimensions) if transcript else None
    return RunPage(
        id=run.id,
        evaluation_id=evaluation.id,
        evaluation_href=f"/evaluations/{evaluation.id}",
        item=evaluation.custom_id or evaluation.item_id,
        item_kind=evaluation.item_kind,
        repeat=run.repeat,
        repeats=len(runs),
        status=run.state.status.value,
        live=not run.state.status.ended,
        error=run.state.error,
        simulated=bool(run.simulated if run.simulated is not None else evaluation.simulated),
        previous_href=hrefs.get(run.repeat - 1),
        next_href=hrefs.get(run.repeat + 1),
        verdicts=_verdict_lines(verdicts, evaluation, rubric, hrefs),
        matrices=matrices(transcript.turns, rubric.dimensions, personas) if transcript else (),
        transcript=view,
        lanes=lanes,
        quoted_texts=_quoted_texts(evaluation, view) if exported and view else (),
        said_so_far=said_so_far,
        synthesis=next((v.synthesis for arm in WIDEST_FIRST if (v := verdicts.get(arm)) and v.synthesis), None),
        commitment=commitment_curves(asked.get(ProbeKind.COMMITMENT)),
        adherence=adherence_table(asked.get(ProbeKind.ADHERENCE), personas),
        drift_href=f"{run_href(run.id)}/drift" if transcript else None,
        materials=materials(run.id, evaluation),
        persona_set_href=f"/persona-sets/{evaluation.persona_set_id}",
        persona_set=persona_set,
        models=public_names(evaluation.models),
        seed=run.seed,
        calls=spent.calls,
        tokens=tokens,
        cost_usd=spent.cost_usd,
        code_version=run.code_version,
        hashes=(
            ("persona set", evaluation.persona_set_hash),
            ("rubric", evaluation.rubric_hash),
            ("protocol", evaluation.protocol.content_hash),
        ),
    )


def _quoted_texts(evaluation: EvaluationRecord, view: TranscriptView) -> tuple[QuotedText, ...]:
    if evaluation.item is None:
        return ()
    quotes = [quote for section in view.sections for turn in section.turns for quote in turn.quotes]
    ranges = [quote.passage for quote in quotes if quote.passage]
    return tuple(quoted_text(text, ranges) for text in texts(evaluation.item))


def _verdict_lines(
    verdicts: Mapping[Arm, Verdict], evaluation: EvaluationRecord, rubric: Rubric, hrefs: Mapping[int, str]
) -> tuple[VerdictLine, ...]:
    stability = {line.dimension: line for line in dimension_lines(evaluation.scores, rubric.dimensions, hrefs)}
    found = []
    for dimension in rubric.dimensions:
        arms = [
            ArmVerdict(
                arm=arm.value,
                name=words(arm.value),
                text=mean(own.value, dimension.pass_threshold),
                grade=nearest_label(dimension, own.value),
                outcome=own.outcome.value,
                passed=own.passed,
                n_used=own.n_used,
                n_asked=own.n_asked,
                dissent=own.dissent,
                calls=verdicts[arm].calls,
            )
            for arm in WIDEST_FIRST
            if (own := _of(verdicts, arm, dimension.name)) is not None
        ]
        found.append(VerdictLine(words(dimension.name), dimension.question, tuple(arms), stability.get(dimension.name)))
    return tuple(found)


def _of(verdicts: Mapping[Arm, Verdict], arm: Arm, dimension: str) -> DimensionVerdict | None:
    return verdicts[arm].dimensions.get(dimension) if arm in verdicts else None


def materials(run_id: str, evaluation: EvaluationRecord) -> tuple[tuple[str, str], ...]:
    """Name and address of each text that was judged; empty where the item is not at hand."""
    if evaluation.item is None:
        return ()
    return tuple((text.title, f"{run_href(run_id)}/material/{text.part}") for text in texts(evaluation.item))
