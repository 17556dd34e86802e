"""SQLite under services with many threads: write locks that wait instead of failing, and connections that are kept.

oslo.db opens every transaction with a bare BEGIN. A transaction that reads, and then writes after another one has
written, fails at once with "database is locked": SQLite applies no busy timeout to an upgrade that could never
succeed. Left to Python's sqlite3 module (`isolation_level = "IMMEDIATE"`), the write lock is taken before the first
write, and waits.
"""

import re
import sqlite3
from typing import Any

import sqlalchemy.event
from oslo_db import exception
from oslo_db.sqlalchemy import engines, exc_filters
from sqlalchemy import exc, pool

BUSY_MILLISECONDS = 20000


def matches(pattern: str, text: object) -> bool:
    """Tell whether text matches: SQLite has the operator REGEXP and leaves the function to its user."""
    return re.search(pattern, str(text)) is not None


def prepare(connection: sqlite3.Connection, foreign_keys: bool) -> None:
    """Set up a new connection. Nothing here outlives a power failure, so nothing waits for the disk."""
    connection.create_function("regexp", 2, matches)
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    if foreign_keys:
        connection.execute("PRAGMA foreign_keys = ON")


def engine_events(engine: Any, sqlite_synchronous: bool = True, sqlite_fk: bool = False, **_options: object) -> None:
    """Take the place of oslo.db's own SQLite events."""

    def connect(connection: sqlite3.Connection, _record: object) -> None:
        prepare(connection, sqlite_fk)

    def savepoint(connection: Any, _name: str) -> None:
        # sqlite3 begins a transaction before a write, not before SAVEPOINT, which then would be one of its own.
        if not connection.connection.dbapi_connection.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(engine, "connect", connect)
    sqlalchemy.event.listen(engine, "savepoint", savepoint)


def connection_arguments(url: object, engine_args: dict[str, Any], kw: dict[str, Any]) -> None:
    """Keep connections: oslo.db opens one per transaction, and each new one parses the whole schema again."""
    engine_args.update(poolclass=pool.QueuePool, pool_size=16, max_overflow=200)
    engine_args["connect_args"]["check_same_thread"] = False


def locked(operational_error: Exception, match: object, engine_name: str, is_disconnect: bool) -> None:
    """Call a lock that could not be had a deadlock: that is what the services retry."""
    raise exception.DBDeadlock(operational_error)


def patch() -> None:
    """Put the above in place of oslo.db's SQLite dialect hooks."""
    engines._init_events.reg["sqlite"]["*"] = [engine_events]  # noqa: SLF001
    engines._init_connection_args.reg["sqlite"]["*"] = [connection_arguments]  # noqa: SLF001
    exc_filters.filters("sqlite", exc.OperationalError, r".*database (table )?is locked.*")(locked)
