"""Opening the ledger: SQLite in one process, PostgreSQL for several; durable, or as fast as it goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

LOCK_TIMEOUT_MS = 10_000
"""How long a statement waits for another turn's lock before the turn is run again."""

IDLE_TIMEOUT_MS = 5_000
"""A worker stopped inside a transaction loses it after this, and its lanes are free again."""

READ_IDLE_TIMEOUT_MS = 60_000
"""Readers hold no locks and may pause longer between two pages."""

PAGE_BYTES = 8192
"""Of a new SQLite file: rows are about 1 kB, and fewer, larger pages are written."""

_DURABLE = {"journal_mode": "WAL", "synchronous": "FULL", "busy_timeout": LOCK_TIMEOUT_MS}
_FAST = {
    "journal_mode": "MEMORY",  # a turn can still be rolled back; a crash of the machine loses all
    "synchronous": "OFF",
    "locking_mode": "EXCLUSIVE",
    "temp_store": "MEMORY",
    "cache_size": -64 * 1024,  # KiB
}

_POSTGRESQL = {
    "lock_timeout": LOCK_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    "client_min_messages": "warning",
    "jit": "off",
}

_PLANS = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_memoize": "off",
    "join_collapse_limit": "1",
}
"""For turns: keys travel as JSON, whose size the planner cannot know, and left alone it reads whole
tables. So joins are followed as written, along the index."""

_FOR_READING = ";".join(
    (
        f"SET LOCAL idle_in_transaction_session_timeout = {READ_IDLE_TIMEOUT_MS}",
        *(f"SET LOCAL {name} = DEFAULT" for name in _PLANS),
    )
)

_END_STOPPED = text(
    "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid) "
    "WHERE l.relation IN ('lanes'::regclass, 'positions'::regclass) AND l.granted "
    "AND l.mode IN ('RowShareLock', 'RowExclusiveLock') "
    "AND a.wait_event_type = 'Client' AND a.usename = current_user "
    "AND a.state_change < now() - :ms * interval '1 millisecond'"
)
"""Sessions that hold lanes or positions and have waited for their client for too long."""

_CONTENDED = frozenset({"40P01", "55P03", "40001", "25P03"})
"""PostgreSQL: deadlock, lock not available, serialisation, idle in transaction: all rolled back."""


class LedgerUnusable(Exception):
    """The ledger cannot be opened as asked; the message names the remedy."""


class Ledger:
    """One database and how to talk to it. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        """``sqlite`` or ``postgresql``."""

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes: committed at the end, rolled back on any error."""
        connect = self.engine.connect().execution_options(ledger_writes=True)
        with connect as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads: everything in it is of one moment."""
        options: dict[str, Any] = {}
        if self.dialect == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        connect = self.engine.connect().execution_options(**options)
        with connect as connection, connection.begin():
            if self.dialect == "postgresql":
                connection.exec_driver_sql(_FOR_READING)
            yield connection

    def end_stopped(self, longer_than_ms: int = IDLE_TIMEOUT_MS) -> int:
        """End sessions that hold lanes or positions and whose client stands still; how many.

        Where it stopped between two messages of one statement, the server does not count it as idle
        (even where it shows it so), and none of the server's own limits reaches it.
        """
        if self.dialect != "postgresql":
            return 0
        with self.engine.connect() as connection:
            return len(connection.execute(_END_STOPPED, {"ms": longer_than_ms}).all())

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_ledger(url: str, *, durable: bool = True, create: bool = True) -> Ledger:
    """Open the ledger at a database URL; its tables must be there (``upgrading.upgrade``).

    ``durable=False`` is for a ledger that is thrown away after use (replay): SQLite only, one
    connection, nothing forced to disk; a turn still rolls back whole. ``create=False`` refuses a
    SQLite file that is not there.
    Raises ``LedgerUnusable`` where the URL names no database that can hold a ledger.
    """
    target = _target(url)
    if not create and target.get_backend_name() == "sqlite" and not _is_file(target):
        raise LedgerUnusable(f"no ledger at {target.database}; `recount db upgrade` makes one")
    if target.get_backend_name() == "postgresql":
        if not durable:
            raise LedgerUnusable("a ledger that need not last is a SQLite file: use sqlite:///PATH")
        return Ledger(_postgresql(target))
    return Ledger(_sqlite(target, durable))


def contended(error: DBAPIError) -> bool:
    """Did another turn hold what this one needed? Then this one has been rolled back, to run again."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _CONTENDED
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _target(url: str) -> URL:
    try:
        target = make_url(url)
        backend = target.get_backend_name()
    except ArgumentError:
        # The URL may hold a password: it is never repeated.
        raise LedgerUnusable(
            "not a database URL; use sqlite:///PATH or postgresql://HOST/NAME"
        ) from None
    if backend == "postgresql":
        return target.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return target.set(drivername="sqlite+pysqlite")
    raise LedgerUnusable(
        f"{backend} cannot hold a ledger; use sqlite:///PATH or postgresql://HOST/NAME"
    )


def _is_file(target: URL) -> bool:
    return target.database is not None and Path(target.database).is_file()


def _sqlite(target: URL, durable: bool) -> Engine:
    # One connection where the file is locked for good, or where there is no file to share.
    alone = not durable or target.database in (None, "", ":memory:")
    size: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if alone else {"pool_size": 5}
    engine = create_engine(
        target,
        poolclass=QueuePool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
        **size,
    )
    pragmas = _DURABLE if durable else _FAST

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("ledger_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(target: URL) -> Engine:
    # An error repeats no parameters: they hold what was read.
    engine = create_engine(
        target, isolation_level="READ COMMITTED", pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        for name, value in {**_POSTGRESQL, **_PLANS}.items():
            connection.execute(f"SET {name} = {value}")
        connection.autocommit = False

    return engine
