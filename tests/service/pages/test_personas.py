"""The map of perspectives and the persona cards: told apart, named, and in readable words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustering import Excerpt, MapPoint, Persona, PersonaSet, Span, StakeholderGroup
from service.pages.views.persona_set import HUES, MARKS, _card, _groups, _labels, _looks, _points
from service.pages.views.readable import readable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**Device cleanup**: when it\n  ends", "Device cleanup: when it ends"),
        ("(_at any time_) a new instance* of\n> it", "(at any time) a new instance* of it"),
        ("the [Intel FPGA\nN3000](https://x.example/y.html) card", "the Intel FPGA N3000 card"),
        ("| need | voice |\n|---|---|\n| **heat** | As a tenant |", "need · voice heat · As a tenant"),
        ("<!-- to do --> As a <b>user</b>,<br/>I set <name> &amp; go", "As a user , I set <name> & go"),
        ("left over --> As a user", "As a user"),
        ("## Story\n- one\n- two\n1. three", "Story one two 1. three"),
        ("I call `kube_api --a=b|c` and snake_case_names", "I call kube_api --a=b|c and snake_case_names"),
        (
            r"\\_not stressed\\_, 5 * 3 * 2, a < b > c, x || y".replace("\\\\", "\\"),
            "_not stressed_, 5 * 3 * 2, a < b > c, x || y",
        ),
        ("cut **off", "cut off"),
        ("***", "***"),
        ("", ""),
    ],
)
def test_a_passage_is_shown_as_it_would_be_read(written: str, read: str) -> None:
    assert readable(written) == read


@given(st.text(alphabet='abc \n\t*_`#|<>[]()!-~\\&;/"{}\ue000\ue0010', max_size=300))
def test_reading_never_fails_and_plain_words_stay(text: str) -> None:
    assert "\n" not in readable(text)
    assert readable("plain words " + text).startswith("plain words")


def test_words_are_changed_for_the_eye_alone() -> None:
    span = Span(document_id="do_1", start=0, end=20)
    persona = Persona(
        id="p",
        name="P",
        stakeholder="p",
        group_id="g",
        perspective="",
        excerpts=(Excerpt(quote="**I** <b>say</b>", span=span),),
    )
    (excerpt,) = _card(persona, {}).excerpts
    assert (excerpt.quote, excerpt.shown) == ("**I** <b>say</b>", "I say")
    assert excerpt.href == "/documents/do_1?start=0&end=20#passage"


def persona_set(groups: int, points: list[tuple[float, float, int]] = []) -> PersonaSet:  # noqa: B006  read only
    return PersonaSet(
        personas=(),
        groups=tuple(StakeholderGroup(id=f"g{n}", name=f"a long group name {n}", size=9) for n in range(groups)),
        method="extractive",
        map=tuple(
            MapPoint(x=x, y=y, group_id=f"g{n}", label="", quote="q", span=None, membership=1.0) for x, y, n in points
        ),
    )


def test_no_two_groups_look_alike() -> None:
    looks = _looks(persona_set(len(MARKS) * HUES))
    assert len(set(looks.values())) == len(MARKS) * HUES


def test_names_on_the_map_do_not_cover_one_another() -> None:
    spread = [
        (0.0, 0.0, 0),
        (1.0, 1.0, 0),
        (100.0, 0.5, 1),
        (99.0, 1.0, 1),
        (50.0, 90.0, 2),
        (52.0, 100.0, 2),
        (51.0, 91.0, 3),
        (51.0, 93.0, 3),
    ]
    found = persona_set(4, spread)
    looks = _looks(found)
    points, left_out = _points(found.map, looks, found)
    assert left_out == 0
    assert all(0 < point.x < 100 and 0 < point.y < 100 for point in points)
    labels = _labels(points, _groups(found, looks))
    assert [(label.name[-1], label.side) for label in labels] == [("0", "start"), ("1", "end"), ("2", "middle")], (
        "the fourth group stands where the third is named"
    )
