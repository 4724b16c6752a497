"""Every format in, every mistake named with its line, its column and the next step."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from stability import (
    CellError,
    ColumnError,
    DuplicateRatingsError,
    Ratings,
    RatingsError,
    UnreadableRatingsError,
    read_ratings,
)

CSV = "item,persona,run,score\na,p,1,3\na,p,2,\nb,q,1,4.5\n"


def scores(table: Ratings) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in table.score]


def rows(table: Ratings) -> list[tuple[str | None, ...]]:
    columns = (table.item, table.persona, table.run, table.dimension, table.arm, table.phase)
    return [tuple(column.value(row) for column in columns) for row in range(len(table))]


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace(",", ";"),
        CSV.replace(",", "\t"),
        CSV.replace("a,p,2,", "a,p,2,NaN"),
        CSV.replace("item", " Item "),
    ],
    ids=["plain", "bom", "windows", "semicolon", "tab", "nan", "header"],
)
def test_csv_in_every_dress(content: str) -> None:
    table = read_ratings(content.encode())
    assert scores(table) == [3.0, None, 4.5]
    assert rows(table)[0] == ("a", "p", "1", "score", "panel", "alone")


def test_ndjson_json_and_parquet_say_the_same(tmp_path: Path) -> None:
    data = [
        {"item": "a", "persona": "p", "run": 1, "score": 3},
        {"item": "a", "persona": "p", "run": 2, "score": None},
        {"item": "b", "persona": "q", "run": 1, "score": 4.5},
    ]
    path = tmp_path / "ratings.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(data), path)
    lines = "\n".join(json.dumps(row) for row in data).encode()
    expected = read_ratings(CSV.encode())
    for source in (lines, json.dumps(data).encode(), path, io.BytesIO(lines)):
        table = read_ratings(source)
        assert rows(table) == rows(expected)
        assert scores(table) == scores(expected)


def test_mapping_renames_and_defaults_follow_the_persona() -> None:
    content = b"case,judge_name,run,grade,abstained\na,p,1,3,no\na,,1,4,\na,p,2,,yes\n"
    table = read_ratings(content, mapping={"item": "case", "persona": "judge_name", "score": "grade"})
    assert [row[3:] for row in rows(table)] == [
        ("score", "panel", "alone"),
        ("score", "debate", "verdict"),
        ("score", "panel", "alone"),
    ]
    assert table.abstained.tolist() == [False, False, True]


def test_a_table_without_personas_has_one() -> None:
    assert [row[1] for row in rows(read_ratings(b"item,run,score\na,1,3\na,2,4\n"))] == ["judge", "judge"]


def test_wide_tables_tell_themselves() -> None:
    table = read_ratings(b"item,persona,run1,run2\na,p,3,4\nb,p,,5\n")
    assert sorted(zip(rows(table), map(str, scores(table)), strict=True)) == [
        (("a", "p", "run1", "score", "panel", "alone"), "3.0"),
        (("a", "p", "run2", "score", "panel", "alone"), "4.0"),
        (("b", "p", "run1", "score", "panel", "alone"), "None"),
        (("b", "p", "run2", "score", "panel", "alone"), "5.0"),
    ]
    odd = read_ratings(b"item,monday,tuesday\na,3,4\n", format="wide")
    assert scores(odd) == [3.0, 4.0]


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"", UnreadableRatingsError, "is empty"),
        (b"item,persona,run,grade\na,p,1,3\n", ColumnError, "no column 'score'"),
        (b"itm,persona,run,score\na,p,1,3\n", ColumnError, "no column 'item'"),
        (b"item,persona,run,score,cluser\na,p,1,3,c\n", ColumnError, "did you mean 'cluster'"),
        (b"item,item,score\na,a,3\n", RatingsError, "stands twice"),
        (CSV.replace("4.5", "good").encode(), CellError, "line 4: column 'score' holds 'good'"),
        (b"item;persona;run;score\na;p;1;4,5\n", CellError, "use a point for decimals"),
        (CSV.replace("4.5", "inf").encode(), CellError, "line 4: column 'score' is infinite"),
        (b"item,persona,run,score\n,p,1,3\n", CellError, "line 2: column 'item' is empty"),
        (CSV.replace("b,q", "a,p").encode(), DuplicateRatingsError, "lines 2 and 4"),
        (b"item,persona,run,score\na,p,1\n", UnreadableRatingsError, "damaged"),
        (b"item,score,certainty\na,3,85\n", CellError, "between 0 and 1"),
        (b"item,score,phase\na,3,before\n", CellError, "use one of alone, restated, verdict"),
        (b"item,run,score,cluster\na,1,3,x\na,2,3,y\n", CellError, "has cluster 'y'"),
        (b"item,run,score,abstained\na,1,,perhaps\n", CellError, "use true or false"),
        (b'{"item": "a", "score": 3}\nnonsense\n', UnreadableRatingsError, "line 2 is not JSON"),
        (b'{"item": "a", "score": {"x": 1}}\n', CellError, "line 1"),
        (b"[1, 2]", UnreadableRatingsError, "not an object"),
        (b"PAR1broken", UnreadableRatingsError, "parquet file is damaged"),
        (b"PKbroken", UnreadableRatingsError, "damaged"),
        (b"\xff\xfei\x00t\x00", UnreadableRatingsError, "UTF-16"),
    ],
)
def test_mistakes_are_named(content: bytes, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says.replace("(", r"\(")):
        read_ratings(content)


def test_a_wide_table_with_an_unknown_column_asks_what_it_is() -> None:
    wide = b"item,judge,run1,run2\nx,ann,3,4\n"
    with pytest.raises(
        ColumnError, match="'run1' looks like one of a column a run: then say what 'judge' is, as in persona=judge"
    ):
        read_ratings(wide)
    assert scores(read_ratings(wide, mapping={"persona": "judge"})) == [3.0, 4.0]


def test_lines_are_counted_through_quoted_line_breaks() -> None:
    with pytest.raises(CellError, match="line 4") as caught:
        read_ratings(b'item,persona,run,score\n"a\nb",p,1,3\nc,p,1,bad\n')
    assert (caught.value.line, caught.value.column) == (4, "score")


def test_a_missing_file_and_an_unknown_format() -> None:
    with pytest.raises(UnreadableRatingsError, match="check the path"):
        read_ratings("no/such/file.csv")
    with pytest.raises(UnreadableRatingsError, match="use one of csv"):
        read_ratings(b"x", format="xlsx")
    with pytest.raises(ColumnError, match="no such column"):
        read_ratings(CSV.encode(), mapping={"persona": "judge"})


LOG = {
    "version": 2,
    "eval": {"task": "t", "model": "m"},
    "samples": [
        {
            "id": item,
            "epoch": epoch,
            "metadata": {"who": "ann"},
            "scores": {"match": {"value": "C"}, "graded": {"value": {"tone": 0.5, "fact": epoch}}},
        }
        for item in ("a", "b")
        for epoch in (1, 2)
    ],
}


def test_inspect_logs_plain_and_packed() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("header.json", json.dumps({"eval": LOG["eval"]}))
        for sample in LOG["samples"]:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    for content in (json.dumps(LOG).encode(), packed.getvalue()):
        table = read_ratings(content, mapping={"persona": "who"})
        assert set(table.dimension.names) == {"match", "graded/tone", "graded/fact"}
        assert len(table) == 12
        assert rows(table)[0] == ("a", "ann", "1", "match", "panel", "alone")
        assert table.score[0] == 1.0


def test_promptfoo_repeats_are_runs() -> None:
    one = {
        "vars": {"topic": "x"},
        "promptIdx": 0,
        "provider": {"id": "p"},
        "score": 1,
        "success": True,
        "gradingResult": {"pass": True},
        "namedScores": {"tone": 0.4},
    }
    failed = {**one, "score": 0, "error": "timeout", "gradingResult": None}
    data = {"evalId": "e", "results": {"version": 3, "results": [one, {**one, "score": 0}, failed]}}
    table = read_ratings(json.dumps(data).encode())
    overall = table.select(table.dimension.codes == table.dimension.code("score"))
    assert [row[2] for row in rows(overall)] == ["1", "2", "3"]
    assert scores(overall) == [1.0, 0.0, None]


def test_a_header_without_a_line_end_is_an_empty_table() -> None:
    assert len(read_ratings(b"item,persona,run,score")) == 0
