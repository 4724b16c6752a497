"""Takes the pictures in docs/images anew: every page, light and dark, at 1280 and at 390 pixels.

    rehearing demo && rehearing serve
    python docs/pictures.py [BASE] [--only run batch] [--to docs/images]

BASE is a running service without keys (default http://127.0.0.1:8080) that holds the demo. A batch whose items people have
scored too is added to it (their scores are planted: nobody has scored the examples), and one run is asked when its verdict
was settled. Look at what comes out: no test does.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
SIZES = {1280: 1000, 390: 844}
"""Width and height of the window, in CSS pixels."""
SCHEMES = ("light", "dark")
SCORED = "summaries, scored by people too"
COLOURS = 256


def scored_batch(client: httpx.Client, persona_set: str) -> str:
    """The batch with planted human scores, made where there is none: its id."""
    rows = client.get("/batches.json").json()["rows"]
    made = next((row["id"] for row in rows if row["name"] == SCORED and row["report_status"] == "ready"), None)
    if made:
        return str(made)
    chance = random.Random(1)
    rubric = yaml.safe_load((EXAMPLES / "rubrics" / "summary.yaml").read_text(encoding="utf-8"))
    names = [part["name"] for part in rubric["dimensions"]]
    items = [json.loads(line) for line in (EXAMPLES / "summaries.jsonl").read_text(encoding="utf-8").splitlines()]
    for item in items:
        liked = 4 if item["system"] == "careful" else 3
        item["human"] = {name: min(5, max(1, liked + chance.choice((-1, 0, 0, 1)))) for name in names}
    how = {"name": SCORED, "persona_set": persona_set, "rubric": rubric, "repeats": 4, "models": ["simulated"]}
    how["protocol"] = {"arms": ["panel", "stance", "debate"]}
    lines = [{"batch": how}, *({"custom_id": item["id"], "item": item} for item in items)]
    headers = {"Content-Type": "application/x-ndjson"}
    answer = client.post("/v1/batches", content="\n".join(map(json.dumps, lines)), headers=headers)
    batch = answer.raise_for_status().json()["id"]
    while client.get(f"/batches/{batch}.json").json()["live"]:
        time.sleep(1)
    return str(batch)


def settled(client: httpx.Client, evaluation: str, run: str) -> None:
    """Asks when the run's verdict was settled, and waits for the answer."""
    address = f"/v1{evaluation}{run}/commitment"
    client.put(address, json={}).raise_for_status()
    while not client.get(f"{run}.json").json()["commitment"]:
        time.sleep(1)


def pages(client: httpx.Client) -> dict[str, str]:
    """Address by the picture's name."""
    found = client.get("/persona-sets.json").json()["rows"]
    judges = next(row for row in found if row["name"] == "demo")
    batch = scored_batch(client, judges["id"])
    evaluation = client.get(f"/evaluations.json?batch={batch}").json()["rows"][0]["href"]
    page = client.get(f"{evaluation}.json").json()
    run = page["compare_href"].partition("?a=")[2].partition("&")[0]
    settled(client, evaluation, f"/runs/{run}")
    transcript = client.get(f"/runs/{run}.json").json()["transcript"]
    turns = [turn for section in transcript["sections"] for turn in section["turns"]]
    answered = next(turn for turn in turns if turn["reply_to"])
    quoted = next(quote for turn in turns for quote in turn["quotes"] if "/material/source" in (quote["href"] or ""))
    section = client.get(f"/batches/{batch}.json").json()["sections"][0]["anchor"]
    return {
        "evaluations": "/evaluations",
        "evaluation": evaluation,
        "comparison": page["compare_href"],
        "run": f"/runs/{run}",
        "commitment": f"/runs/{run}#commitment",
        "transcript": answered["href"],
        "lanes": f"/runs/{run}?view=lanes#transcript",
        "seen": answered["seen_href"],
        "passage": quoted["href"],
        "batches": "/batches",
        "batch": f"/batches/{batch}",
        "figures": f"/batches/{batch}#{section}",
        "persona-sets": "/persona-sets",
        "personas": judges["href"],
        "try": "/try?example=1",
        "sign-in": "/sign-in",
        "failure": "/evaluations/ev_none",
    }


def small(picture: bytes) -> bytes:
    """The picture with a palette of its own: the flat colours as they are, of the soft edges of letters the nearest."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    packed = pixels.astype(np.int64) @ [1 << 16, 1 << 8, 1]
    found, place, times = np.unique(packed, return_inverse=True, return_counts=True)
    parts = (found[:, None] >> [16, 8, 0]) & 255
    kept = parts[np.argsort(-times)[:COLOURS]]
    nearest = np.concatenate(
        [np.square(some[:, None] - kept).sum(axis=2).argmin(axis=1) for some in np.array_split(parts, 64)]
    )
    image = Image.fromarray(nearest[place].reshape(packed.shape).astype(np.uint8), "P")
    image.putpalette(kept.astype(np.uint8).tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


async def take(base: str, measured: dict[str, str], folder: Path) -> None:
    from playwright.async_api import async_playwright

    path = os.environ.get("REHEARING_TEST_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser: Any = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for width, height in SIZES.items():
            for scheme in SCHEMES:
                context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                tab = await context.new_page()
                for name, address in measured.items():
                    await tab.goto(base + address)
                    await tab.wait_for_load_state("networkidle")
                    file = folder / f"{name}-{scheme}-{width}.png"
                    file.write_bytes(small(await tab.screenshot()))
                await context.close()
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="http://127.0.0.1:8080")
    parser.add_argument("--only", nargs="*", help="names of pictures; all by default")
    parser.add_argument("--to", type=Path, default=HERE / "images")
    asked = parser.parse_args()
    with httpx.Client(base_url=asked.base, timeout=120) as http:
        addresses = pages(http)
    asyncio.run(take(asked.base, {n: a for n, a in addresses.items() if not asked.only or n in asked.only}, asked.to))
