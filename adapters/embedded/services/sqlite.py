"""SQLite for services with many threads: write locks wait instead of failing, and connections are kept open.

oslo.db opens every transaction with a bare BEGIN. A transaction that reads, and then writes after another one has
written, fails at once with "database is locked": SQLite applies no busy timeout to an upgrade that could never
succeed. With Python's sqlite3 module in charge (`isolation_level = "IMMEDIATE"`), the write lock is taken before the
first write, and waits.
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
    """Return whether text matches: SQLite has the operator REGEXP without a function for it."""
    return re.search(pattern, str(text)) is not None


def prepare(connection: sqlite3.Connection, foreign_keys: bool) -> None:
    """Set up a new connection. The data need not survive a power failure, so nothing waits for the disk."""
    connection.create_function("regexp", 2, matches)
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    if foreign_keys:
        connection.execute("PRAGMA foreign_keys = ON")


def engine_events(engine: Any, sqlite_synchronous: bool = True, sqlite_fk: bool = False, **_options: object) -> None:
    """Replace oslo.db's own SQLite events."""

    def connect(connection: sqlite3.Connection, _record: object) -> None:
        prepare(connection, sqlite_fk)

    def savepoint(connection: Any, _name: str) -> None:
        # sqlite3 begins a transaction before a write but not before SAVEPOINT, which would then begin its own.
        if not connection.connection.dbapi_connection.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(engine, "connect", connect)
    sqlalchemy.event.listen(engine, "savepoint", savepoint)


def connection_arguments(url: object, engine_args: dict[str, Any], kw: dict[str, Any]) -> None:
    """Keep connections open: oslo.db opens one per transaction, and each new one parses the whole schema again."""
    engine_args.update(poolclass=pool.QueuePool, pool_size=16, max_overflow=200)
    engine_args["connect_args"]["check_same_thread"] = False


def locked(operational_error: Exception, match: object, engine_name: str, is_disconnect: bool) -> None:
    """Raise a failed lock as a deadlock, which the services retry."""
    raise exception.DBDeadlock(operational_error)


def patch() -> None:
    """Replace oslo.db's SQLite dialect hooks by the functions above."""
    engines._init_events.reg["sqlite"]["*"] = [engine_events]  # noqa: SLF001
    engines._init_connection_args.reg["sqlite"]["*"] = [connection_arguments]  # noqa: SLF001
    exc_filters.filters("sqlite", exc.OperationalError, r".*database (table )?is locked.*")(locked)
