"""A copy of the whole ledger, of one moment, while it is written to; and a ledger made from a copy.

A copy is itself a ledger: a SQLite file at the revision of its origin, which every command can open. So one
kind of copy serves both databases, can be checked before it is needed, and is restored into either.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select

from service.ledger.opening import Ledger, LedgerUnusable, open_ledger
from service.ledger.upgrading import REVISION_TABLE, LedgerTooNew, revision, upgrade

ROWS_AT_ONCE = 2_000


class Copied(Struct, frozen=True):
    """What a copy holds."""

    revision: str
    rows: dict[str, int]
    """By table."""


def back_up(ledger: Ledger, path: Path) -> Copied:
    """Copy a ledger into a new file, which appears only once it is whole and on disk.

    Raises ``LedgerUnusable`` where the file is there, or the ledger has no tables.
    """
    if path.exists():
        raise LedgerUnusable(f"{path} is there already; name a new file")
    held = revision(ledger.engine).held
    if held is None:
        raise LedgerUnusable("this database holds no ledger; there is nothing to copy")
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    try:
        if ledger.dialect == "sqlite":
            _copy_file(ledger, part)
        else:
            _copy_rows(ledger, part, held)
        copied = _counted(part, held)
        _to_disk(part)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    _to_disk(path.parent)
    return copied


def restore(path: Path, ledger: Ledger) -> Copied:
    """Fill an empty database from a copy, then bring it to this program's revision.

    All rows in one transaction. Raises ``LedgerUnusable`` where the copy is none or the database is not
    empty, and ``LedgerTooNew`` where a newer program made the copy.
    """
    source = open_ledger(f"sqlite:///{path}", create=False)
    try:
        held = _held_by(source, path)
        if revision(ledger.engine).held is None:
            upgrade(ledger.engine, held)
        if revision(ledger.engine).held != held or _any_row(ledger):
            raise LedgerUnusable("the database is not empty; restore into a new one")
        with source.reading() as reading, ledger.writing() as writing:
            theirs, ours = _tables(reading), _tables(writing)
            for name, table in theirs.items():
                _fill(writing, ours[name], _pages(reading, table))
        copied = _counted(path, held)
    finally:
        source.close()
    upgrade(ledger.engine)
    return copied


def _held_by(source: Ledger, path: Path) -> str:
    try:
        found = revision(source.engine)
    except Exception as error:
        raise LedgerUnusable(f"{path} is no copy of a ledger ({type(error).__name__})") from None
    if not found.known:
        raise LedgerTooNew(f"{path} is at revision {found.held}, unknown to this program")
    if found.held is None:
        raise LedgerUnusable(f"{path} is no copy of a ledger: it has no tables")
    return found.held


def _copy_file(ledger: Ledger, part: Path) -> None:
    """SQLite's own online copy: of one moment, and writers go on."""
    with closing(sqlite3.connect(part)) as target, ledger.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.backup(target)


def _copy_rows(ledger: Ledger, part: Path, held: str) -> None:
    """Row by row out of one repeatable-read transaction, with the tables as they are there."""
    target = open_ledger(f"sqlite:///{part}", durable=False)
    try:
        upgrade(target.engine, held)
        with ledger.reading() as reading, target.writing() as writing:
            theirs, ours = _tables(reading), _tables(writing)
            for name, table in theirs.items():
                _fill(writing, ours[name], _pages(reading, table))
    finally:
        target.close()


def _tables(connection: Connection) -> dict[str, Table]:
    """Tables as the database has them: a copy may be older than this program."""
    found = MetaData()
    found.reflect(connection)
    return {t.name: t for t in found.sorted_tables if t.name != REVISION_TABLE}


def _pages(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    rows = connection.execute(select(table), execution_options={"yield_per": ROWS_AT_ONCE})
    for page in rows.mappings().partitions():
        yield [dict(row) for row in page]


def _fill(connection: Connection, table: Table, pages: Iterator[list[dict[str, Any]]]) -> None:
    for page in pages:
        connection.execute(insert(table), page)


def _any_row(ledger: Ledger) -> bool:
    with ledger.reading() as connection:
        tables = _tables(connection).values()
        return any(connection.execute(select(table).limit(1)).first() for table in tables)


def _counted(path: Path, held: str) -> Copied:
    """Look into the file that was written: it must open, be sound, and count."""
    copy = open_ledger(f"sqlite:///{path}", create=False)
    try:
        with copy.reading() as connection:
            sound = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
            if sound != "ok":
                raise LedgerUnusable(f"{path}: the copy is damaged; check the disk, and copy again")
            counts = {
                name: connection.scalars(select(func.count()).select_from(table)).one()
                for name, table in _tables(connection).items()
            }
        assert inspect(copy.engine).has_table(REVISION_TABLE)
    finally:
        copy.close()
    return Copied(held, counts)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
