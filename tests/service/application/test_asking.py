"""What the application takes and refuses, before anything works on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from llm import ModelConfigurationError
from service.application import (
    Application,
    BatchRequest,
    Claim,
    EvaluationFilter,
    EvaluationRequest,
    HumanScoreRequest,
    Keep,
    PersonaSetRequest,
    Place,
    StoredAnswer,
    open_application,
)
from service.application.context import now
from service.errors import (
    IdempotencyError,
    InvalidBatchError,
    InvalidRequestError,
    LimitExceededError,
    NotAllowedError,
    NotFoundError,
    QueueFullError,
)
from service.settings import Limits
from service.store import tables


@pytest.fixture
async def app(sqlite_settings: Any) -> AsyncIterator[Application]:
    async with open_application(sqlite_settings) as opened:
        yield opened


@pytest.fixture
async def persona_set(app: Application, personas: Any) -> str:
    return (await app.persona_sets.create("me", PersonaSetRequest(personas=personas))).id


async def stored(app: Application, table: sa.Table) -> int:
    async with app.context.store.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def chunks_of(data: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def line(custom_id: str, **item: Any) -> bytes:
    held = {"kind": "text", "instruction": "Say it.", "output": "It is said."} | item
    return json.dumps({"custom_id": custom_id, "item": held}).encode() + b"\n"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (b"{broken\n", "line:2"),
        (line("c0"), "line:2"),
        (b'{"custom_id": "x"}\n', "line:2"),
        (line("x", kind="poem"), "line:2"),
        (line("x", unknown=1), "line:2"),
        (line("", output="x"), "line:2"),
        (b"\xff\xfe\n", "line:2"),
        (b"[" * 100_000 + b"\n", "line:2"),
        (line("x", id="c0"), "line:2"),
        (line("x", output="a \x00 b"), "line:2"),
    ],
)
async def test_one_bad_line_and_nothing_is_stored(
    app: Application, persona_set: str, rubric: Any, wrong: bytes, place: str
) -> None:
    request = BatchRequest(persona_set=persona_set, rubric=rubric)
    with pytest.raises(InvalidBatchError) as caught:
        await app.batches.create("me", request, chunks_of(line("c0") + wrong + line("c1")))
    assert caught.value.problems[0].pointer == place
    for table in (tables.batches, tables.evaluations, tables.runs):
        assert await stored(app, table) == 0


async def test_a_batch_says_both_lines_of_an_item_and_takes_a_written_out_nul(
    app: Application, persona_set: str, rubric: Any
) -> None:
    request = BatchRequest(persona_set=persona_set, rubric=rubric)
    with pytest.raises(InvalidBatchError, match=r"line 3: item.id 'a' stands on line 1 already"):
        await app.batches.create("me", request, chunks_of(line("a") + line("b") + line("c", id="a")))
    made = await app.batches.create("me", request, chunks_of(line("a", output="the text \\u0000, written out")))
    assert made.counts["total"] == 1


async def test_an_unknown_option_of_a_persona_set_is_named_with_those_that_there_are(app: Application) -> None:
    request = PersonaSetRequest(documents=("do_1",), options={"personas_max": 4})
    with pytest.raises(InvalidRequestError, match=r"options/personas_max.*personas_per_group_max") as told:
        await app.persona_sets.create("me", request)
    assert told.value.problems[0].pointer == "/options/personas_max"


async def test_documents_are_named_in_one_question(app: Application) -> None:
    added = await app.documents.add("me", b"Some words of a nurse. " * 20, "nurse.txt")
    document = added.documents[0]
    assert await app.documents.titles("me", [document.id, "do_unknown"]) == {document.id: document.title}
    assert await app.documents.titles("you", [document.id]) == {}


async def test_an_empty_file_is_refused(app: Application, persona_set: str, rubric: Any) -> None:
    with pytest.raises(InvalidBatchError, match="holds no item"):
        await app.batches.create("me", BatchRequest(persona_set=persona_set, rubric=rubric), chunks_of(b"\n\n"))


async def test_limits_of_a_batch(sqlite_settings: Any, personas: Any, rubric: Any) -> None:
    limits = Limits(items_per_batch=3, line_bytes=1024, queue_length=5)
    async with open_application(sqlite_settings.model_copy(update={"limits": limits})) as app:
        made = await app.persona_sets.create(None, PersonaSetRequest(personas=personas))
        request = BatchRequest(persona_set=made.id, rubric=rubric, repeats=2)
        with pytest.raises(LimitExceededError, match="more than 3 items"):
            await app.batches.create(None, request, chunks_of(b"".join(line(f"c{n}") for n in range(4))))
        with pytest.raises(LimitExceededError, match="line 1 is longer"):
            await app.batches.create(None, request, chunks_of(line("c", output="x" * 2000)))
        record = await app.batches.create(None, request, chunks_of(line("a") + line("b") + line("c")))
        assert record.counts["total"] == 3
        with pytest.raises(QueueFullError) as caught:
            await app.batches.create(None, request, chunks_of(line("a")))
        assert caught.value.retry_after_s > 0


async def test_runs_that_were_accepted_since_the_queue_was_counted_count(
    sqlite_settings: Any, personas: Any, rubric: Any, item: Any
) -> None:
    settings = sqlite_settings.model_copy(update={"limits": Limits(queue_length=40)})
    async with open_application(settings) as app:
        made = await app.persona_sets.create(None, PersonaSetRequest(personas=personas))
        request = EvaluationRequest(item=item, persona_set=made.id, rubric=rubric, repeats=15)
        for _ in range(3):
            await app.evaluations.create(None, request)
        with pytest.raises(QueueFullError, match="45 runs are waiting"):
            await app.evaluations.create(None, request)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"persona_set": "ps_unknown"}, "/persona_set"),
        ({"rubric": "ru_unknown"}, "/rubric"),
        ({"models": ("nonsense:model",)}, "/models/0"),
        ({"models": ("openai:x@http://169.254.169.254/v1",)}, "/models/0"),
        ({"repeats": 100_000}, "/repeats"),
    ],
)
async def test_what_does_not_exist_is_named(
    app: Application, persona_set: str, rubric: Any, item: Any, changed: dict[str, Any], pointer: str
) -> None:
    asked = {"item": item, "persona_set": persona_set, "rubric": rubric} | changed
    with pytest.raises((InvalidRequestError, ModelConfigurationError)) as caught:
        await app.evaluations.create("me", EvaluationRequest(**asked))
    assert isinstance(caught.value, InvalidRequestError)
    assert caught.value.problems[0].pointer == pointer
    assert await stored(app, tables.evaluations) == 0


async def test_rows_of_others_are_not_there(app: Application, persona_set: str, rubric: Any, item: Any) -> None:
    request = EvaluationRequest(item=item, persona_set=persona_set, rubric=rubric)
    mine = await app.evaluations.create("me", request)
    with pytest.raises(InvalidRequestError, match="no persona set"):
        await app.evaluations.create("you", request)
    for ask in (
        app.evaluations.get,
        app.evaluations.cancel,
        app.evaluations.delete,
        app.evaluations.events,
        app.runs.list,
    ):
        with pytest.raises(NotFoundError):
            await ask("you", mine.id)
    assert (await app.evaluations.list("you")).rows == ()
    assert (await app.evaluations.get(None, mine.id)).owner == "me"


async def test_pages_hold_every_row_once(app: Application, persona_set: str, rubric: Any, item: Any) -> None:
    request = EvaluationRequest(item=item, persona_set=persona_set, rubric=rubric)
    made = await asyncio.gather(*(app.evaluations.create("me", request) for _ in range(7)))
    seen: list[str] = []
    after: Place | None = None
    while True:
        page = await app.evaluations.list("me", EvaluationFilter(item_id=item.id), after=after, limit=3)
        seen += [row.id for row in page.rows]
        if not page.has_more:
            break
        after = Place(page.rows[-1].created_at, page.rows[-1].id)
    assert sorted(seen, reverse=True) == seen
    assert set(seen) == {one.id for one in made}


async def test_of_fifty_with_one_idempotency_key_one_does_the_work(app: Application) -> None:
    async def begin() -> object:
        try:
            return await app.idempotency.begin("me", "key", "fingerprint")
        except IdempotencyError as error:
            return error

    told = await asyncio.gather(*(begin() for _ in range(50)))
    [claim] = [one for one in told if isinstance(one, Claim)]
    assert all(isinstance(one, IdempotencyError) and one.in_flight for one in told if one is not claim)
    answer = StoredAnswer(202, {"location": "/v1/x"}, b"body")
    await app.idempotency.keep(claim, answer)
    assert await app.idempotency.begin("me", "key", "fingerprint") == answer
    assert isinstance(await app.idempotency.begin("you", "key", "fingerprint"), Claim)
    with pytest.raises(IdempotencyError, match="another body"):
        await app.idempotency.begin("me", "key", "other")


async def test_a_key_may_be_used_again_after_five_minutes_and_the_first_request_then_makes_nothing(
    app: Application, persona_set: str, rubric: Any, item: Any
) -> None:
    first = await app.idempotency.begin("me", "key", "fingerprint")
    assert isinstance(first, Claim)
    made = tables.idempotency_keys.c.created_at
    for age_s, message in ((200, "still being answered"), (310, "")):
        aged = sa.update(tables.idempotency_keys).values({made: now() - timedelta(seconds=age_s)})
        await app.context.store.write(lambda connection, aged=aged: connection.execute(aged))  # type: ignore[misc]
        if message:
            with pytest.raises(IdempotencyError, match=message):
                await app.idempotency.begin("me", "key", "fingerprint")
    second = await app.idempotency.begin("me", "key", "fingerprint")
    assert isinstance(second, Claim)

    def keeping(claim: Claim) -> Keep[Any]:
        return lambda connection, record: claim.keep(connection, StoredAnswer(202, {}, record.id.encode()))

    request = EvaluationRequest(item=item, persona_set=persona_set, rubric=rubric)
    with pytest.raises(IdempotencyError, match="took the idempotency key 'key' over"):
        await app.evaluations.create("me", request, keep=keeping(first))
    assert await stored(app, tables.evaluations) == 0
    await app.idempotency.abandon(first)
    kept = await app.evaluations.create("me", request, keep=keeping(second))
    told = await app.idempotency.begin("me", "key", "fingerprint")
    assert isinstance(told, StoredAnswer)
    assert told.body == kept.id.encode()
    assert await stored(app, tables.evaluations) == 1


async def test_a_key_is_kept_as_a_hash_and_revoked_for_good(app: Application) -> None:
    record, secret = await app.keys.create("ci", "me")
    assert (await app.keys.authenticate(secret)).owner == "me"
    async with app.context.store.read() as connection:
        assert secret not in str((await connection.execute(sa.select(tables.api_keys))).all())
    await app.keys.revoke(record.id)
    for wrong in (secret, "", "rh_", "rh_" + "x" * 43, "\ud800", "' OR 1=1 --"):
        with pytest.raises(NotAllowedError):
            await app.keys.authenticate(wrong)
    assert not await app.keys.any_exist()


async def test_human_scores_are_a_chain_on_the_scale(
    app: Application, persona_set: str, rubric: Any, item: Any
) -> None:
    made = await app.evaluations.create("me", EvaluationRequest(item=item, persona_set=persona_set, rubric=rubric))
    for value in (2, 4):
        record = await app.evaluations.add_human_score(
            "me", made.id, HumanScoreRequest(dimension="clarity", value=value)
        )
    assert [one.value for one in record.human_scores] == [2, 4]
    with pytest.raises(InvalidRequestError, match="off the scale"):
        await app.evaluations.add_human_score("me", made.id, HumanScoreRequest(dimension="clarity", value=9))
    with pytest.raises(InvalidRequestError, match="no dimension"):
        await app.evaluations.add_human_score("me", made.id, HumanScoreRequest(dimension="wit", value=2))


async def test_a_file_that_is_no_export_stores_nothing(app: Application) -> None:
    for data in (b"", b"no gzip at all", b"\x1f\x8b\x08\x00"):
        with pytest.raises(InvalidRequestError, match="nothing was stored"):
            await app.batches.import_("me", chunks_of(data or b" "))
    assert await stored(app, tables.batches) == 0
