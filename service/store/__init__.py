"""The database: tables, migrations, the call ledger, one class of queries per noun."""
