"""Orders to the judge inside judged text. A suspicion to be shown, never a reason to change a score."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from agents.material import Place

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_GRADED = r"(?:score|grade|rating|mark|points?|stars?|verdict)"
_RULES = r"(?:instructions?|rubrics?|prompts?|guidelines?|criteria|directions?|commands?)"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow)\b[^.!?\n]{{0,40}}\b(?:previous|prior|above|earlier|preceding|all|any|your|the|these)\b[^.!?\n]{{0,25}}\b{_RULES}\b",
        rf"\b(?:new|updated|real|actual|final|secret)\s+(?:system\s+)?{_RULES}\s*(?::|for\s+(?:the\s+)?(?:judges?|evaluators?|graders?|you\b|ai))",
        r"\b(?:judges?|evaluators?|graders?|reviewers?|raters?|assessors?|ai|llm|assistant|model)\b[^.!?\n]{0,30}\b(?:must|should|shall|need to|have to|please|is to|are to|will)\s+(?:now\s+)?(?:give|assign|award|output|return|rate|score|grade|prefer|choose|select|respond|answer|write)\b",
        rf"(?:^|[.!?:;,\"']\s*|\b(?:and|please|must|then|to|now|should)\s+)(?:give|assign|award|return|output|grant)\b[^.!?\n]{{0,40}}\b(?:highest|maximum|max|top|full|perfect|best|lowest)\b(?:\s+possible)?\s+{_GRADED}",
        rf"\b(?:give|assign|award|rate|score|grade)\s+(?:this|it|me|my|the)\b[^.!?\n]{{0,30}}\b(?:a|an|as|at|with)?\s*(?:\d+\s*(?:/|out of)\s*\d+|{_GRADED}\s+of\s+\d|10\b|[45]\s*(?:stars?|points?))",
        r"\b(?:rate|score|grade|mark)\s+(?:this|me|my|the)\s+(?:summary|response|answer|output|text|dialogue|essay|submission|candidate|assistant)?[^.!?\n]{0,20}\b(?:highly|perfect|excellent|as (?:a )?(?:\d|perfect|excellent)|a \d)",
        r"\byou are (?:now|no longer)\b[^.!?\n]{0,30}\b(?:judge|grader|evaluator|assistant|ai|dan|model|bot|judging|grading|evaluating|bound)\b",
        r"\b(?:always|only|simply|just)\s+(?:choose|prefer|select|pick|vote for|answer|respond with|output)\s+(?:(?:output|option|answer|response|assistant)\s+[ab]\b|\{|['\"]?[ab]['\"]?\s+(?:is|as)\b)",
        r"(?:<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_of_turn)[^>]{0,20}\|?>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>)",
        r"^\s*(?:#{1,6}\s*|\*\*|\[|<)/?(?:system|developer|admin|root)(?:\s+(?:message|prompt|override|note|instruction))?(?:\]|>|\*\*|:|\s*$)",
        r"^\s*(?:system|developer)\s*(?:message|prompt|override|note)?\s*:\s+\S",
        r"<<end [0-9a-f]{4,}>>|<<(?:rubric|task|persona|output|source|peer|own|stance)\b[^>\n]{0,80}>>",
        r"</?(?:instructions?|rubric|system|task|judge|evaluation)>",
        r"\"scores?\"\s*:\s*[\{\d]|\"certainty\"\s*:\s*\d",
        r"\b(?:reveal|print|repeat|show|output)\b[^.!?\n]{0,25}\b(?:system prompt|your (?:instructions|prompt))\b",
        r"\bend of (?:the )?(?:evaluation|grading|judging|rubric|judged text)\b|\bstop (?:the )?(?:grading|judging)\b",
        r"\b(?:ignorez|ignore[zr]|oubliez)\b[^.!?\n]{0,30}\binstructions\b|\bignorier\w*\b[^.!?\n]{0,40}\b(?:anweisung|anleitung|vorgabe|bewertung)|\bignora\w*\b[^.!?\n]{0,30}\b(?:instrucciones|istruzioni|instruções)\b",
        r"忽略[^。\n]{0,12}(?:指令|说明|提示|评分)|игнориру\w*[^.\n]{0,30}инструкц|無視して|무시하고",
        r"\b(?:jailbreak|prompt injection|developer mode|do anything now)\b",
    )
)


class Suspicion(NamedTuple):
    """Words in judged text that address the judge."""

    place: str
    words: str


def suspect_injection(places: Iterable[Place]) -> tuple[Suspicion, ...]:
    """What in the judged texts reads like an order to whoever judges them, at most one suspicion per place.

    Patterns over the text without invisible characters and in compatibility form. A hint, with misses and false
    alarms: `injection_suspected` asks a person to look.
    """
    return tuple(found for place in places if (found := _suspect(place)) is not None)


def _suspect(place: Place) -> Suspicion | None:
    if any(0xE0020 <= ord(character) <= 0xE007E for character in place.text):
        return Suspicion(place.name, "invisible tag characters")
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", place.text))
    for pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            return Suspicion(place.name, " ".join(match.group().split())[:120])
    return None
