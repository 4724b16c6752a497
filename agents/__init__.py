"""Personas judge and debate: item, rubric, protocol, hearing, transcript, verdict."""

from agents.item import DialogueItem, Item, PairItem, SummaryItem, TextItem, Utterance, item_adapter
from agents.protocol import Aggregation, Arm, Coordinator, DebateProtocol
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
    "Aggregation",
    "Arm",
    "Coordinator",
    "DebateProtocol",
    "DialogueItem",
    "Dimension",
    "DimensionVerdict",
    "Evidence",
    "Item",
    "Level",
    "Outcome",
    "PairItem",
    "Phase",
    "Rubric",
    "Run",
    "RunResult",
    "SummaryItem",
    "TextItem",
    "Transcript",
    "Turn",
    "Utterance",
    "Verdict",
    "item_adapter",
]
