"""The pages over HTTP, on a real service with a judged batch."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.service.pages.conftest import PATIENCE_S, RUBRIC


def paths(site: Any) -> dict[str, str]:
    run = site.runs("hasty")[0]["id"]
    evaluation = site.evaluations["hasty"]
    turn = site.get(f"/runs/{run}.json").json()["transcript"]["sections"][0]["turns"][0]
    return {
        "evaluations": "/evaluations",
        "evaluation": f"/evaluations/{evaluation}",
        "comparison": site.get(f"/evaluations/{evaluation}.json").json()["compare_href"],
        "run": f"/runs/{run}",
        "seen": turn["seen_href"],
        "material": f"/runs/{run}/material/source:0?start=4&end=15",
        "batches": "/batches",
        "batch": f"/batches/{site.batch}",
        "persona sets": "/persona-sets",
        "persona set": f"/persona-sets/{site.persona_set}",
        "document": f"/documents/{site.document}?start=33&end=40",
    }


def test_every_page_has_its_twin_its_export_and_a_strict_policy(site: Any) -> None:
    for name, path in paths(site).items():
        page = site.get(path)
        assert page.status_code == 200, (name, page.text[:300])
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy, name
        assert "unsafe-inline" not in policy, name
        assert not re.search(
            r"<[^>]+\son[a-z]+\s*=|<[^>]+\sstyle=", re.sub(r"<svg.*?</svg>", "", page.text, flags=re.S)
        ), name
        place, _, query = path.partition("?")
        twin = site.get(f"{place}.json" + (f"?{query}" if query else ""))
        assert twin.headers["content-type"].startswith("application/json"), name
        assert isinstance(twin.json(), dict), name
        export = site.get(path + ("&" if query else "?") + "export=1")
        assert "attachment" in export.headers["content-disposition"], name
        assert not re.search(r"""\s(?:href|src|action)=["'](?!#|data:)""", export.text), name


SPOKEN = [("tenant", "When is the water off?"), ("caretaker", "On Monday.\nI shall ring before.")]
TALKS = [
    {"kind": "dialogue", "id": "talk", "turns": [{"speaker": who, "text": text} for who, text in SPOKEN]},
    {"kind": "pair", "id": "two", "task": "Say when.", "output_a": "On Monday at nine.", "output_b": "Soon enough."},
]


@pytest.mark.parametrize("item", TALKS, ids=["dialogue", "pair"])
def test_every_quote_leads_to_where_it_stands(site: Any, item: dict[str, Any]) -> None:
    how = {"persona_set": site.persona_set, "rubric": RUBRIC, "protocol": {"arms": ["panel"]}, "models": ["simulated"]}
    made = site.post("/v1/evaluations", json={"item": item, **how})["id"]
    run = site.wait(f"/evaluations/{made}.json", lambda page: not page["live"])["runs"][0]
    sections = site.get(f"{run['href']}.json").json()["transcript"]["sections"]
    quotes = [quote for section in sections for turn in section["turns"] for quote in turn["quotes"]]
    assert len({quote["href"] for quote in quotes}) > 1
    for one in quotes:
        place, _, query = one["href"].partition("#")[0].partition("?")
        passage = site.get(f"{place}.json?{query}").json()
        assert passage["problem"] is None
        assert passage["passage"] == one["text"], one["place"]
    exported = site.get(f"{run['href']}?export=1").text
    leads = set(re.findall(r'href="#(passage-[^"]+)"', exported))
    assert leads
    assert leads <= set(re.findall(r'id="(passage-[^"]+)"', exported))


def test_a_page_is_sent_compressed_where_the_browser_takes_it(site: Any) -> None:
    path = paths(site)["run"]
    plain, packed = site.get(path, **{"Accept-Encoding": "identity"}), site.get(path, **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) * 3 < len(plain.content)
    style = re.findall(r'"(/static/[^"]+[.]css[^"]+)"', plain.text)[0]
    plain, packed = site.get(style, **{"Accept-Encoding": "identity"}), site.get(style, **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


def test_judged_text_is_never_markup(site: Any) -> None:
    evaluation = site.evaluations["hostile"]
    run = site.runs("hostile")[0]["id"]
    turns = [t for s in site.get(f"/runs/{run}.json").json()["transcript"]["sections"] for t in s["turns"]]
    for path in (f"/evaluations/{evaluation}", f"/runs/{run}", turns[0]["seen_href"], f"/runs/{run}/material/output"):
        for suffix in ("", "?export=1"):
            text = site.get(path + suffix).text
            assert "<script>window.broken" not in text, path
            assert "<img src=x" not in text, path
    assert "&lt;script&gt;window.broken" in site.get(f"/evaluations/{evaluation}").text


def test_an_export_can_leave_texts_out(site: Any) -> None:
    run = site.runs("careful")[0]["id"]
    page = site.get(f"/runs/{run}.json").json()
    words = page["transcript"]["sections"][0]["turns"][0]["paragraphs"][0]
    html = httpx.get(f"{site.base}/runs/{run}?export=1").text
    from markupsafe import escape

    assert str(escape(words)) in html
    redacted = site.get(f"/runs/{run}?export=1&redact=1").text
    assert str(escape(words)) not in redacted
    assert "text left out" in redacted


def test_the_list_is_found_again_by_its_address(site: Any) -> None:
    rows = site.get("/evaluations.json?system=hasty").json()["rows"]
    assert [row["system"] for row in rows] == ["hasty"]
    assert (
        site.get(f"/evaluations.json?batch={site.batch}&dimension=coverage").json()["rows"][0]["lines"][0]["dimension"]
        == "coverage"
    )
    assert site.get("/evaluations.json?q=nothing-of-the-kind").json()["rows"] == []
    disagreeing = site.get(f"/evaluations.json?batch={site.batch}&only=disagree").json()["rows"]
    newest = site.get(f"/evaluations.json?batch={site.batch}&only=disagree&sort=newest").json()["rows"]
    assert {row["id"] for row in newest} == {row["id"] for row in disagreeing}
    page = site.get("/evaluations?system=hasty&sort=newest")
    assert 'value="hasty"' in page.text
    assert "No evaluation matches" in site.get("/evaluations?q=nothing-of-the-kind").text


def test_the_least_trusted_stand_first(site: Any) -> None:
    shares = []
    for row in site.get(f"/evaluations.json?batch={site.batch}").json()["rows"]:
        shares.append(min(line["arm"]["agree"] / line["arm"]["n_used"] for line in row["lines"]))
    assert shares == sorted(shares)


def test_paging_by_instability_misses_no_item(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.pages.gathering.ROWS_PER_PAGE", 3)
    address, found = f"/evaluations?batch={site.batch}", []
    while address:
        place, _, query = address.partition("?")
        page = site.get(f"{place}.json?{query}").json()
        found += [row["id"] for row in page["rows"]]
        address = page["next_href"]
    assert len(found) == len(set(found))
    assert set(found) == set(site.evaluations.values())


def test_a_part_of_an_id_finds_its_items_in_any_case(site: Any) -> None:
    def found(text: str) -> set[str]:
        return {row["name"] for row in site.get(f"/evaluations.json?batch={site.batch}&q={quote(text)}").json()["rows"]}

    assert found("ARE") == {"careful"}
    assert found("h") == {"hasty", "hostile", "thin"}
    assert found("boiler") == set(site.evaluations)  # their source
    assert found("%") == set()
    assert found("' OR 1=1 --") == set()


def test_without_a_choice_the_two_most_different_repeats_are_compared(site: Any) -> None:
    for evaluation in site.evaluations.values():
        runs = site.get(f"/v1/evaluations/{evaluation}/runs").json()["data"]
        values = {
            run["id"]: [run["verdicts"]["debate"]["dimensions"][name]["value"] for name in ("faithfulness", "coverage")]
            for run in runs
        }

        def apart(one: str, other: str, values: dict[str, list[float | None]] = values) -> tuple[int, float]:
            both = [(a, b) for a, b in zip(values[one], values[other], strict=True) if a is not None and b is not None]
            return sum((a >= 3) != (b >= 3) for a, b in both), sum(abs(a - b) for a, b in both)

        widest = max(apart(one, other) for one in values for other in values if one < other)
        page = site.get(f"/evaluations/{evaluation}/compare.json").json()
        shown = [page[side]["href"].removeprefix("/runs/") for side in ("left", "right")]
        assert apart(*shown) == pytest.approx(widest)


def test_a_repeat_by_its_number_leads_to_its_run(site: Any) -> None:
    answer = site.get(f"/evaluations/{site.evaluations['thin']}?repeat=2")
    assert answer.headers["location"] == site.runs("thin")[2]["href"]


def test_the_batch_page_says_what_the_report_says(site: Any) -> None:
    report = site.get(f"/v1/batches/{site.batch}/report").json()
    page = site.get(f"/batches/{site.batch}.json").json()
    for headline, (name, dimension) in zip(page["headlines"], report["dimensions"].items(), strict=True):
        assert f"{name}: {headline['sentence']}".lower() == dimension["sentence"].lower()
    rows = site.get(f"/evaluations.json?batch={site.batch}&only=disagree").json()
    assert page["opening"]["disagreeing"] == len(rows["rows"])
    assert page["opening"]["total"] == len(site.evaluations)
    section = page["sections"][0]
    assert [arm["name"] for arm in section["arms"]] == ["one judge", "panel, no debate", "debate"]
    assert section["arms"][2]["against_panel"]
    assert {arm["cost"] for arm in section["arms"]} == {"$0"}, "the simulated judge is known to cost nothing"
    means = [float(line["mean"]) for line in section["systems"]["lines"]]
    assert means == sorted(means, reverse=True)
    assert {line["name"] for line in section["systems"]["lines"]} == set(site.evaluations)
    html = site.get(f"/batches/{site.batch}").text
    assert f"/evaluations?batch={site.batch}&amp;dimension=faithfulness" in html
    assert "<svg" in html


def test_what_a_persona_saw_is_exact(site: Any) -> None:
    run = site.runs("careful")[0]["id"]
    turn = site.get(f"/runs/{run}.json").json()["transcript"]["sections"][0]["turns"][0]
    stored = site.get(f"/v1/evaluations/{site.evaluations['careful']}/runs/{run}/turns/{quote(turn['id'])}").json()
    seen = site.get(f"/runs/{run}/seen/{turn['id']}.json").json()
    assert [call["prompt_sha256"] for call in seen["calls"]] == [call["prompt_sha256"] for call in stored["calls"]]
    assert seen["calls"][0]["messages"][0]["content"] in str(stored["calls"][0]["messages"]) or stored["calls"]
    fragment = site.get(f"{turn['seen_href']}?fragment=1").text
    assert "<html" not in fragment
    assert "Raw reply" in fragment


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/evaluations/ev_none", 404),
        ("/runs/rn_none", 404),
        ("/documents/do_none", 404),
        ("/evaluations?status=odd", 422),
        ("/static/..%2Frouter.py", 404),
        ("/static/none.js", 404),
    ],
)
def test_what_is_not_there_is_said(site: Any, path: str, status: int) -> None:
    answer = site.get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_the_form_says_what_is_missing_and_keeps_what_was_typed(site: Any) -> None:
    answer = httpx.post(f"{site.base}/try", data={"documents": "", "output": "kept words"}, timeout=PATIENCE_S)
    assert answer.status_code == 422
    assert "at least one document" in answer.text
    assert "kept words" in answer.text
    assert re.search(r'id="documents"[^>]*aria-invalid="true"', answer.text)


def test_files_that_cannot_be_read_are_named_before_the_hearing(site: Any) -> None:
    files = [("files", ("broken.pdf", b"%PDF-1.7 nothing")), ("files", ("<b>.txt", b""))]
    data = {"documents": "As a tenant, I want a key to the cellar.", "output": "words"}
    answer = httpx.post(f"{site.base}/try", data=data, files=files, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    assert "broken.pdf: broken: " in answer.text
    assert "&lt;b&gt;.txt: empty: " in answer.text
    assert "data-hear" not in answer.text, "it would go on before anybody has read that"
    answer = httpx.post(f"{site.base}/try", data={"output": "words"}, files=files, timeout=PATIENCE_S)
    assert answer.status_code == 422
    assert "broken.pdf: broken: " in answer.text


def test_another_site_cannot_post_the_form(site: Any) -> None:
    answer = httpx.post(
        f"{site.base}/try", data={"output": "x"}, headers={"Origin": "https://elsewhere.example"}, timeout=PATIENCE_S
    )
    assert answer.status_code == 403


def test_a_wrong_key_does_not_sign_in(site: Any) -> None:
    answer = httpx.post(f"{site.base}/sign-in", data={"key": "rh_wrong_wrong_wrong"}, timeout=PATIENCE_S)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
