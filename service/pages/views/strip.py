"""One item's repeats as a strip of cells, folded by identical outcome, and the figures that stand beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

from agents import Dimension
from service.application.records import DimensionScore
from service.application.scoring import WIDEST_FIRST, disagreement, heard
from service.pages.formatting import mean, score, words
from service.pages.views.claims import grade_name, said, why

Z_95 = 1.959964
AT_A_LEVEL = 0.25
"""A mean this near to a level is called by its name."""
CELLS_SHOWN_MAX = 24
"""A fold of more cells than this prints its count instead."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One repeat's verdict."""

    repeat: int
    text: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Fold:
    """The repeats that came out alike."""

    key: str
    """`pass`, `fail`, `grade`, or the outcome that is no decision: the look of the cells."""
    label: str
    cells: tuple[Cell, ...]
    shown: bool
    """False where only the count is printed."""


@dataclass(frozen=True, slots=True)
class ArmFigure:
    """One arm's verdict on one dimension, over all repeats."""

    arm: str
    name: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    sd: float | None
    """Run-to-run standard deviation of the verdict; None below two decided repeats."""
    agree: int
    n_used: int
    n_asked: int
    heard: int
    """Repeats that ended with or without a verdict: what `agree` is counted over."""
    disagreement: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class DimensionLine:
    """One dimension of one item: its verdict with its stability."""

    dimension: str
    name: str
    question: str
    low: int
    high: int
    threshold: float | None
    arm: ArmFigure
    grade: str | None
    """Label of the nearest level."""
    scale: str
    """The ends of the scale, in words where its numbers say nothing: `on 1 to 5`."""
    folds: tuple[Fold, ...]
    agreement_low: float | None
    agreement_high: float | None
    single_sd: float | None
    arms: tuple[ArmFigure, ...]
    trust: str
    """`steady`, `split`, `single`, `undecided`: a word, never a colour alone."""
    said: str
    """What the repeats say, in words."""
    why: str
    """Why they do not say the same; empty where that needs no explanation."""


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """95 % Wilson interval of a share; None without trials.

    Read it as a description: the modal outcome was chosen after seeing the runs, so that its share runs high.
    """
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95**2
    centre = share + z2 / (2 * trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def distrust(line: DimensionLine) -> tuple[float, float]:
    """Sorts lines, the one to trust least first: by the share of repeats that disagree, then by how far they swing."""
    share = line.arm.disagreement
    return (1.0 if share is None else -share), -(line.arm.sd or 0.0)


def widest(scores: Mapping[str, object], wanted: str | None = None) -> str | None:
    """The wanted arm where it was heard, else the one in which personas saw most; None before any run has ended."""
    if wanted in scores:
        return wanted
    return next((arm.value for arm in WIDEST_FIRST if arm.value in scores), None)


def dimension_lines(
    scores: Mapping[str, Mapping[str, DimensionScore]],
    dimensions: Sequence[Dimension],
    run_hrefs: Mapping[int, str],
    wanted_arm: str | None = None,
) -> tuple[DimensionLine, ...]:
    """One line per dimension that was scored, in the rubric's order. `run_hrefs`: where each repeat is read."""
    arm = widest(scores, wanted_arm)
    if arm is None:
        return ()
    return tuple(_line(dimension, arm, scores, run_hrefs) for dimension in dimensions if dimension.name in scores[arm])


def _line(
    dimension: Dimension,
    arm: str,
    scores: Mapping[str, Mapping[str, DimensionScore]],
    run_hrefs: Mapping[int, str],
) -> DimensionLine:
    own = scores[arm][dimension.name]
    figures = {name: _figure(name, by[dimension.name]) for name, by in scores.items() if dimension.name in by}
    ordered = tuple(figures[name.value] for name in WIDEST_FIRST if name.value in figures)
    agreement = wilson(own.agree, heard(own)) if own.n_used else None
    folds = _folds(own, dimension, run_hrefs)
    trust = _trust(own)
    counts = [(fold.key, fold.label, len(fold.cells)) for fold in folds]
    return DimensionLine(
        dimension=dimension.name,
        name=words(dimension.name),
        question=dimension.question,
        low=dimension.low,
        high=dimension.high,
        threshold=dimension.pass_threshold,
        arm=figures[arm],
        grade=nearest_label(dimension, own.value),
        scale=_scale(dimension),
        folds=folds,
        agreement_low=agreement[0] if agreement else None,
        agreement_high=agreement[1] if agreement else None,
        single_sd=own.single_sd,
        arms=ordered,
        trust=trust,
        said=said(trust, counts),
        why=why(trust, own.value, figures[arm].sd, dimension.pass_threshold),
    )


def _scale(dimension: Dimension) -> str:
    ends = [level_name(dimension, level.label) for level in (dimension.levels[0], dimension.levels[-1])]
    numbers = [score(dimension.low), score(dimension.high)]
    if ends != [dimension.levels[0].label, dimension.levels[-1].label]:
        return f"from {numbers[0]} ({ends[0]}) to {numbers[1]} ({ends[1]})"
    return f"on {numbers[0]} to {numbers[1]}"


def _figure(arm: str, own: DimensionScore) -> ArmFigure:
    values = [value for value in own.run_values if value is not None]
    return ArmFigure(
        arm=arm,
        name=words(arm),
        value=own.value,
        ci_low=own.ci_low,
        ci_high=own.ci_high,
        sd=stdev(values) if len(values) > 1 else None,
        agree=own.agree,
        n_used=own.n_used,
        n_asked=own.n_asked,
        heard=heard(own),
        disagreement=disagreement(own),
        passed=own.passed,
    )


def _trust(own: DimensionScore) -> str:
    if own.n_used == 0:
        return "undecided"
    share = disagreement(own)
    if share is None:
        return "single"
    return "split" if share > 0 else "steady"


def nearest_label(dimension: Dimension, value: float | None) -> str | None:
    """The level that a value stands at, or the two that it stands between; None without a value.

    A value on the other side of the pass mark is between: `fail` and the name of a level that passes do not go together.
    """
    if value is None:
        return None
    nearest = min(dimension.levels, key=lambda level: abs(level.value - value))
    mark = dimension.pass_threshold
    if abs(nearest.value - value) <= AT_A_LEVEL and (mark is None or (value >= mark) == (nearest.value >= mark)):
        return level_name(dimension, nearest.label)
    below = [level.label for level in dimension.levels if level.value <= value]
    above = [level.label for level in dimension.levels if level.value >= value]
    between = [below[-1], above[0]] if below and above else [nearest.label]
    return " to ".join(level_name(dimension, label) for label in between)


def level_name(dimension: Dimension, label: str) -> str:
    return grade_name([level.label for level in dimension.levels], label)


def _folds(own: DimensionScore, dimension: Dimension, run_hrefs: Mapping[int, str]) -> tuple[Fold, ...]:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for repeat, value in enumerate(own.run_values):
        outcome = own.outcomes[repeat] if repeat < len(own.outcomes) else "decided"
        key, label = _category(value, outcome, dimension)
        text = mean(value, dimension.pass_threshold) if value is not None else ""
        title = f"hearing {repeat + 1}: {score(value) + ', ' if value is not None else ''}{label}"
        groups.setdefault((key, label), []).append(Cell(repeat, text, title, run_hrefs.get(repeat, "")))
    folds = [
        Fold(key, label, tuple(sorted(cells, key=lambda cell: cell.text)), len(cells) <= CELLS_SHOWN_MAX)
        for (key, label), cells in groups.items()
    ]
    return tuple(sorted(folds, key=lambda fold: (fold.cells[0].text == "", -len(fold.cells))))


def _category(value: float | None, outcome: str, dimension: Dimension) -> tuple[str, str]:
    if value is None:
        return outcome if outcome != "decided" else "pending", words(outcome if outcome != "decided" else "pending")
    if dimension.pass_threshold is not None:
        return ("pass", "pass") if value >= dimension.pass_threshold else ("fail", "fail")
    grade = math.floor(value + 0.5)  # as agreement is counted
    label = next((level.label for level in dimension.levels if level.value == grade), score(grade))
    return "grade", level_name(dimension, label)
