"""The database: tables, migrations, the call ledger, one class of queries per noun."""

from service.store import tables
from service.store.clock import moment_ago
from service.store.columns import JsonIfReadable, read_json, unpack, write_json
from service.store.creating import write_once
from service.store.ids import new_id
from service.store.inserting import insert_if_absent
from service.store.ledger import Budget, BudgetExhaustedError, StoreLedger, load_calls, load_costs, note_run_cost
from service.store.migrating import head_revision, migrate, stored_revision
from service.store.shared import catch_up, insert_at_end, once_at_end
from service.store.store import Operation, Store, until_reachable

__all__ = [
    "Budget",
    "BudgetExhaustedError",
    "JsonIfReadable",
    "Operation",
    "Store",
    "StoreLedger",
    "catch_up",
    "head_revision",
    "insert_at_end",
    "insert_if_absent",
    "load_calls",
    "load_costs",
    "migrate",
    "moment_ago",
    "new_id",
    "note_run_cost",
    "once_at_end",
    "read_json",
    "stored_revision",
    "tables",
    "unpack",
    "until_reachable",
    "write_json",
    "write_once",
]
