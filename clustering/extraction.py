"""Perspectives by model: one call per section of a document, every quote checked against the text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from clustering.demographics import Claim, Stated, verified
from clustering.document import Document, Span
from clustering.errors import ExtractionError
from clustering.evidence import find_quote
from clustering.passages import read_blocks, split_sentences
from clustering.perspectives import Perspective, Turn, speaking_turns
from clustering.stated import Attribute
from clustering.voice import voice
from clustering.wording import canonical_role
from llm import (
    AskSettings,
    CallLedger,
    Model,
    Prompt,
    Purpose,
    RenderedPrompt,
    Usage,
    ask,
    estimate_tokens,
    fence,
    load_prompt,
    price,
)

SECTION_TOKENS_MAX = 3000
"""A few pages: long enough to hold an argument, short enough that no stakeholder is lost in the middle."""
OUTPUT_TOKENS_MAX = 3000
CALLS_AT_ONCE = 32
_CHARACTERS_PER_TOKEN = 4


class ExtractedPerspective(BaseModel):
    """What a model says a stakeholder cares about; evidence comes first, so that it is looked for first."""

    model_config = ConfigDict(extra="forbid")

    evidence: list[str] = Field(max_length=4)
    perspective: str = Field(max_length=400)


class ExtractedStakeholder(BaseModel):
    """A stakeholder as a model reports it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=120)
    characteristics: str = Field(max_length=400)
    perspectives: list[ExtractedPerspective] = Field(max_length=8)


class ExtractedDemographic(BaseModel):
    """What a model says a document states of a stakeholder."""

    model_config = ConfigDict(extra="forbid")

    evidence: str = Field(max_length=600)
    attribute: Attribute
    value: str = Field(max_length=120)


class DescribedStakeholder(ExtractedStakeholder):
    """A stakeholder with demographics."""

    demographics: list[ExtractedDemographic] = Field(max_length=8)


class ExtractedSection(BaseModel):
    """A model's answer for one section."""

    model_config = ConfigDict(extra="forbid")

    stakeholders: list[ExtractedStakeholder] = Field(max_length=12)


class DescribedSection(BaseModel):
    """The same where demographics are asked for."""

    model_config = ConfigDict(extra="forbid")

    stakeholders: list[DescribedStakeholder] = Field(max_length=12)


@dataclass(frozen=True)
class Section:
    """`document.text[start:end]`: whole paragraphs within the token budget."""

    document: Document
    start: int
    end: int


@dataclass
class Extraction:
    """What the model's answers came to."""

    perspectives: list[Perspective] = field(default_factory=list)
    quotes_dropped: int = 0
    """Quotes that are not in their section."""
    stakeholders_dropped: int = 0
    """Stakeholders left without a single quote."""
    stated: list[Stated] = field(default_factory=list)
    """Demographics that their documents bear out; empty unless asked for."""
    demographics_dropped: int = 0
    """Demographics that their documents do not bear out."""
    sections: int = 0
    sections_failed: int = 0


@dataclass(frozen=True)
class ExtractionEstimate:
    """What an extraction will cost, before a token is spent."""

    calls: int
    input_tokens: int
    output_tokens: int
    """Typical: a quarter of what a section holds."""
    cost_usd: float | None
    """None where the model's price is unknown."""


def estimate_extraction(
    documents: Sequence[Document],
    model: str,
    *,
    section_tokens_max: int = SECTION_TOKENS_MAX,
    demographics: bool = False,
) -> ExtractionEstimate:
    """Calls, tokens and cost of `build_persona_set` with this model spec (`openai:gpt-5-mini`)."""
    sections = [section for document in documents for section in split_sections(document, section_tokens_max)]
    prompts = [
        sum(estimate_tokens(message.content) for message in _prompt(one, demographics).messages) for one in sections
    ]
    output = sum(estimate_tokens(one.document.text[one.start : one.end]) // 4 for one in sections)
    cost = price(model, Usage(input_tokens=sum(prompts), output_tokens=output))
    return ExtractionEstimate(len(sections), sum(prompts), output, cost)


def split_sections(document: Document, tokens_max: int = SECTION_TOKENS_MAX) -> list[Section]:
    """The document's prose in sections within the budget: whole paragraphs, of a longer one whole sentences."""
    characters_max = tokens_max * _CHARACTERS_PER_TOKEN
    sections: list[Section] = []
    for block in read_blocks(document.text):
        for start, end in _pieces(document.text, block.start, block.end, characters_max):
            if sections and end - sections[-1].start <= characters_max:
                sections[-1] = Section(document, sections[-1].start, end)
            else:
                sections.append(Section(document, start, end))
    return sections


def _pieces(text: str, start: int, end: int, characters_max: int) -> Iterator[tuple[int, int]]:
    """A paragraph as one piece, or as sentences where it is too long; a sentence that is too long is cut between words."""
    if end - start <= characters_max:
        yield start, end
        return
    for left, right in split_sentences(text, start, end):
        while right - left > characters_max:
            cut = text.rfind(" ", left + 1, left + characters_max)
            cut = cut if cut > left else left + characters_max
            yield left, cut
            left = cut
        yield left, right


async def extract_with_model(
    documents: Sequence[Document], model: Model, *, seed: int = 0, ledger: CallLedger | None = None,
    section_tokens_max: int = SECTION_TOKENS_MAX, progress: Callable[[int, int], None] | None = None,
    demographics: bool = False,
) -> Extraction:  # fmt: skip
    """Verified perspectives of all documents, in document order whatever the order of the answers.

    Finished calls are taken from the ledger. A section whose call fails is counted and left out. Raises
    ExtractionError where every section failed; ModelConfigurationError comes through.
    """
    sections = [section for document in documents for section in split_sections(document, section_tokens_max)]
    settings = AskSettings(temperature=0.0, seed=seed, output_tokens_max=OUTPUT_TOKENS_MAX)
    gate = asyncio.Semaphore(CALLS_AT_ONCE)
    done = 0

    shape: type[ExtractedSection | DescribedSection] = DescribedSection if demographics else ExtractedSection

    async def answer(section: Section) -> ExtractedSection | DescribedSection | None:
        nonlocal done
        async with gate:
            found = await ask(
                model, _prompt(section, demographics), shape,
                purpose=Purpose.EXTRACTION, settings=settings, ledger=ledger,
            )  # fmt: skip
        done += 1
        if progress:
            progress(done, len(sections))
        return found.value

    answers = await asyncio.gather(*(answer(section) for section in sections))
    result = Extraction(sections=len(sections), sections_failed=sum(value is None for value in answers))
    if sections and result.sections_failed == len(sections):
        raise ExtractionError(
            f"the model {model.spec!r} gave no usable answer for any of the {len(sections)} section(s); "
            "try again (finished calls are not paid twice), or build the set without a model"
        )
    turns: dict[str, list[Turn]] = {}
    for section, value in zip(sections, answers, strict=True):
        for stakeholder in value.stakeholders if value else ():
            _add_verified(section, stakeholder, result)
            if isinstance(stakeholder, DescribedStakeholder):
                _add_demographics(section, stakeholder, result, turns)
    return result


def _add_verified(section: Section, stakeholder: ExtractedStakeholder, result: Extraction) -> None:
    text, kept = section.document.text, 0
    role = canonical_role(stakeholder.name)
    for one in stakeholder.perspectives:
        for quote in one.evidence:
            match = find_quote(quote, text, section.start, section.end)
            if match is None or role is None:
                result.quotes_dropped += 1
                continue
            kept += 1
            words = text[match.start : match.end]
            result.perspectives.append(
                Perspective(
                    stakeholder=role, characteristics=stakeholder.characteristics, concern=one.perspective or words,
                    quote=words, span=Span(document_id=section.document.id, start=match.start, end=match.end),
                    origin="model", voice=voice(words), match=match.kind, match_score=match.score,
                )
            )  # fmt: skip
    result.stakeholders_dropped += kept == 0


def _add_demographics(
    section: Section, stakeholder: DescribedStakeholder, result: Extraction, turns: dict[str, list[Turn]]
) -> None:
    """turns: by document id, filled as needed."""
    role, document = canonical_role(stakeholder.name), section.document
    for told in stakeholder.demographics:
        if document.id not in turns:
            turns[document.id] = speaking_turns(document)
        claim = Claim(told.attribute, told.value, told.evidence, role or "")
        found = verified(claim, document, section.start, section.end, turns[document.id]) if role else None
        if found:
            result.stated.append(found)
        else:
            result.demographics_dropped += 1


@lru_cache(maxsize=2)
def extraction_prompt(demographics: bool = False) -> Prompt:
    """The prompt file, checked."""
    name = "extract_demographics.md" if demographics else "extract.md"
    return load_prompt(Path(__file__).parent / "prompts" / name)


def _prompt(section: Section, demographics: bool = False) -> RenderedPrompt:
    prompt = extraction_prompt(demographics)
    task = json.dumps({"phase": "extract", "turn": "extract"})
    messages = prompt.render(
        document=fence("document", section.document.text[section.start : section.end]), task=fence("task", task)
    )
    return RenderedPrompt(prompt.id, prompt.sha256, messages)
