"""How fast the pages are read: first paint of a long transcript and of large batches, and what they weigh.

    python -m bench.pages [BASE] [--turns 200] [--items 1000 10000] [--store FOLDER/rehearing.db] [--openings 5]

BASE is a running service without keys (default http://127.0.0.1:8080) with at least one judged batch, made for instance by
`rehearing demo`. `--turns` asks it for one hearing of about so many turns (simulated judge, given personas). `--items` copies the
latest batch's rows in its SQLite file until they are so many: the copies share verdicts and report, which is all that
the pages of a batch read. Each page is opened anew in a headless Chromium context; medians are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx

TIMINGS = """() => {
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  const [page] = performance.getEntriesByType('navigation');
  const parts = performance.getEntriesByType('resource');
  return {
    answer: page.responseStart,
    paint: paint ? paint.startTime : null,
    interactive: page.domInteractive,
    weight: page.encodedBodySize + parts.reduce((sum, part) => sum + part.encodedBodySize, 0),
  };
}"""
TABLES = 2
"""Groups that debate. A quarter of the turns is spoken alone, a quarter at each table, a quarter restated."""
QUARTER_MAX = 60
"""Neither a persona set nor a table's debate may be larger."""
LEVELS = [{"value": value, "label": f"grade {value}"} for value in range(1, 6)]


def long_hearing(client: httpx.Client, turns: int) -> dict[str, str]:
    """One hearing of about `turns` turns: its name and address."""
    quarter = min(QUARTER_MAX, max(TABLES, turns // 4))
    shared = {"stakeholder": "reader", "perspective": "clarity"}
    personas = [{"id": f"p{n}", "name": f"Judge {n}", "group_id": f"g{n % TABLES}", **shared} for n in range(quarter)]
    persona_set = (
        client.post("/v1/persona-sets", json={"name": "Bench", "personas": personas}).raise_for_status().json()
    )
    made = client.post(
        "/v1/evaluations",
        json={
            "item": {"kind": "text", "id": "long", "instruction": "Say it clearly.", "output": "It is said. " * 40},
            "persona_set": persona_set["id"],
            "rubric": {
                "name": "plain",
                "dimensions": [{"name": "clarity", "question": "Is it clear?", "levels": LEVELS}],
            },
            "protocol": {"arms": ["debate"], "turns_max": quarter, "adaptive": False, "synthesis": False},
            "repeats": 1,
            "models": ["simulated"],
        },
    )
    place = f"/evaluations/{made.raise_for_status().json()['id']}.json"
    while (page := client.get(place).json())["live"]:
        time.sleep(1)
    href = page["runs"][0]["href"]
    heard = client.get(f"{href}.json").json()["transcript"]
    return {f"run of {heard['turns'] if heard else 0} turns": href}


def copied_batch(store: Path, source: str, items: int) -> dict[str, str]:
    """A batch of `items` copies of a batch's evaluations: names and addresses of its pages."""
    batch_id = f"ba_{items:026d}"
    with sqlite3.connect(store, timeout=60) as connection:
        connection.row_factory = sqlite3.Row
        batch = dict(connection.execute("SELECT * FROM batches WHERE id = ?", [source]).fetchone())
        rows = [dict(row) for row in connection.execute("SELECT * FROM evaluations WHERE batch_id = ?", [source])]
        connection.execute("DELETE FROM evaluations WHERE batch_id = ?", [batch_id])
        connection.execute("DELETE FROM batches WHERE id = ?", [batch_id])
        _insert(connection, "batches", [{**batch, "id": batch_id, "items": items, "name": f"{items:,} items"}])
        copies = (rows[n % len(rows)] for n in range(items))
        own = [
            {**row, "id": f"ev_{items:08d}{n:018d}", "batch_id": batch_id, "custom_id": f"item-{n:05d}"}
            for n, row in enumerate(copies)
        ]
        _insert(connection, "evaluations", own)
    dimension = next(name for row in rows for parts in json.loads(row["scores"] or "{}").values() for name in parts)
    return {
        f"batch of {items:,}": f"/batches/{batch_id}",
        f"items of the batch of {items:,}": f"/evaluations?batch={batch_id}",
        f"the same, last page by instability of {items:,}": f"/evaluations?batch={batch_id}&page={items // 50}",
        f"the same, newest first, of {items:,}": f"/evaluations?batch={batch_id}&sort=newest",
        f"the same, by one dimension, of {items:,}": f"/evaluations?batch={batch_id}&dimension={dimension}",
        f"the same, by another arm, of {items:,}": f"/evaluations?batch={batch_id}&arm=panel",
    }


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    places = ", ".join("?" * len(names))
    columns = ", ".join(f'"{name}"' for name in names)
    connection.executemany(  # names of our own schema
        f"INSERT INTO {table} ({columns}) VALUES ({places})",
        [[row[name] for name in names] for row in rows],
    )


def pages(base: str, asked: argparse.Namespace) -> dict[str, str]:
    """Name and address of what is measured."""
    found = {"evaluations": "/evaluations"}
    with httpx.Client(base_url=base, timeout=300) as client:
        rows = client.get("/evaluations.json").json()["rows"]
        if rows:
            found["evaluation"] = rows[0]["href"]
        ready = [row for row in client.get("/batches.json").json()["rows"] if row["report_status"] == "ready"]
        if asked.turns:
            found |= long_hearing(client, asked.turns)
    for items in asked.items if asked.store else ():
        found |= copied_batch(asked.store, ready[0]["id"], items)
    return found


async def opened(browser: Any, address: str) -> dict[str, float]:
    """Milliseconds to the answer, to first paint and to interactive, and bytes."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address, wait_until="load", timeout=120_000)
    timings: dict[str, float] = await page.evaluate(TIMINGS)
    while timings["paint"] is None:  # asked through the debugger: the page's own policy refuses a waiting script
        await page.wait_for_timeout(50)
        timings = await page.evaluate(TIMINGS)
    await context.close()
    return timings


async def main(asked: argparse.Namespace) -> None:
    from playwright.async_api import async_playwright

    path = os.environ.get("REHEARING_TEST_CHROMIUM") or shutil.which("chromium")
    base = asked.base.rstrip("/")
    measured = await asyncio.to_thread(pages, base, asked)
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        print(f"{'page':50} {'answer ms':>9} {'paint ms':>9} {'ready ms':>9} {'kB':>7}")
        for name, address in measured.items():
            times = [await opened(browser, base + address) for _ in range(asked.openings)]
            keys = ("answer", "paint", "interactive", "weight")
            answer, paint, ready, weight = (sorted(one[key] for one in times)[len(times) // 2] for key in keys)
            print(f"{name:50} {answer:9.0f} {paint:9.0f} {ready:9.0f} {weight / 1000:7.0f}", flush=True)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="http://127.0.0.1:8080")
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--items", type=int, nargs="*", default=[])
    parser.add_argument("--store", type=Path, help="the service's SQLite file; needed for --items")
    parser.add_argument("--openings", type=int, default=5)
    arguments = parser.parse_args()
    try:
        httpx.get(f"{arguments.base}/livez", timeout=5)
    except httpx.HTTPError:
        parser.error(f"no service answers at {arguments.base}; start one with `rehearing serve`, then run this again")
    asyncio.run(main(arguments))
