"""The call ledger in the database: what each subject (a run, a persona set) asked and was answered."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from llm import Call
from service.errors import ServiceError, StoreDamagedError
from service.store import tables
from service.store.columns import unpack, write_json
from service.store.inserting import Insertion
from service.store.store import Store, until_reachable

_INLINE_CHARACTERS = 200  # a shorter text is cheaper in its call than as a row of its own

_SCOPES_KNOWN_MAX, _TEXTS_KNOWN_MAX = 64, 500
"""Scopes whose stored texts are remembered, and texts of each: the first that a scope stores are those that its runs share."""
_stored: WeakKeyDictionary[Store, OrderedDict[str, set[str]]] = WeakKeyDictionary()


class BudgetExhaustedError(ServiceError):
    """The job's money is spent. What is done stays."""


class Budget(NamedTuple):
    """Where a job's spending is summed up, and its bound."""

    table: sa.Table
    id: str
    usd_max: float


async def note_run_cost(connection: AsyncConnection, budget: Budget, cost_usd: float | None) -> None:
    """Remembers what the dearest of a job's runs has cost, inside a write; an unknown cost changes nothing."""
    if cost_usd is None:
        return
    dearest = budget.table.c.dearest_run_usd
    dearer = sa.or_(dearest.is_(None), dearest < cost_usd)
    await connection.execute(
        sa.update(budget.table).where(budget.table.c.id == budget.id, dearer).values(dearest_run_usd=cost_usd)
    )


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
        self._shas: dict[str, str] = {}
        self._stored = _stored_texts(store, scope_id)
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
        body, texts = _split(call, self._shas)
        fresh = [
            {"scope_id": self._scope, "sha256": sha, "body": text}
            for sha, text in texts.items()
            if sha not in self._stored
        ]
        row = {"subject_id": self._subject, "key": call.key, "scope_id": self._scope, "number": number, "body": body}
        insertion = Insertion({tables.call_texts: fresh, tables.calls: [row]})
        if self._budget is None:
            await until_reachable(lambda: self._store.write(insertion))
        else:
            await self._record_and_charge(call, insertion, self._budget)
        if len(self._stored) < _TEXTS_KNOWN_MAX:
            self._stored.update(texts)

    async def _record_and_charge(self, call: Call, insertion: Insertion, budget: Budget) -> None:
        """Charges a call once: it is there already where a commit arrived whose answer did not."""
        table, charged = tables.calls, budget.table
        there = sa.select(table.c.key).where(table.c.subject_id == self._subject, table.c.key == call.key)
        charge = (
            sa.update(charged)
            .where(charged.c.id == budget.id)
            .values(budget_usd_spent=charged.c.budget_usd_spent + (call.cost_usd or 0.0))
            .returning(charged.c.budget_usd_spent)
        )

        async def operation(connection: AsyncConnection) -> float | None:
            if (await connection.execute(there)).one_or_none() is not None:
                return None
            await insertion(connection)
            spent: float | None = (await connection.execute(charge)).scalar_one_or_none()
            return spent

        spent = await until_reachable(lambda: self._store.write(operation))
        if spent is not None and spent > budget.usd_max:
            raise BudgetExhaustedError(f"the budget of {budget.usd_max:g} USD is spent; what is done stays")


def _stored_texts(store: Store, scope_id: str) -> set[str]:
    """The hashes of texts that this process has committed for a scope lately; to be added to."""
    scopes = _stored.setdefault(store, OrderedDict())
    texts = scopes.setdefault(scope_id, set())
    scopes.move_to_end(scope_id)
    while len(scopes) > _SCOPES_KNOWN_MAX:
        scopes.popitem(last=False)
    return texts


async def load_calls(store: Store, subject_id: str) -> list[Call]:
    """Every call of a subject, in the order of recording; a row that cannot be read is left out, and asked again."""
    async with store.read() as connection:
        query = sa.select(tables.calls).where(tables.calls.c.subject_id == subject_id).order_by(tables.calls.c.number)
        rows = (await connection.execute(query)).all()
        bodies = [body for body in (_parse(row.body) for row in rows) if body is not None]
        texts = await _load_texts(connection, rows[0].scope_id, bodies) if rows else {}
    return [call for call in (_join(body, texts) for body in bodies) if call is not None]


async def load_costs(connection: AsyncConnection, subject_id: str) -> list[Call]:
    """Every readable call of a subject without its messages: for what it cost, not for what was said."""
    query = sa.select(tables.calls.c.body).where(tables.calls.c.subject_id == subject_id)
    bodies = [_parse(body) for body in (await connection.execute(query)).scalars()]
    found = (_join({**body, "messages": []}, {}) for body in bodies if body is not None)
    return [call for call in found if call is not None]


async def forget_damaged_calls(store: Store, subject_id: str, readable: set[str]) -> None:
    """Deletes the rows of a subject that could not be read, so that their calls are recorded anew."""
    async with store.read() as connection:
        query = sa.select(tables.calls.c.key).where(tables.calls.c.subject_id == subject_id)
        damaged = [key for key in (await connection.execute(query)).scalars() if key not in readable]
    if damaged:
        delete = sa.delete(tables.calls).where(tables.calls.c.subject_id == subject_id, tables.calls.c.key.in_(damaged))
        await store.write(lambda connection: connection.execute(delete))


def _split(call: Call, shas: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The call as JSON with its long message texts taken out, and those by their hash.

    shas: what is known of texts, added to: the calls of one subject are made of the same messages.
    """
    texts: dict[str, str] = {}
    messages: list[dict[str, str]] = []
    for message in call.messages:
        content = message.get("content", "")
        if len(content) <= _INLINE_CHARACTERS:
            messages.append(message)
            continue
        sha = shas.get(content)
        if sha is None:
            sha = shas[content] = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        texts[sha] = content
        kept = message | {"sha256": sha}
        del kept["content"]
        messages.append(kept)
    data = call.model_dump(mode="json", exclude={"messages"})
    data["messages"] = messages
    return write_json(data), texts


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
