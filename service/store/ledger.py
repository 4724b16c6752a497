"""The call ledger in the database: what each subject (a run, a persona set) asked and was answered."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from llm import Call
from service.errors import ServiceError, StoreDamagedError
from service.store import tables
from service.store.columns import unpack
from service.store.inserting import insert_if_absent
from service.store.store import Store, until_reachable

_INLINE_CHARACTERS = 200  # a shorter text is cheaper in its call than as a row of its own


class BudgetExhaustedError(ServiceError):
    """The job's money is spent. What is done stays."""


class Budget(NamedTuple):
    """Where a job's spending is summed up, and its bound."""

    table: sa.Table
    id: str
    usd_max: float


class StoreLedger:
    """The ledger of one subject. A recorded call is committed before `record` returns.

    Message texts are stored once per scope, by their hash: rubric and item stand in every call of an evaluation.
    """

    def __init__(
        self,
        store: Store,
        subject_id: str,
        scope_id: str,
        *,
        resumed: bool,
        budget: Budget | None = None,
        await_lease: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """resumed: whether calls may be there already. await_lease: returns when this process may ask."""
        self._store, self._subject, self._scope = store, subject_id, scope_id
        self._budget, self._await_lease = budget, await_lease
        self._known: dict[str, Call] | None = None if resumed else {}
        self._texts: set[str] = set()
        self._loading = asyncio.Lock()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that was found or recorded through this ledger."""
        return tuple((self._known or {}).values())

    async def find(self, key: str) -> Call | None:
        if self._await_lease is not None:
            await self._await_lease()
        async with self._loading:  # once: a second look would take what was recorded since for damaged
            if self._known is None:
                loaded = await until_reachable(lambda: load_calls(self._store, self._subject))
                await forget_damaged_calls(self._store, self._subject, {call.key for call in loaded})
                self._known = {call.key: call for call in loaded}
        return self._known.get(key)

    async def record(self, call: Call) -> None:
        known = self._known if self._known is not None else {}
        if call.key in known:
            return
        number = len(known)
        known[call.key] = call
        body, texts = _split(call)
        fresh = {sha: text for sha, text in texts.items() if sha not in self._texts}

        async def operation(connection: AsyncConnection) -> float | None:
            is_new = await self._insert(connection, call.key, number, body, fresh)
            return await self._charge(connection, call) if is_new else None

        spent = await until_reachable(lambda: self._store.write(operation))
        self._texts |= fresh.keys()
        if spent is not None and self._budget is not None and spent > self._budget.usd_max:
            raise BudgetExhaustedError(f"the budget of {self._budget.usd_max:g} USD is spent; what is done stays")

    async def _insert(
        self, connection: AsyncConnection, key: str, number: int, body: str, texts: dict[str, str]
    ) -> bool:
        """Whether the call was not there yet: it is, where a commit arrived whose answer did not."""
        if texts:
            rows = [{"scope_id": self._scope, "sha256": sha, "body": text} for sha, text in texts.items()]
            await connection.execute(insert_if_absent(connection, tables.call_texts), rows)
        row = {"subject_id": self._subject, "key": key, "scope_id": self._scope, "number": number, "body": body}
        return bool((await connection.execute(insert_if_absent(connection, tables.calls).values(**row))).rowcount)

    async def _charge(self, connection: AsyncConnection, call: Call) -> float | None:
        """The job's spending with this call; None without a budget."""
        if self._budget is None:
            return None
        table = self._budget.table
        update = (
            sa.update(table)
            .where(table.c.id == self._budget.id)
            .values(budget_usd_spent=table.c.budget_usd_spent + (call.cost_usd or 0.0))
            .returning(table.c.budget_usd_spent)
        )
        spent: float | None = (await connection.execute(update)).scalar_one_or_none()
        return spent


async def load_calls(store: Store, subject_id: str) -> list[Call]:
    """Every call of a subject, in the order of recording; a row that cannot be read is left out, and asked again."""
    async with store.read() as connection:
        query = sa.select(tables.calls).where(tables.calls.c.subject_id == subject_id).order_by(tables.calls.c.number)
        rows = (await connection.execute(query)).all()
        bodies = [body for body in (_parse(row.body) for row in rows) if body is not None]
        texts = await _load_texts(connection, rows[0].scope_id, bodies) if rows else {}
    return [call for call in (_join(body, texts) for body in bodies) if call is not None]


async def forget_damaged_calls(store: Store, subject_id: str, readable: set[str]) -> None:
    """Deletes the rows of a subject that could not be read, so that their calls are recorded anew."""
    async with store.read() as connection:
        query = sa.select(tables.calls.c.key).where(tables.calls.c.subject_id == subject_id)
        damaged = [key for key in (await connection.execute(query)).scalars() if key not in readable]
    if damaged:
        delete = sa.delete(tables.calls).where(tables.calls.c.subject_id == subject_id, tables.calls.c.key.in_(damaged))
        await store.write(lambda connection: connection.execute(delete))


def _split(call: Call) -> tuple[str, dict[str, str]]:
    """The call as JSON with its long message texts taken out, and those by their hash."""
    texts: dict[str, str] = {}
    messages: list[dict[str, str]] = []
    for message in call.messages:
        content = message.get("content", "")
        if len(content) <= _INLINE_CHARACTERS:
            messages.append(message)
            continue
        sha = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        texts[sha] = content
        messages.append({**{key: value for key, value in message.items() if key != "content"}, "sha256": sha})
    data = call.model_dump(mode="json", exclude={"messages"})
    return json.dumps({**data, "messages": messages}, separators=(",", ":")), texts


def _parse(body: str) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("messages"), list) else None


async def _load_texts(connection: AsyncConnection, scope_id: str, bodies: Iterable[dict[str, Any]]) -> dict[str, str]:
    wanted = sorted({message["sha256"] for body in bodies for message in body["messages"] if "sha256" in message})
    table, found = tables.call_texts, {}
    for start in range(0, len(wanted), 500):
        packed = sa.type_coerce(table.c.body, sa.LargeBinary)
        query = sa.select(table.c.sha256, packed).where(
            table.c.scope_id == scope_id, table.c.sha256.in_(wanted[start : start + 500])
        )
        for sha, body in await connection.execute(query):
            with suppress(StoreDamagedError):
                found[sha] = unpack(body)
    return found


def _join(body: dict[str, Any], texts: dict[str, str]) -> Call | None:
    try:
        messages = [
            {**{key: value for key, value in message.items() if key != "sha256"}, "content": texts[message["sha256"]]}
            if "sha256" in message
            else message
            for message in body["messages"]
        ]
        return Call.model_validate({**body, "messages": messages})
    except (KeyError, TypeError, ValidationError):
        return None
