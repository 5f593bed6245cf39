"""SQL that runs in every turn, made once from the tables, as each database wants it.

A turn asks for thousands of rows by key: keys travel as one JSON text, ``{"force": ["key", ...]}``,
so one statement serves all lanes of a turn and every batch size. Writing goes row by row with
positional parameters through the driver's own ``executemany``.
"""
# ruff: noqa: S608  # names come from the tables; values never stand in the text

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, Table, Text

_MARK = {"sqlite": "?", "postgresql": "%s"}
_COPIED = {Text: "text", BigInteger: "int8", Integer: "int4", LargeBinary: "bytea"}

COPY_FROM_ROWS = 60
"""From so many rows on, PostgreSQL takes them faster by COPY."""

Row = tuple[Any, ...]


class Query(NamedTuple):
    """One query over keys, as each database wants it written."""

    sqlite: str
    postgresql: str

    def run(self, connection: Connection, keys: object) -> Sequence[Row]:
        """The rows found; ``keys`` is what the query's JSON parameter holds."""
        sql = self.sqlite if connection.dialect.name == "sqlite" else self.postgresql
        given = msgspec.json.encode(keys).decode()
        return connection.exec_driver_sql(sql, (given,)).tuples().fetchall()


def by_force(columns: str, table: str, locked: str = "") -> Query:
    """Rows ``t`` of the forces given, ``[force, ...]``; ``locked`` orders and locks them where locks
    are by row (SQLite's writer holds the whole file)."""
    return Query(
        f"SELECT {columns} FROM {table} AS t WHERE t.force IN (SELECT value FROM json_each(?))",
        f"SELECT {columns} FROM {table} AS t WHERE t.force = "
        f"ANY(ARRAY(SELECT json_array_elements_text(%s::json))){locked}",
    )


def by_keys(columns: str, table: str, column: str, further: str = "") -> Query:
    """Rows ``t`` whose ``column`` is one of the keys given for their force: ``{force: [key, ...]}``.

    SQLite keeps the order of a CROSS JOIN, and PostgreSQL is told to (``opening``): the table is
    always the inner, indexed side.
    """
    return Query(
        f"SELECT {columns} FROM json_each(?) AS f CROSS JOIN json_each(f.value) AS k "
        f"CROSS JOIN {table} AS t WHERE t.force = f.key AND t.{column} = k.value{further}",
        f"SELECT {columns} FROM json_each(%s::json) AS f JOIN {table} AS t ON t.force = f.key "
        f"AND t.{column} = ANY(ARRAY(SELECT json_array_elements_text(f.value))){further}",
    )


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows, values in the order of the table's columns; a key held already is an error."""
    _write(connection, table, rows, "")


def insert_once(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows; one whose key is held already stays as it is."""
    _write(connection, table, rows, " ON CONFLICT DO NOTHING")


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows, each key once, replacing what it held."""
    _write(connection, table, rows, _replacing(table))


def delete(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Remove rows by their whole primary keys."""
    sql = _by_primary_key("DELETE FROM {table}", table, connection.dialect.name)
    if keys:
        connection.exec_driver_sql(sql, list(keys))


def add(connection: Connection, table: Table, deltas: Mapping[Row, int]) -> None:
    """Add to the counters ``n`` of a table, by primary key; new ones start at 0.

    In order of key, so that two turns that share a counter never wait for each other in a circle.
    """
    changes = sorted((key, n) for key, n in deltas.items() if n)
    insert_once(connection, table, [(*key, 0) for key, _ in changes])
    sql = _by_primary_key("UPDATE {table} SET n = n + {mark}", table, connection.dialect.name)
    if changes:
        connection.exec_driver_sql(sql, [(n, *key) for key, n in changes])


def _write(connection: Connection, table: Table, rows: Sequence[Row], conflict: str) -> None:
    if not rows:
        return
    dialect = connection.dialect.name
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    if dialect == "postgresql" and len(rows) >= COPY_FROM_ROWS:
        _copy(connection, table, columns, rows, conflict)
        return
    marks = ", ".join(_MARK[dialect] for _ in table.columns)
    sql = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}){conflict}"
    connection.exec_driver_sql(sql, list(rows))


def _copy(
    connection: Connection, table: Table, columns: str, rows: Sequence[Row], conflict: str
) -> None:
    """The same by way of COPY, for which PostgreSQL needs a table without conflicts."""
    staged = f"staged_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {staged} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_COPIED[type(column.type)] for column in table.columns])
        for row in rows:
            copy.write_row(row)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {staged}{conflict}"
    )
    connection.exec_driver_sql(f"DELETE FROM {staged}")


@cache
def _replacing(table: Table) -> str:
    keys = [_quoted(column.name) for column in table.primary_key]
    rest = [_quoted(column.name) for column in table.columns if not column.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"


@cache
def _by_primary_key(verb: str, table: Table, dialect: str) -> str:
    mark = _MARK[dialect]
    named = " AND ".join(f"{_quoted(c.name)} = {mark}" for c in table.primary_key)
    return f"{verb.format(table=table.name, mark=mark)} WHERE {named}"


def _quoted(name: str) -> str:
    return f'"{name}"'
