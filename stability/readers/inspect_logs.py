"""Inspect AI evaluation logs: samples as items, epochs as runs, scorers as dimensions."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from stability.errors import UnreadableRatingsError
from stability.ratings import Rating, Ratings

GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's own reading of correct, partial, incorrect, no answer."""
UNPACKED_MAX = 4_000_000_000
"""Bytes that a packed log may unfold to."""


def read(content: bytes, mapping: Mapping[str, str]) -> Ratings:
    """Ratings from a log, .json or .eval. mapping: `persona`, `cluster` or `system` from a sample's metadata."""
    header, samples = _packed(content) if content[:2] == b"PK" else _plain(content)
    if not isinstance(header, dict) or not isinstance(samples, list):
        raise UnreadableRatingsError("this JSON is no Inspect log: it needs 'eval' and 'samples'")
    model = (header.get("eval") or {}).get("model")
    rows = [row for sample in samples if isinstance(sample, dict) for row in _rows(sample, model, mapping)]
    if not rows:
        raise UnreadableRatingsError("the Inspect log holds no scored sample: run it to the end, with log_samples")
    return Ratings.from_rows(rows, {"source": "inspect"})


def _plain(content: bytes) -> tuple[Any, Any]:
    try:
        log = json.loads(content)
    except ValueError as error:
        raise UnreadableRatingsError(f"the Inspect log is not JSON: {error}") from error
    return (log, log.get("samples")) if isinstance(log, dict) else (None, None)


def _packed(content: bytes) -> tuple[Any, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_MAX:
                raise UnreadableRatingsError(f"the log unfolds to more than {UNPACKED_MAX} bytes: split it")
            names = archive.namelist()
            header = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
            if header is None:
                raise UnreadableRatingsError("this zip is no Inspect log: it holds no header.json")
            samples = [json.loads(archive.read(name)) for name in sorted(names) if name.startswith("samples/")]
            return json.loads(archive.read(header)), samples
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, UnreadableRatingsError):
            raise
        raise UnreadableRatingsError(f"the .eval log is damaged: {error}") from error


def _rows(sample: dict[str, Any], model: str | None, mapping: Mapping[str, str]) -> Iterator[Rating]:
    metadata = sample.get("metadata") or {}
    told = {ours: str(metadata[theirs]) for ours, theirs in mapping.items() if metadata.get(theirs) is not None}
    for scorer, score in (sample.get("scores") or {}).items():
        value = score.get("value") if isinstance(score, dict) else score
        parts = value if isinstance(value, dict) else {"": value}
        for name, part in parts.items():
            yield Rating(
                item=told.get("item", str(sample.get("id"))),
                persona=told.get("persona", "judge"),
                run=str(sample.get("epoch", 1)),
                score=number(part),
                dimension=f"{scorer}/{name}" if name else scorer,
                cluster=told.get("cluster"),
                system=told.get("system", model),
            )


def number(value: Any) -> float | None:
    """A grade, number or boolean as a number; None for anything else."""
    if isinstance(value, str):
        if value in GRADES:
            return GRADES[value]
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, bool | int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # a whole number beyond all floats
        return None
    return found if math.isfinite(found) else None
