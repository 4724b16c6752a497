"""promptfoo's JSON result: test cases x prompts as items, `--repeat` as runs, assertions' metrics as dimensions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from stability.errors import UnreadableRatingsError
from stability.ratings import Rating, Ratings
from stability.readers.inspect_logs import number


def read(content: bytes, mapping: Mapping[str, str]) -> Ratings:
    """Ratings from `promptfoo eval --repeat N -o result.json`. mapping: our column from a test variable.

    A repeat is a row of its own with the same variables, prompt and provider; runs are numbered in their order.
    """
    try:
        data = json.loads(content)
    except ValueError as error:
        raise UnreadableRatingsError(f"the promptfoo result is not JSON: {error}") from error
    results = data.get("results") if isinstance(data, dict) else None
    results = results.get("results") if isinstance(results, dict) else results
    if not isinstance(results, list) or not results:
        raise UnreadableRatingsError(
            "this JSON holds no promptfoo results: write it with `promptfoo eval -o FILE.json`"
        )
    seen: Counter[str] = Counter()
    rows = [row for result in results if isinstance(result, dict) for row in _rows(result, seen, mapping)]
    if not rows:
        raise UnreadableRatingsError("the promptfoo result holds no scored row")
    return Ratings.from_rows(rows, {"source": "promptfoo"})


def _rows(result: dict[str, Any], seen: Counter[str], mapping: Mapping[str, str]) -> Iterator[Rating]:
    variables = result.get("vars") or {}
    provider = result.get("provider")
    provider = provider.get("label") or provider.get("id") if isinstance(provider, dict) else provider
    system = f"{provider} / prompt {result.get('promptIdx', 0)}"
    told = {ours: str(variables[theirs]) for ours, theirs in mapping.items() if variables.get(theirs) is not None}
    own = {name: value for name, value in variables.items() if name not in mapping.values()} or variables
    case = told.get("cluster") or json.dumps(own, sort_keys=True, ensure_ascii=False)
    item = told.get("item", f"{case} | {system}")
    persona = told.get("persona", "judge")
    seen[f"{item}\x1f{persona}"] += 1
    for dimension, score in _scores(result).items():
        yield Rating(
            item=item, persona=persona, run=str(seen[f"{item}\x1f{persona}"]), score=score, dimension=dimension,
            cluster=case, system=told.get("system", system),
        )  # fmt: skip


def _scores(result: dict[str, Any]) -> dict[str, float | None]:
    """The overall score, and one per named metric; an error gave no score."""
    failed = bool(result.get("error")) and not result.get("gradingResult")
    named = result.get("namedScores") or {}
    overall = {"score": None if failed else number(result.get("score"))}
    return overall | {str(name): None if failed else number(value) for name, value in named.items()}
