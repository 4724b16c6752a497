"""How fast the pages are read: first paint of a long transcript and of a large list, and what they weigh.

    python bench/pages.py [BASE]

BASE is a running service (default http://127.0.0.1:8080) that holds the evaluations and batches to be measured, made for
instance by `rehearing demo`. Each page is opened five times in a fresh headless Chromium context; medians are printed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
from typing import Any

import httpx

OPENINGS = 5
TIMINGS = """() => {
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  const [page] = performance.getEntriesByType('navigation');
  const parts = performance.getEntriesByType('resource');
  return {
    paint: paint ? paint.startTime : NaN,
    interactive: page.domInteractive,
    weight: page.encodedBodySize + parts.reduce((sum, part) => sum + part.encodedBodySize, 0),
  };
}"""


def pages(base: str) -> dict[str, str]:
    """Name and address of what is measured: the list, and the longest transcript and the latest batch on it."""
    found = {"evaluations": "/evaluations", "evaluations, newest": "/evaluations?sort=newest"}
    rows = httpx.get(f"{base}/evaluations.json", timeout=60).json()["rows"]
    runs = [run for row in rows[:5] for run in httpx.get(f"{base}{row['href']}.json", timeout=60).json()["runs"]]
    if rows:
        found["evaluation"] = rows[0]["href"]
    if runs:
        longest = max(runs, key=lambda run: run["calls"])
        found[f"run of {longest['calls']} calls"] = longest["href"]
    batches = httpx.get(f"{base}/batches.json", timeout=60).json()["rows"]
    if batches:
        largest = max(batches, key=lambda batch: batch["total"])
        found[f"batch of {largest['total']}"] = largest["href"]
        found[f"items of the batch of {largest['total']}"] = f"/evaluations?batch={largest['id']}"
    return found


async def opened(browser: Any, address: str) -> dict[str, float]:
    """Milliseconds to first paint and to interactive, and bytes."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address, wait_until="load")
    await page.wait_for_timeout(100)
    timings: dict[str, float] = await page.evaluate(TIMINGS)
    await context.close()
    return timings


async def main(base: str) -> None:
    from playwright.async_api import async_playwright

    path = os.environ.get("REHEARING_TEST_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        print(f"{'page':40} {'paint ms':>9} {'ready ms':>9} {'kB':>7}")
        for name, address in pages(base).items():
            times = [await opened(browser, base + address) for _ in range(OPENINGS)]
            paint, ready, weight = (
                statistics.median(one[key] for one in times) for key in ("paint", "interactive", "weight")
            )
            print(f"{name:40} {paint:9.0f} {ready:9.0f} {weight / 1000:7.0f}")
        await browser.close()


if __name__ == "__main__":
    base_address = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080").rstrip("/")
    try:
        httpx.get(f"{base_address}/livez", timeout=5)
    except httpx.HTTPError:
        print(f"no service answers at {base_address}; start one with `rehearing serve`, then run this again")
    else:
        asyncio.run(main(base_address))
