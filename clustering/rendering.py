"""A persona as the words that its judge is given: four conditionings of one card."""

from __future__ import annotations

from clustering.needs import without_markup
from clustering.persona import AnchorKind, Persona

EXCERPTS_MAX = 6
"""Excerpts shown to a judge: more repeat themselves and cost tokens in every call."""


def render_persona(persona: Persona, anchor: AnchorKind) -> str:
    """The persona as text for a prompt's `persona` section; `none` renders the same generic judge for every persona."""
    if anchor is AnchorKind.NONE:
        return "You are a careful, impartial judge."
    if anchor is AnchorKind.ROLE:
        return f"You are {_article(persona.stakeholder)} {persona.stakeholder}."
    card = "\n".join(f"{label}: {value}" for label, value in _fields(persona) if value)
    if anchor is AnchorKind.CARD or not persona.excerpts:
        return card
    quotes = "\n".join(f"- “{without_markup(excerpt.quote)}”" for excerpt in persona.excerpts[:EXCERPTS_MAX])
    return f"{card}\nIn their own words:\n{quotes}"


def _fields(persona: Persona) -> list[tuple[str, str]]:
    return [
        ("Name", persona.name),
        ("Stakeholder", persona.stakeholder),
        ("Looks at", persona.perspective),
        ("Specialty", persona.specialty),
        ("Background", persona.background),
        ("Traits", ", ".join(persona.traits)),
        ("Relationships", "; ".join(persona.relationships)),
        ("Demographics", ", ".join(f"{key}: {value}" for key, value in sorted(persona.demographics.items()))),
    ]


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"
