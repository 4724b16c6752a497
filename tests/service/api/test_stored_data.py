"""What is stored: imported from anywhere, it is refused or can be read; damaged, whoever reads it is told, on both databases."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa

from service.store import Store, tables
from service.store.columns import pack
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, problem
from tests.service.jobs.test_faults import until

DEEP = "[" * 1_000_000
ODD = (
    json.dumps(DEEP), "[" * 200 + "]" * 200, '"7"', "1" + "0" * 30, "9" * 5000, r'"a\u0000b"', r'"\ud800"', '{"a":1}',
    "[]", "null", "NaN", "1e400", "true", '"x"', json.dumps("x" * 70_000), "-1",
    '"0001-01-01T00:00:00+14:00"',
)  # fmt: skip
"""Values that some column cannot hold, or some reader cannot read; as JSON text, since not all of them are values."""


class Exported(NamedTuple):
    """A heard batch as a file, and the service to send it to."""

    service: Service
    rows: list[dict[str, Any]]

    async def send(self, text: str | bytes) -> httpx.Response:
        content = gzip.compress(text.encode() if isinstance(text, str) else text, 1)
        return await self.service.client.post("/v1/batches/import", content=content)

    async def listed(self) -> list[str]:
        return [one["id"] for one in (await self.service.client.get("/v1/batches")).json()["data"]]

    def with_value(self, number: int, column: str, value: str) -> str:
        """The file with another value in one place."""
        rows = [*self.rows]
        rows[number] = {**rows[number], "row": {**rows[number]["row"], column: "@@"}}
        return text_of(rows).replace('"@@"', value)


def text_of(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


_heard: list[str] = []


@pytest.fixture
async def heard_file(serve: Serve, tmp_path: Path) -> str:
    """A batch that was heard and exported; the same for all tests, as hearing it takes longer than they do."""
    if not _heard:
        async with serve(work=True, data_dir=tmp_path / "heard") as service:
            _heard.append(await _hear_and_export(service.client))
    return _heard[0]


async def _hear_and_export(client: httpx.AsyncClient) -> str:
    persona_set = (await client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()["id"]
    lines = [{"batch": {"persona_set": persona_set, "rubric": RUBRIC}}, {"custom_id": "one", "item": ITEM}]
    media = {"content-type": "application/x-ndjson"}
    path = (await client.post("/v1/batches", content=text_of(lines), headers=media)).headers["location"]

    async def reported() -> bool:
        return (await client.get(path)).json()["report_status"] == "ready"

    await until(reported)
    [evaluation] = (await client.get("/v1/evaluations")).json()["data"]
    await client.put(f"/v1/evaluations/{evaluation['id']}/human-score", json={"dimension": "clarity", "value": 2})
    return gzip.decompress((await client.get(f"{path}/export")).content).decode()


@pytest.fixture
async def exported(serve: Serve, database: dict[str, Any], heard_file: str) -> AsyncIterator[Exported]:
    async with serve(**database) as service:
        made = Exported(service, [json.loads(line) for line in heard_file.splitlines()])
        assert (await made.send(heard_file)).status_code == 201
        yield made


async def test_whatever_an_imported_file_holds_is_refused_or_can_be_read(exported: Exported) -> None:
    client, odd, tried = exported.service.client, itertools.cycle(ODD), set[str]()
    for number, line in enumerate(exported.rows):
        if number == 0 or line["table"] in tried:
            continue
        tried.add(line["table"])
        for column in line["row"]:
            value = next(odd)
            answer = await exported.send(exported.with_value(number, column, value))
            place = f"{line['table']}.{column} = {value[:20]}"
            if answer.status_code != 201:
                assert answer.status_code == 422, place
                continue
            path = answer.headers["location"]
            for reading in ("", "/results", "/report", "/export"):
                assert (await client.get(path + reading)).status_code in (200, 409), place + reading
            evaluations = await client.get("/v1/evaluations", params={"batch_id": answer.json()["id"]})
            assert evaluations.status_code == 200, place
            for one in evaluations.json()["data"]:
                for reading in ("", "/runs"):
                    assert (await client.get(f"/v1/evaluations/{one['id']}{reading}")).status_code == 200, place
            assert (await client.delete(path)).status_code == 204
        next(odd)  # else the same value would always meet the same column where their numbers share a factor
    assert {"persona_sets", "batches", "evaluations", "runs", "results", "ratings", "events", "calls"} <= tried


async def test_a_file_that_is_none_of_ours_is_refused_and_nothing_of_it_stays(exported: Exported) -> None:
    before, whole = await exported.listed(), text_of(exported.rows)
    last = whole.splitlines()[-1] + "\n"
    for wrong in (
        "",
        "[]\n",
        '"a"\n',
        "{}\n",
        DEEP,
        text_of(exported.rows[:1]),
        whole + last,
        whole + DEEP,
        whole + '{"a":' * 10**6,
    ):
        problem(await exported.send(wrong), "invalid-request")
    problem(await exported.send(b"\0" * 2**26), "limit-exceeded")
    packed = gzip.compress(whole.encode())
    for broken in (b"no gzip", packed[:-9], packed[: len(packed) // 2], packed + b"more"):
        problem(await exported.service.client.post("/v1/batches/import", content=broken), "invalid-request")
    assert await exported.listed() == before
    assert (await exported.send(whole)).status_code == 201


DAMAGED: tuple[tuple[str, str, str | bytes], ...] = (
    ("evaluations", "scores", "{broken"), ("evaluations", "scores", '{"debate": 3}'), ("evaluations", "item", b"no zlib"),
    ("evaluations", "item", pack("{}")), ("evaluations", "protocol", "[]"), ("evaluations", "models", "3"),
    ("evaluations", "status", "lost"), ("evaluations", "cost_by_purpose", "{"), ("runs", "verdicts", "{broken"),
    ("runs", "status", "lost"), ("results", "body", pack("{}")), ("results", "body", b"no zlib"),
    ("batches", "report", pack("[]")), ("batches", "protocol", "{"), ("batches", "models", "3"), ("rubrics", "body", "{}"),
    ("persona_sets", "body", pack("{}")), ("persona_sets", "request", "{}"), ("events", "data", "{"), ("calls", "body", "{"),
)  # fmt: skip


async def test_who_reads_damaged_data_is_told_so(exported: Exported) -> None:
    client, store = exported.service.client, exported.service.application.context.store
    [evaluation] = (await client.get("/v1/evaluations")).json()["data"]
    [run] = (await client.get(f"/v1/evaluations/{evaluation['id']}/runs")).json()["data"]
    of_evaluation, of_batch = f"/v1/evaluations/{evaluation['id']}", f"/v1/batches/{evaluation['batch_id']}"
    paths = [of_evaluation, f"{of_evaluation}/runs", f"{of_evaluation}/runs/{run['id']}"]
    paths += [f"{of_evaluation}/runs/{run['id']}/transcript", "/v1/evaluations", "/v1/batches", "/v1/rubrics"]
    paths += [of_batch, *(f"{of_batch}/{part}" for part in ("results", "report", "export"))]
    paths += ["/v1/persona-sets", f"/v1/persona-sets/{evaluation['persona_set_id']}"]
    for table, column, value in DAMAGED:
        async with damaged(store, table, column, value):
            told = []
            for path in paths:
                answer = await client.get(path)
                if answer.status_code != 200:
                    told.append(problem(answer, "stored-data-damaged"))
                    assert "no zlib" not in answer.text
        assert told or table in ("calls", "events"), f"{table}.{column}"
    for path in paths:
        assert (await client.get(path)).status_code == 200, "and nothing else is affected"


@asynccontextmanager
async def damaged(store: Store, table: str, column: str, value: str | bytes) -> AsyncIterator[None]:
    """Another value in every row's column, put right afterwards."""
    keys = [key.name for key in tables.metadata.tables[table].primary_key]
    named = f"{', '.join(keys)}, {column}"
    async with store.read() as connection:
        held = (await connection.execute(sa.text(f"SELECT {named} FROM {table}"))).mappings().all()
    await store.write(lambda c: c.execute(sa.text(f"UPDATE {table} SET {column} = :value"), {"value": value}))
    yield
    where = " AND ".join(f"{key} = :{key}" for key in keys)
    mend = sa.text(f"UPDATE {table} SET {column} = :{column} WHERE {where}")
    await store.write(lambda connection: connection.execute(mend, [dict(row) for row in held]))


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/csv", "application/vnd.apache.parquet", "text/plain"])
async def test_ratings_that_nest_without_end(service: Service, kind: str) -> None:
    good = '{"item": "a", "persona": "p", "run": "1", "score": 3}\n'
    deep = "[" * 10**5 + "]" * 10**5
    for wrong in (DEEP, '{"item":' * 10**6, good + DEEP, good.replace("3", deep), good.replace("3", "9" * 5000)):
        response = await service.client.post("/v1/stability", content=wrong.encode(), headers={"content-type": kind})
        problem(response, "invalid-ratings")


@pytest.mark.parametrize("table", ["wide", "inspect", "promptfoo"])
async def test_results_of_others_in_another_shape(service: Service, table: str) -> None:
    deep = "[" * 900 + "]" * 900
    shapes = (
        '{"eval": [], "samples": [{"scores": {"a": 1}}]}',
        '{"eval": {"model": [1]}, "samples": [{"metadata": [], "scores": [1]}]}',
        '{"eval": {}, "samples": [{"scores": {"a": {"value": 1%s}}}]}' % ("0" * 400),
        f'{{"eval": {{}}, "samples": [{{"id": {deep}, "scores": {{"a": {deep}}}}}]}}',
        '{"results": [{"vars": [], "provider": [], "gradingResult": [1]}]}',
        f'{{"results": {{"results": [{{"vars": {deep}, "gradingResult": {{"componentResults": [3]}}}}]}}}}',
        '{"results": [{"vars": {"a": 1}, "score": 1%s, "gradingResult": {"namedScores": 4}}]}' % ("0" * 400),
        DEEP,
    )
    for wrong in (*shapes, "PK\x03\x04" + "\0" * 60):
        response = await service.client.post(f"/v1/stability?table={table}", content=wrong.encode())
        assert response.status_code in (200, 422), (wrong[:80], response.text)
