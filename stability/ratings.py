"""The long table of ratings, in columns: one row is one score of one item by one persona in one run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.errors import CellError, DuplicateRatingsError

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ONE_PERSONA = "judge"
ONE_DIMENSION = "score"
PHASES = ("alone", "restated", "verdict")
ARMS = ("panel", "debate", "self_reflection", "stance")

TEXT_COLUMNS = (
    "item", "persona", "run", "dimension", "arm", "phase", "cluster", "system", "model", "order", "prompt", "time",
)  # fmt: skip
NUMBER_COLUMNS = ("score", "human", "certainty", "tokens", "calls", "cost_usd")
FLAG_COLUMNS = ("abstained", "verified")
COLUMNS = (*TEXT_COLUMNS, *NUMBER_COLUMNS, *FLAG_COLUMNS)


class Column(NamedTuple):
    """A column of names as codes into them; code -1 is missing."""

    codes: Codes
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Column:
        """Encodes names in order of appearance; None and "" are missing."""
        names: dict[str, int] = {}
        codes = [-1 if value is None or value == "" else names.setdefault(value, len(names)) for value in values]
        return cls(np.asarray(codes, dtype=np.int32), tuple(names))

    @classmethod
    def constant(cls, name: str, length: int) -> Column:
        """The same name in every row."""
        return cls(np.zeros(length, dtype=np.int32), (name,))

    def filled(self, default: Callable[[], Column]) -> Column:
        """Missing entries taken from `default`, which is only made where something is missing."""
        missing = self.codes < 0
        if not missing.any():
            return self
        other = default()
        index = {name: code for code, name in enumerate(self.names)}
        mapped = np.asarray([index.setdefault(name, len(index)) for name in other.names], dtype=np.int32)
        return Column(np.where(missing, mapped[other.codes], self.codes).astype(np.int32), tuple(index))

    def code(self, name: str) -> int:
        """The code of a name; -2, which no row has, where it does not occur."""
        return self.names.index(name) if name in self.names else -2

    def value(self, row: int) -> str | None:
        """The name in a row; None where it is missing."""
        code = int(self.codes[row])
        return None if code < 0 else self.names[code]


@dataclass(frozen=True)
class Rating:
    """One row. An empty score is a call that failed, or an abstention where `abstained` says so."""

    item: str
    persona: str | None = None
    run: str = "1"
    score: float | None = None
    dimension: str = ONE_DIMENSION
    arm: str | None = None
    """panel, debate, self_reflection or stance; panel where the phase is alone, else debate."""
    phase: str | None = None
    """alone, restated or verdict; alone where there is a persona, else verdict."""
    cluster: str | None = None
    system: str | None = None
    model: str | None = None
    order: str | None = None
    prompt: str | None = None
    time: str | None = None
    human: float | None = None
    certainty: float | None = None
    tokens: float | None = None
    calls: float | None = None
    cost_usd: float | None = None
    abstained: bool | None = None
    verified: bool | None = None
    """Whether the judgement cites evidence that was found where it says."""


@dataclass(frozen=True)
class Ratings:
    """Ratings in columns: a million rows take some 60 MB. Make one with `read_ratings` or `Ratings.from_rows`."""

    item: Column
    persona: Column
    """Missing in verdicts, which belong to no persona."""
    run: Column
    dimension: Column
    arm: Column
    phase: Column
    cluster: Column
    """The source document or dialogue; the item itself where none was given."""
    score: Floats
    """NaN where a call gave no score."""
    abstained: Flags
    system: Column | None = None
    model: Column | None = None
    order: Column | None = None
    prompt: Column | None = None
    time: Column | None = None
    human: Floats | None = None
    certainty: Floats | None = None
    tokens: Floats | None = None
    calls: Floats | None = None
    cost_usd: Floats | None = None
    verified: Flags | None = None
    """Whether evidence that was found was cited; None where nobody looked."""
    notes: tuple[tuple[str, str], ...] = ()
    """(code, message) of what the reader assumed; the report repeats them as warnings."""
    provenance: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def from_rows(cls, rows: Iterable[Rating], provenance: dict[str, object] | None = None) -> Ratings:
        """Ratings from single rows. Raises RatingsError as `read_ratings` does."""
        kept = list(rows)
        texts = {name: Column.of(getattr(row, name) for row in kept) for name in TEXT_COLUMNS}
        numbers = {name: number_column([getattr(row, name) for row in kept]) for name in NUMBER_COLUMNS}
        flags = np.asarray([bool(row.abstained) for row in kept], dtype=bool)
        looked = any(row.verified is not None for row in kept)
        verified = np.asarray([bool(row.verified) for row in kept], dtype=bool) if looked else None
        return build(texts, numbers, flags, verified, provenance=provenance)

    def select(self, rows: Flags) -> Ratings:
        """The ratings of some rows; names keep their codes."""
        changed: dict[str, object] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, Column):
                changed[part.name] = Column(value.codes[rows], value.names)
            elif isinstance(value, np.ndarray):
                changed[part.name] = value[rows]
        return replace(self, **changed)  # type: ignore[arg-type]

    @property
    def content_hash(self) -> str:
        """sha256 of names, codes and scores: the same table has the same hash."""
        digest = hashlib.sha256()
        for name in ("item", "persona", "run", "dimension", "arm", "phase"):
            column: Column = getattr(self, name)
            digest.update("\x1f".join(column.names).encode())
            digest.update(np.ascontiguousarray(column.codes).tobytes())
        digest.update(np.ascontiguousarray(self.score).tobytes())
        return digest.hexdigest()


def number_column(values: Sequence[float | None]) -> Floats:
    """Numbers with NaN where there is none."""
    return np.asarray([np.nan if value is None else value for value in values], dtype=float)


def build(
    texts: dict[str, Column],
    numbers: dict[str, Floats],
    abstained: Flags | None = None,
    verified: Flags | None = None,
    *,
    line_of: Callable[[int], int] = lambda row: row + 1,
    notes: tuple[tuple[str, str], ...] = (),
    provenance: dict[str, object] | None = None,
) -> Ratings:
    """Ratings from columns, with the defaults filled in and the rows checked.

    texts, numbers: by column name; what is absent or wholly missing is filled or left out. line_of: the line in the
    caller's file of a row. Raises CellError, DuplicateRatingsError.
    """
    score = numbers["score"]
    n = len(score)
    persona = texts.get("persona") or Column.constant(ONE_PERSONA, n)
    if (persona.codes < 0).all() and "phase" not in texts and "arm" not in texts:
        persona = Column.constant(ONE_PERSONA, n)
    spoken = persona.codes >= 0
    phase = _default(texts.get("phase"), spoken, "alone", "verdict")
    _only(phase, PHASES, "phase", line_of)
    arm = _default(texts.get("arm"), phase.codes == phase.code("alone"), "panel", "debate")
    _only(arm, ARMS, "arm", line_of)
    item = texts.get("item") or Column.constant("item", n)
    missing = np.flatnonzero(item.codes < 0)
    if len(missing):
        line = line_of(int(missing[0]))
        raise CellError(f"line {line}: column 'item' is empty; name the item that was rated", line=line, column="item")
    cluster = (texts.get("cluster") or _empty(n)).filled(lambda: item)
    dimension = (texts.get("dimension") or _empty(n)).filled(lambda: Column.constant(ONE_DIMENSION, n))
    run, numbered = _runs(texts.get("run"), [item, persona, dimension, arm, phase])
    certainty = _known(numbers.get("certainty"))
    _in_unit(certainty, line_of)
    table = Ratings(
        item=item,
        persona=persona,
        run=run,
        dimension=dimension,
        arm=arm,
        phase=phase,
        cluster=cluster,
        score=score,
        abstained=np.zeros(n, dtype=bool) if abstained is None else abstained & np.isnan(score),
        system=_kept(texts.get("system")),
        model=_kept(texts.get("model")),
        order=_kept(texts.get("order")),
        prompt=_kept(texts.get("prompt")),
        time=_kept(texts.get("time")),
        human=_known(numbers.get("human")),
        certainty=certainty,
        tokens=_known(numbers.get("tokens")),
        calls=_known(numbers.get("calls")),
        cost_usd=_known(numbers.get("cost_usd")),
        verified=verified,
        notes=(*notes, *numbered),
        provenance=provenance or {},
    )
    _check_one_each(table, line_of)
    _check_unique(table, line_of)
    return table


def _empty(n: int) -> Column:
    return Column(np.full(n, -1, dtype=np.int32), ())


def _kept(column: Column | None) -> Column | None:
    return None if column is None or (column.codes < 0).all() else column


def _known(values: Floats | None) -> Floats | None:
    return None if values is None or np.isnan(values).all() else values


def _default(column: Column | None, where: Flags, yes: str, no: str) -> Column:
    """Missing entries become `yes` in some rows and `no` in the others."""
    return (column or _empty(len(where))).filled(lambda: Column(np.where(where, 0, 1).astype(np.int32), (yes, no)))


def _only(column: Column, allowed: tuple[str, ...], name: str, line_of: Callable[[int], int]) -> None:
    for code, value in enumerate(column.names):
        rows = np.flatnonzero(column.codes == code)
        if value not in allowed and len(rows):
            line = line_of(int(rows[0]))
            raise CellError(
                f"line {line}: column {name!r} holds {value!r}; use one of {', '.join(allowed)}", line=line, column=name
            )


def _in_unit(certainty: Floats | None, line_of: Callable[[int], int]) -> None:
    if certainty is None:
        return
    off = np.flatnonzero((certainty < 0) | (certainty > 1))
    if len(off):
        row = int(off[0])
        line = line_of(row)
        raise CellError(
            f"line {line}: column 'certainty' holds {certainty[row]!r}; give a share between 0 and 1",
            line=line, column="certainty",
        )  # fmt: skip


def _runs(run: Column | None, key: list[Column]) -> tuple[Column, tuple[tuple[str, str], ...]]:
    """The run column; where there is none, rows of one cell are numbered in their order."""
    if run is not None and (run.codes >= 0).all():
        return run, ()
    keys = combine(key)
    order = np.argsort(keys, kind="stable")
    start = np.flatnonzero(np.append(True, np.diff(keys[order]) != 0)) if len(keys) else np.zeros(0, np.int64)
    size = np.diff(np.append(start, len(keys)))
    rank = np.empty(len(keys), dtype=np.int32)
    rank[order] = np.arange(len(keys)) - np.repeat(start, size)
    most = int(rank.max(initial=-1)) + 1
    note = ("runs_numbered", "the table names no run for some rows: rows of one cell were counted as its runs in order")
    counted = Column(rank, tuple(str(i + 1) for i in range(most)))
    return (run.filled(lambda: counted) if run is not None else counted), (note,)


def combine(columns: Sequence[Column]) -> npt.NDArray[np.int64]:
    """One integer per row, equal exactly where all columns are equal."""
    key = np.zeros(len(columns[0].codes), dtype=np.int64)
    size = 1
    for column in columns:
        width = len(column.names) + 1
        if size * width > 2**62:
            _, key = np.unique(key, return_inverse=True)
            size = len(key) + 1
        key = key * width + (column.codes + 1)
        size *= width
    return key


def _check_one_each(table: Ratings, line_of: Callable[[int], int]) -> None:
    """One item belongs to one cluster and comes from one system."""
    for name in ("cluster", "system"):
        column: Column | None = getattr(table, name)
        if column is None:
            continue
        first = np.full(len(table.item.names), -1, dtype=np.int32)
        known = np.flatnonzero(column.codes >= 0)
        first[table.item.codes[known[::-1]]] = column.codes[known[::-1]]
        off = known[first[table.item.codes[known]] != column.codes[known]]
        if len(off):
            row = int(off[0])
            line = line_of(row)
            raise CellError(
                f"line {line}: item {table.item.value(row)!r} has {name} {column.value(row)!r}, "
                f"but {column.names[first[table.item.codes[row]]]!r} above; give each output an item id of its own",
                line=line, column=name,
            )  # fmt: skip


def _check_unique(table: Ratings, line_of: Callable[[int], int]) -> None:
    columns = [table.item, table.persona, table.run, table.dimension, table.arm, table.phase]
    columns += [facet for facet in (table.order, table.model, table.prompt) if facet is not None]
    keys = combine(columns)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(np.diff(keys[order]) == 0)
    if not len(twice):
        return
    second = int(order[twice + 1].min())
    first = int(np.flatnonzero(keys == keys[second])[0])
    where = line_of(second)
    raise DuplicateRatingsError(
        f"lines {line_of(first)} and {where} both rate item {table.item.value(first)!r}, persona "
        f"{table.persona.value(first)!r}, run {table.run.value(first)!r}, dimension {table.dimension.value(first)!r} "
        f"({len(twice)} such rows); number the runs in column 'run', or remove the copies",
        line=where, column="run",
    )  # fmt: skip
