"""A persona set: the map of perspectives, the groups, and a card for each persona with where every field came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clustering import MapPoint, Persona, PersonaSet
from service.application.records import PersonaSetRecord
from service.pages.formatting import words
from service.pages.views.anchors import passage_href

MAP_WIDTH, MAP_HEIGHT, MAP_MARGIN = 720.0, 420.0, 20.0
MARKS = ("circle", "square", "diamond", "triangle", "cross", "ring", "bar", "wedge")
"""Groups differ by shape and by hue; beyond eight groups, shapes come round again with another hue."""
POINTS_SHOWN_MAX = 3000
"""More perspectives than this are thinned evenly on the map; the page says so."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    mark: str
    hue: int
    group: str
    title: str
    href: str | None


@dataclass(frozen=True, slots=True)
class GroupView:
    id: str
    name: str
    keywords: tuple[str, ...]
    size: int
    mentions: int
    persistence: float | None
    exemplars: tuple[str, ...]
    mark: str
    hue: int
    personas: int


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a card and where it came from."""

    name: str
    text: str
    origin: str
    """`document`, `inferred`, `given` or `unstated`."""
    hrefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExcerptView:
    quote: str
    href: str | None


@dataclass(frozen=True, slots=True)
class PersonaCard:
    id: str
    anchor: str
    name: str
    stakeholder: str
    perspective: str
    fields: tuple[FieldView, ...]
    excerpts: tuple[ExcerptView, ...]
    warnings: tuple[str, ...]
    weight: float
    mark: str
    hue: int
    grounded: int
    """Fields that come from a document."""


@dataclass(frozen=True, slots=True)
class PersonaSetPage:
    id: str
    name: str
    status: str
    live: bool
    progress_done: int
    progress_total: int
    stage: str | None
    error: str | None
    content_hash: str | None
    method: str | None
    parent: str | None
    points: tuple[Point, ...]
    points_left_out: int
    groups: tuple[GroupView, ...]
    personas: tuple[PersonaCard, ...]
    statistics: tuple[tuple[str, float | int | None], ...]
    parameters: tuple[tuple[str, str], ...]
    reproducibility: tuple[tuple[str, float | int | None], ...]
    warnings: tuple[str, ...]
    document_ids: tuple[str, ...]
    cost_usd: float | None


def persona_set_page(record: PersonaSetRecord) -> PersonaSetPage:
    """The page; without groups and personas until the set is completed."""
    found = record.persona_set
    looks = _looks(found)
    points, left_out = _points(found.map, looks, found) if found else ((), 0)
    state = record.state
    statistics = tuple(found.statistics.items()) if found else ()
    return PersonaSetPage(
        id=record.id,
        name=record.name or record.id,
        status=state.status.value,
        live=not state.status.ended,
        progress_done=state.progress.done,
        progress_total=state.progress.total,
        stage=state.progress.stage,
        error=state.error,
        content_hash=record.content_hash,
        method=record.method,
        parent=record.parent,
        points=points,
        points_left_out=left_out,
        groups=_groups(found, looks) if found else (),
        personas=tuple(_card(persona, looks) for persona in found.personas) if found else (),
        statistics=tuple((words(n), v) for n, v in statistics if not n.startswith("reproducibility")),
        parameters=tuple((words(n), str(v)) for n, v in found.parameters.items()) if found else (),
        reproducibility=tuple(
            (words(n.removeprefix("reproducibility_")), v) for n, v in statistics if n.startswith("reproducibility")
        ),
        warnings=found.warnings if found else (),
        document_ids=record.document_ids,
        cost_usd=record.cost_usd,
    )


def _looks(found: PersonaSet | None) -> dict[str, tuple[str, int]]:
    """Shape and hue by group id."""
    groups = found.groups if found else ()
    return {group.id: (MARKS[place % len(MARKS)], place % 8) for place, group in enumerate(groups)}


def _points(
    map_points: Sequence[MapPoint], looks: dict[str, tuple[str, int]], found: PersonaSet
) -> tuple[tuple[Point, ...], int]:
    if not map_points:
        return (), 0
    step = -(-len(map_points) // POINTS_SHOWN_MAX)
    shown = map_points[::step]
    xs, ys = [point.x for point in map_points], [point.y for point in map_points]
    names = {group.id: group.name for group in found.groups}

    def place(value: float, values: list[float], length: float) -> float:
        low, high = min(values), max(values)
        share = (value - low) / (high - low) if high > low else 0.5
        return round(MAP_MARGIN + share * (length - 2 * MAP_MARGIN), 1)

    points = []
    for point in shown:
        mark, hue = looks.get(point.group_id or "", ("noise", -1))
        group = names.get(point.group_id or "", "no group")
        span = point.span
        points.append(
            Point(
                x=place(point.x, xs, MAP_WIDTH),
                y=place(point.y, ys, MAP_HEIGHT),
                mark=mark,
                hue=hue,
                group=group,
                title=f"{group}: {point.label}\n{point.quote}",
                href=passage_href(span.document_id, span.start, span.end) if span else None,
            )
        )
    return tuple(points), len(map_points) - len(points)


def _groups(found: PersonaSet, looks: dict[str, tuple[str, int]]) -> tuple[GroupView, ...]:
    return tuple(
        GroupView(
            id=group.id,
            name=group.name,
            keywords=group.keywords,
            size=group.size,
            mentions=group.mentions,
            persistence=group.persistence,
            exemplars=group.exemplars,
            mark=looks[group.id][0],
            hue=looks[group.id][1],
            personas=sum(persona.group_id == group.id for persona in found.personas),
        )
        for group in found.groups
    )


def _card(persona: Persona, looks: dict[str, tuple[str, int]]) -> PersonaCard:
    mark, hue = looks.get(persona.group_id, ("noise", -1))
    texts = {
        "perspective": persona.perspective,
        "specialty": persona.specialty,
        "background": persona.background,
        "traits": ", ".join(persona.traits),
        "relationships": ", ".join(persona.relationships),
        **persona.demographics,
    }
    fields = tuple(_field(persona, name, text) for name, text in texts.items() if text)
    return PersonaCard(
        id=persona.id,
        anchor=f"persona-{persona.id}",
        name=persona.name,
        stakeholder=persona.stakeholder,
        perspective=persona.perspective,
        fields=fields,
        excerpts=tuple(
            ExcerptView(e.quote, passage_href(e.span.document_id, e.span.start, e.span.end) if e.span else None)
            for e in persona.excerpts
        ),
        warnings=tuple(words(warning) for warning in persona.warnings),
        weight=persona.weight,
        mark=mark,
        hue=hue,
        grounded=sum(field.origin == "document" for field in fields),
    )


def _field(persona: Persona, name: str, text: str) -> FieldView:
    origin = persona.provenance.get(name)
    spans = origin.spans if origin else ()
    hrefs = tuple(passage_href(span.document_id, span.start, span.end) for span in spans)
    return FieldView(words(name), text, origin.kind if origin else "unstated", hrefs)
