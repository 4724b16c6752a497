"""A persona set: the map of perspectives, the groups, and a card for each persona with where every field came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from clustering import MapPoint, Persona, PersonaSet, Span
from service.application.persona_warnings import warning_text
from service.application.records import PersonaSetRecord
from service.pages.formatting import words
from service.pages.views.anchors import passage_href
from service.pages.views.calibration import CalibrationView, calibration_view
from service.pages.views.readable import readable

MAP_MARGIN = 6.0
"""Per cent of the map, to each of its sides."""
LABELS_MAX = 6
"""Groups whose name stands on the map: more would hide one another."""
LABEL_CHARACTERS, CHARACTER_WIDTH, LABEL_HEIGHT = 28, 2.1, 5.0
"""Of a name on the map; the last two in per cent of the map on a phone."""
MARKS = ("circle", "square", "diamond", "triangle", "cross", "ring", "bar", "wedge")
"""Groups differ by shape and by hue; beyond eight groups, shapes come round again with another hue."""
HUES = 8
STATISTICS = {
    "repetitions_merged": "said again and merged",
    "single_voices": "groups of a single voice",
    "noise_share": "share in no group",
    "dbcv": "separation of the groups (DBCV)",
    "quotes_dropped": "quotes dropped, not found word for word",
    "demographics_stated": "demographics that the documents state",
    "demographics_differing": "demographics left out, since a persona's speakers differ",
    "demographics_dropped": "demographics dropped, not borne out by the documents",
    "stakeholders_dropped": "stakeholders dropped, not named in the documents",
    "effective_personas": "unlike personas that it amounts to",
    "reproducibility_resamples": "resamples of the documents",
    "reproducibility_rand_index_mean": "same grouping (adjusted Rand index)",
    "reproducibility_rand_index_low": "at least",
    "reproducibility_rand_index_high": "at most",
    "reproducibility_reappearing_mean": "share of personas that came again",
    "reproducibility_reappearing_low": "at least",
    "reproducibility_reappearing_high": "at most",
}
POINTS_SHOWN_MAX = 3000
"""More perspectives than this are thinned evenly on the map; the page says so."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    """Per cent of the map's width."""
    y: float
    mark: str
    hue: int
    group: str
    title: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Label:
    """A group's name on the map, above its middle."""

    x: float
    y: float
    side: str
    """Which part of the name stands at x: `start`, `middle` or `end`."""
    hue: int
    name: str


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
    """Word for word."""
    shown: str
    """The same without marks of Markdown or HTML."""
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
    labels: tuple[Label, ...]
    points_left_out: int
    groups: tuple[GroupView, ...]
    personas: tuple[PersonaCard, ...]
    statistics: tuple[tuple[str, float | int | None], ...]
    parameters: tuple[tuple[str, str], ...]
    reproducibility: tuple[tuple[str, float | int | None], ...]
    calibration: CalibrationView | None
    warnings: tuple[str, ...]
    document_ids: tuple[str, ...]
    cost_usd: float | None


def persona_set_page(record: PersonaSetRecord) -> PersonaSetPage:
    """The page; without groups and personas until the set is completed."""
    found = record.persona_set
    looks = _looks(found)
    points, left_out = _points(found.map, looks, found) if found else ((), 0)
    groups = _groups(found, looks) if found else ()
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
        labels=_labels(points, groups),
        points_left_out=left_out,
        groups=groups,
        personas=tuple(_card(persona, looks) for persona in found.personas) if found else (),
        statistics=tuple((_named(n), v) for n, v in statistics if not n.startswith("reproducibility")),
        parameters=tuple((words(n), str(v)) for n, v in found.parameters.items()) if found else (),
        reproducibility=tuple((_named(n), v) for n, v in statistics if n.startswith("reproducibility")),
        calibration=calibration_view(found) if found else None,
        warnings=tuple(warning_text(code) for code in found.warnings) if found else (),
        document_ids=record.document_ids,
        cost_usd=record.cost_usd,
    )


def _named(statistic: str) -> str:
    return STATISTICS.get(statistic, words(statistic))


def _looks(found: PersonaSet | None) -> dict[str, tuple[str, int]]:
    """Shape and hue by group id."""
    groups = found.groups if found else ()
    return {
        group.id: (MARKS[place % len(MARKS)], (place + place // len(MARKS)) % HUES)
        for place, group in enumerate(groups)
    }


def _points(
    map_points: Sequence[MapPoint], looks: dict[str, tuple[str, int]], found: PersonaSet
) -> tuple[tuple[Point, ...], int]:
    if not map_points:
        return (), 0
    step = -(-len(map_points) // POINTS_SHOWN_MAX)
    shown = map_points[::step]
    xs, ys = [point.x for point in map_points], [point.y for point in map_points]
    names = {group.id: group.name for group in found.groups}

    def place(value: float, values: list[float]) -> float:
        low, high = min(values), max(values)
        share = (value - low) / (high - low) if high > low else 0.5
        return round(MAP_MARGIN + share * (100 - 2 * MAP_MARGIN), 1)

    points = []
    for point in shown:
        mark, hue = looks.get(point.group_id or "", ("noise", -1))
        group = names.get(point.group_id or "", "no group")
        span = point.span
        told = "".join(f", {words(name)} {value}" for name, value in point.demographics.items())
        points.append(
            Point(
                x=place(point.x, xs),
                y=place(point.y, ys),
                mark=mark,
                hue=hue,
                group=group,
                title=f"{group}{f' ({point.label})' if point.label not in ('', group) else ''}{told}: {readable(point.quote)}",
                href=_passage(span) if span else None,
            )
        )
    return tuple(points), len(map_points) - len(points)


def _labels(points: Sequence[Point], groups: Sequence[GroupView]) -> tuple[Label, ...]:
    """Names of the largest groups that speak more than once; one that would cover another's is left to the legend."""
    found: list[Label] = []
    for group in sorted(groups, key=lambda group: -group.size)[:LABELS_MAX]:
        own = [point for point in points if (point.mark, point.hue) == (group.mark, group.hue)]
        if len(own) > 1:
            x, y = median(point.x for point in own), min(point.y for point in own)
            name = group.name if len(group.name) <= LABEL_CHARACTERS else group.name[: LABEL_CHARACTERS - 1] + "…"
            side = "start" if x < 25 else "end" if x > 75 else "middle"
            label = Label(x, y, side, group.hue, name)
            if not any(_overlap(label, other) for other in found):
                found.append(label)
    return tuple(found)


def _overlap(one: Label, other: Label) -> bool:
    def reach(label: Label) -> tuple[float, float]:
        width = CHARACTER_WIDTH * len(label.name)
        left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.side]
        return left, left + width

    (left, right), (other_left, other_right) = reach(one), reach(other)
    return left < other_right and other_left < right and abs(one.y - other.y) < LABEL_HEIGHT


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
    }
    fields = tuple(_field(persona, name, text) for name, text in texts.items() if text)
    fields += tuple(_field(persona, f"demographics.{name}", text) for name, text in persona.demographics.items())
    return PersonaCard(
        id=persona.id,
        anchor=f"persona-{persona.id}",
        name=persona.name,
        stakeholder=persona.stakeholder,
        perspective=persona.perspective,
        fields=fields,
        excerpts=tuple(
            ExcerptView(e.quote, readable(e.quote), _passage(e.span) if e.span else None) for e in persona.excerpts
        ),
        warnings=tuple(words(warning) for warning in persona.warnings),
        weight=persona.weight,
        mark=mark,
        hue=hue,
        grounded=sum(field.origin == "document" for field in fields),
    )


def _field(persona: Persona, name: str, text: str) -> FieldView:
    origin = persona.provenance.get(name) or persona.provenance.get(name.partition(".")[0])
    spans = origin.spans if origin else ()
    kind = origin.kind if origin else "unstated"
    hrefs = tuple(_passage(span) for span in spans)
    return FieldView(words(name.rpartition(".")[2]), readable(text) if kind == "document" else text, kind, hrefs)


def _passage(span: Span) -> str:
    return passage_href(span.document_id, span.start, span.end)
