"""Personas judge and debate: item, rubric, protocol, hearing, transcript, verdict."""

from agents.checking import check_hearing
from agents.errors import AgentsError, HearingInputError, Problem, ReplayDifferedError
from agents.expanding import expand
from agents.hearing import hear
from agents.item import DialogueItem, Item, PairItem, SummaryItem, TextItem, Utterance, item_adapter
from agents.pairs import pair_rubric
from agents.prompting import prompt_files
from agents.protocol import Aggregation, Arm, Coordinator, DebateProtocol, Seating
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
    "AgentsError",
    "Aggregation",
    "Arm",
    "Coordinator",
    "DebateProtocol",
    "DialogueItem",
    "Dimension",
    "DimensionVerdict",
    "Evidence",
    "HearingInputError",
    "Item",
    "Level",
    "Outcome",
    "PairItem",
    "Phase",
    "Problem",
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
    "check_hearing",
    "expand",
    "hear",
    "item_adapter",
    "pair_rubric",
    "prompt_files",
]
