"""The pages as a person uses them, in a headless Chromium: by mouse, by keyboard, offline, and while a case is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.service.pages.conftest import PATIENCE_S

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Any, site: Any) -> AsyncIterator[Any]:
    """A page in a fresh context. At the end: no request has left the origin, no script has failed, none was refused."""
    context = await browser.new_context(base_url=site.base, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_S * 1000)
    page = await context.new_page()
    outward, failures = [], []
    page.on(
        "request",
        lambda request: (
            outward.append(request.url) if not request.url.startswith((site.base, "data:", "file:")) else None
        ),
    )
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda line: failures.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    await context.close()
    assert outward == []
    assert failures == []


def axe_script() -> str:
    """For the debugger: the pages' own policy would refuse a script of ours."""
    from axe_playwright_python import base

    return (Path(base.__file__).parent / "axe.min.js").read_text()


async def test_from_the_least_stable_item_to_the_quote_of_a_change(tab: Any, site: Any) -> None:
    await tab.goto(f"/evaluations?batch={site.batch}")
    first = tab.locator("tbody[data-stop]").first
    least = await first.locator("a").first.inner_text()
    await first.locator("a").first.click()
    await tab.wait_for_url("**/evaluations/ev_*")
    assert await tab.locator("h1").inner_text() == least
    await tab.locator("[data-compare]").click()
    await tab.locator("[data-first]").click()
    await tab.wait_for_url(lambda url: "#row-" in url)
    assert await tab.locator("tr.first").count() == 1
    await tab.locator("tr.first a").first.click()  # to that turn, in its own run
    turn = tab.locator(".turn:target")
    await turn.wait_for()
    await turn.locator(".quotes a").first.click()
    marked = await tab.locator("mark#passage").inner_text()
    assert marked.strip()


async def test_a_mark_in_the_matrix_leads_to_its_turn_and_its_link_opens_fresh(
    tab: Any, site: Any, browser: Any
) -> None:
    run = next(run for name in site.evaluations for run in site.runs(name))
    await tab.goto(run["href"])
    cell = tab.locator(".positions td a").first
    await cell.click()
    await tab.wait_for_url(lambda url: "#" in url)
    fragment = tab.url.partition("#")[2]
    assert await tab.locator(f"article#{fragment}").count() == 1
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    fresh = await context.new_page()
    await fresh.goto(tab.url)
    assert await fresh.locator(".turn:target").get_attribute("id") == fragment
    await context.close()


async def test_what_a_persona_saw_is_read_on_demand(tab: Any, site: Any) -> None:
    await tab.goto(site.runs("careful")[0]["href"])
    seen = tab.locator(".seen").first
    assert await tab.locator("pre").count() == 0
    await seen.click()
    await seen.locator("pre").first.wait_for(state="attached")
    assert "faithfulness" in (await seen.text_content() or "")


async def test_how_far_words_moved_unfolds_as_a_table_that_can_be_read(tab: Any, site: Any) -> None:
    await tab.goto(site.runs("careful")[0]["href"])
    await tab.get_by_role("link", name="How far each persona’s words moved from its card").click()
    table = tab.locator("table.matrix", has=tab.get_by_role("columnheader", name="Trend"))
    await table.wait_for()
    assert await table.locator("tbody tr").count() > 1
    box = await table.locator("..").bounding_box()
    assert box["width"] > 600, "the page has room for it"
    first = table.locator("tbody td a").first
    assert 0 <= float(await first.inner_text()) <= 2
    await first.click()
    assert "#" in tab.url


async def test_how_well_personas_stayed_in_role_is_read_without_a_mouse(tab: Any, site: Any) -> None:
    run = site.runs("careful")[0]
    probe = f"/v1/evaluations/{site.evaluations['careful']}/runs/{run['href'].rpartition('/')[2]}/adherence"
    site.put(probe, json={"times": 2})
    rated = site.wait(probe, lambda found: found["status"] == "completed")["judges"]
    for width in (1280, 390):
        await tab.set_viewport_size({"width": width, "height": 900})
        await tab.goto(run["href"])
        table = tab.get_by_role("region", name="Adherence by persona and question").locator("table")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    rows = [await row.inner_text() for row in await table.locator("tbody tr").all()]
    assert len(rows) == len(rated) == 3
    for row, own in zip(rows, rated.values(), strict=True):
        role = own["ratings"]["role"]
        assert f"{role['mean']:.2f}" in row
        assert f"{role['low']:.2f} to {role['high']:.2f}" in row
        assert f"{role['n_used']} of {role['n_asked']} ratings used" in row
    await tab.evaluate(axe_script())
    found = await tab.evaluate("axe.run('#adherence', {resultTypes: ['violations'], preload: false})")
    assert [one["id"] for one in found["violations"]] == []


async def test_by_keyboard_alone(tab: Any, site: Any) -> None:
    await tab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.base)
    await tab.goto(f"/evaluations?batch={site.batch}")
    await tab.keyboard.press("j")
    await tab.keyboard.press("Enter")
    await tab.wait_for_url("**/evaluations/ev_*")
    await tab.keyboard.press("j")
    await tab.keyboard.press("Enter")
    await tab.wait_for_url("**/runs/rn_*")
    await tab.keyboard.press("]")
    here = tab.locator(".turn.here")
    persona = await here.get_attribute("data-persona")
    await tab.keyboard.press("p")
    assert await here.get_attribute("data-persona") == persona
    await tab.keyboard.press("k")
    await tab.keyboard.press("d")
    assert await here.get_attribute("data-disagrees") is not None
    await tab.keyboard.press("y")
    await tab.locator("#live-status", has_text="copied").wait_for()
    copied = await tab.evaluate("navigator.clipboard.readText()")
    assert copied == f"{tab.url.partition('#')[0]}#{await here.get_attribute('id')}"
    await tab.keyboard.press("s")
    await here.locator("pre").first.wait_for(state="attached")
    await tab.keyboard.press("?")
    assert await tab.locator("dialog[open]").count() == 1


async def test_the_whole_way_by_keyboard(tab: Any, site: Any) -> None:
    """From the list to the least stable item, its two most different repeats, and a quote where it stands."""
    await tab.goto(f"/evaluations?batch={site.batch}")
    await tab.keyboard.press("Tab")
    assert await tab.evaluate("document.activeElement.className") == "skip"
    await tab.keyboard.press("Enter")
    assert await tab.evaluate("document.activeElement.id") == "main"
    first = await tab.locator("tbody[data-stop]").first.get_attribute("id")
    await tab.keyboard.press("j")
    await tab.keyboard.press("Enter")
    await tab.wait_for_url(f"**/evaluations/{first}")
    await tab.keyboard.press("c")
    await tab.wait_for_url("**/compare?**")
    await tab.keyboard.press("d")
    assert await tab.locator("tr.here").get_attribute("data-disagrees") is not None
    await tab.keyboard.press("Enter")
    await tab.wait_for_url("**/runs/rn_*")
    await tab.keyboard.press("]")
    phase = await tab.evaluate("document.querySelector('.here').closest('[data-phase]').id")
    await tab.keyboard.press("]")
    assert await tab.evaluate("document.querySelector('.here').closest('[data-phase]').id") != phase
    await tab.keyboard.press("[")
    assert await tab.evaluate("document.querySelector('.here').closest('[data-phase]').id") == phase
    for _ in range(await tab.locator(".turn").count()):
        if await tab.locator(".here .quotes a").count():
            break
        await tab.keyboard.press("j")
    await tab.keyboard.press("e")
    await tab.wait_for_url("**/material/**")
    assert (await tab.locator("mark#passage").inner_text()).strip()


async def test_marks_of_the_charts_lead_to_their_items(tab: Any, site: Any) -> None:
    await tab.goto(f"/batches/{site.batch}")
    marks = tab.locator("figure svg a[href]")
    assert await marks.count() > 0
    addresses = await marks.evaluate_all("all => all.map(one => new URL(one.href.baseVal, location.href).href)")
    assert all(one.startswith(f"{site.base}/evaluations?batch={site.batch}&") for one in addresses)
    await marks.first.click()
    await tab.wait_for_url("**/evaluations?**")
    assert await tab.locator("tbody[data-stop]").count() > 0
    await tab.goto(f"/evaluations?batch={site.batch}")
    await tab.locator("a.swing-link").first.click()
    await tab.wait_for_url("**/compare")


async def test_an_export_opens_from_disk_with_the_network_off(tab: Any, site: Any, tmp_path: Path) -> None:
    await tab.goto(site.runs("hasty")[0]["href"])
    async with tab.expect_download() as waiting:
        await tab.get_by_role("link", name="Export", exact=True).click()
    saved = tmp_path / "export.html"
    await (await waiting.value).save_as(saved)
    await tab.context.set_offline(True)
    await tab.goto(saved.as_uri())
    assert await tab.locator(".turn").count() > 3
    await tab.keyboard.press("j")
    assert await tab.locator(".turn.here").count() == 1
    fonts = await tab.evaluate("getComputedStyle(document.querySelector('.positions td')).backgroundColor")
    assert fonts not in ("", "rgba(0, 0, 0, 0)")


async def test_an_exported_quote_leads_to_its_passage_in_the_same_file(tab: Any, site: Any, tmp_path: Path) -> None:
    saved = tmp_path / "export.html"
    for name in site.evaluations:
        for run in site.runs(name):
            saved.write_text(site.get(f"{run['href']}?export=1").text)
            if 'href="#passage-' in saved.read_text():
                break
    await tab.context.set_offline(True)
    await tab.goto(saved.as_uri())
    link = tab.locator("a[href^='#passage-']").first
    quoted = await link.locator("xpath=../q").inner_text()
    await link.click()
    passage = tab.locator(":target + mark")
    assert " ".join(quoted.split())[:20] in " ".join((await passage.inner_text()).split())


async def test_the_transcript_stands_in_lanes_when_its_address_says_so(tab: Any, site: Any) -> None:
    href = site.runs("careful")[0]["href"]
    await tab.goto(href)
    turns = await tab.locator(".turn").count()
    await tab.get_by_role("link", name="a lane for each persona").click()
    await tab.wait_for_url(lambda url: "view=lanes" in url)
    assert await tab.locator(".lanes .turn").count() == turns
    for persona in ("tenant-1", "caretaker-1"):
        lanes = await tab.locator(f".turn[data-persona='{persona}']").evaluate_all(
            "all => [...new Set(all.map(turn => turn.closest('td').cellIndex))]"
        )
        assert len(lanes) == 1


async def test_hostile_text_runs_nothing(tab: Any, site: Any) -> None:
    await tab.goto(f"/evaluations/{site.evaluations['hostile']}")
    await tab.goto(site.runs("hostile")[0]["href"])
    assert await tab.evaluate("window.broken") is None


async def test_a_run_arrives_live_and_the_connection_comes_back(tab: Any, site: Any) -> None:
    made = site.hear("careful", model="simulated:delay_s=1")  # so long that the page is there before its end
    await tab.goto(f"/evaluations/{made['id']}")
    assert await tab.locator("progress").count() == 1
    await tab.context.set_offline(True)
    await tab.locator("#live-status", has_text="lost").wait_for()
    await tab.context.set_offline(False)
    await tab.locator(".status-completed").nth(1).wait_for()
    await tab.locator("progress").wait_for(state="detached")
    assert await tab.locator("#card .card").count() == 2


async def test_a_touch_beside_a_mark_of_the_map_opens_its_passage(browser: Any, site: Any) -> None:
    made = site.post("/v1/persona-sets", json={"name": "Heard", "documents": [site.document]})["id"]
    assert site.wait(f"/persona-sets/{made}.json", lambda page: not page["live"])["points"]
    context = await browser.new_context(base_url=site.base, viewport={"width": 390, "height": 800}, has_touch=True)
    context.set_default_timeout(PATIENCE_S * 1000)
    phone = await context.new_page()
    await phone.goto(f"/persona-sets/{made}")
    mark = phone.locator("svg.map a g").first
    box = await mark.bounding_box()
    assert min(box["width"], box["height"]) > 5
    assert max(box["width"], box["height"]) >= 10
    await phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] + 6)
    await phone.wait_for_url("**/documents/**")
    assert (await phone.locator("mark#passage").inner_text()).strip()
    await context.close()


async def test_the_form_may_be_sent_from_its_own_page(tab: Any, site: Any) -> None:
    await tab.goto("/try")
    await tab.locator("textarea[name=output]").fill("An output without any judges.")
    await tab.get_by_role("button", name="Judge it").click()
    assert "at least one document" in await tab.locator("[role=alert]").inner_text()


async def test_an_example_is_tried_from_the_form_to_its_verdict(tab: Any, site: Any) -> None:
    await tab.goto("/try")
    await tab.get_by_role("link", name="Fill in an example").click()
    await tab.locator("select[name=repeats]").select_option("1")
    await tab.get_by_role("button", name="Judge it").press("Enter")
    await tab.wait_for_url("**/evaluations/ev_*")
    await tab.locator(".status-completed").first.wait_for()
    await tab.locator("#card .card").first.wait_for()
    assert await tab.locator("#card .card .big").first.inner_text()


async def test_serious_accessibility_violations_are_none(tab: Any, site: Any) -> None:
    axe = axe_script()
    run = site.runs("hasty")[0]["href"]
    evaluation = f"/evaluations/{site.evaluations['hasty']}"
    compare = site.get(f"{evaluation}.json").json()["compare_href"]
    paths = [
        "/evaluations", evaluation, run, compare, f"/batches/{site.batch}", f"/persona-sets/{site.persona_set}",
        f"/documents/{site.document}?start=33&end=40", "/try", "/batches", "/persona-sets", "/sign-in",
        f"{run}?view=lanes", site.get(f"{run}.json").json()["transcript"]["sections"][0]["turns"][0]["seen_href"],
        "/evaluations/ev_none",
    ]  # fmt: skip
    for path in paths:
        await tab.emulate_media(color_scheme="light")
        await tab.goto(path)
        await tab.evaluate(axe)
        for scheme, rules in (("light", ["wcag2a", "wcag2aa", "wcag21aa"]), ("dark", ["color-contrast"])):
            await tab.emulate_media(color_scheme=scheme)  # which changes colours and nothing else
            found = await tab.evaluate(
                "rules => axe.run({resultTypes: ['violations'], preload: false, runOnly: rules})", rules
            )
            serious = [
                (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
                for one in found["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], (scheme, path)


async def test_paper_is_white_and_shows_the_table_whatever_the_screen_does(tab: Any, site: Any) -> None:
    await tab.set_viewport_size({"width": 700, "height": 900})
    await tab.emulate_media(media="print", color_scheme="dark")
    await tab.goto(f"/evaluations?batch={site.batch}")
    assert await tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert await tab.evaluate("getComputedStyle(document.querySelector('.list tbody tr')).display") == "table-row"
    assert not await tab.locator(".filters").is_visible()
    await tab.goto(site.runs("hasty")[0]["href"] + "?view=lanes")
    wide = "document.querySelector('.lanes').getBoundingClientRect().right"
    assert await tab.evaluate(wide) <= 700, "lanes stand one after another: side by side they are wider than paper"


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_is_wider_than_the_window(tab: Any, site: Any, width: int) -> None:
    await tab.set_viewport_size({"width": width, "height": 900})
    for path in (
        "/evaluations",
        f"/evaluations/{site.evaluations['hasty']}",
        site.runs("hasty")[0]["href"],
        f"/batches/{site.batch}",
        f"/evaluations/{site.evaluations['hasty']}/compare",
        f"/persona-sets/{site.persona_set}",
        "/try",
    ):
        await tab.goto(path)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width, path
        outside = await tab.locator("fieldset :is(input, textarea)").evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().right"
            " > one.closest('fieldset').getBoundingClientRect().right).length"
        )
        assert outside == 0, path
