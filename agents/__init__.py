"""Personas judge and debate: item, rubric, protocol, hearing, transcript, verdict."""

from agents.checking import check_hearing
from agents.drifting import ONSET_AT, Drift, LexicalDrift, LexicalPoint, lexical_drift, plain_words
from agents.errors import AgentsError, HearingInputError, Problem, ReplayDifferedError
from agents.estimating import HearingEstimate, PurposeEstimate, estimate_hearing
from agents.expanding import expand
from agents.hearing import hear, load_hearing
from agents.item import DialogueItem, Item, PairItem, SummaryItem, TextItem, Utterance, item_adapter
from agents.material import place_name, places
from agents.observing import (
    Adherence,
    Observation,
    ObservationReply,
    adherence,
    drift,
    observe,
)
from agents.pairs import pair_rubric
from agents.prompting import prompt_files, prompts_of
from agents.protocol import Aggregation, Arm, Coordinator, DebateProtocol, Seating
from agents.reading import transcript_markdown
from agents.rejudging import Commitment, commitment, measure_commitment, rejudge
from agents.replaying import replay
from agents.rubric import Dimension, Level, Rubric
from agents.transcript import (
    DimensionVerdict,
    Evidence,
    Outcome,
    Phase,
    Run,
    RunResult,
    Transcript,
    Turn,
    Verdict,
)

__all__ = [
    "ONSET_AT",
    "Adherence",
    "AgentsError",
    "Aggregation",
    "Arm",
    "Commitment",
    "Coordinator",
    "DebateProtocol",
    "DialogueItem",
    "Dimension",
    "DimensionVerdict",
    "Drift",
    "Evidence",
    "HearingEstimate",
    "HearingInputError",
    "Item",
    "Level",
    "LexicalDrift",
    "LexicalPoint",
    "Observation",
    "ObservationReply",
    "Outcome",
    "PairItem",
    "Phase",
    "Problem",
    "PurposeEstimate",
    "ReplayDifferedError",
    "Rubric",
    "Run",
    "RunResult",
    "Seating",
    "SummaryItem",
    "TextItem",
    "Transcript",
    "Turn",
    "Utterance",
    "Verdict",
    "adherence",
    "check_hearing",
    "commitment",
    "drift",
    "estimate_hearing",
    "expand",
    "hear",
    "item_adapter",
    "lexical_drift",
    "load_hearing",
    "measure_commitment",
    "observe",
    "pair_rubric",
    "place_name",
    "places",
    "plain_words",
    "prompt_files",
    "prompts_of",
    "rejudge",
    "replay",
    "transcript_markdown",
]
