"""SQL that runs in every turn, made once from the tables, as each database wants it.

A turn asks for thousands of rows by key: keys travel as one JSON text, ``{"force": ["key", ...]}``,
so one statement serves all lanes of a turn and every batch size. Writing goes row by row with
positional parameters through the driver's own ``executemany``.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_QUOTE = {
    "sqlite": sqlite.dialect().identifier_preparer.quote,
    "postgresql": postgresql.dialect().identifier_preparer.quote,
}
_MARK = {"sqlite": "?", "postgresql": "%s"}

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


def by_keys(columns: str, table: str, column: str) -> Query:
    """Rows ``t`` whose ``column`` is one of the keys given for their force: ``{force: [key, ...]}``.

    SQLite keeps the order of a CROSS JOIN, so the table is always the inner, indexed side.
    """
    return Query(
        f"SELECT {columns} FROM json_each(?) AS f CROSS JOIN json_each(f.value) AS k "
        f"CROSS JOIN {table} AS t WHERE t.force = f.key AND t.{column} = k.value",
        f"SELECT {columns} FROM json_each(%s::json) AS f "
        "CROSS JOIN json_array_elements_text(f.value) AS k(value) "
        f"JOIN {table} AS t ON t.force = f.key AND t.{column} = k.value",
    )


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows, values in the order of the table's columns; a key held already is an error."""
    _run(connection, _insert(table, connection.dialect.name), rows)


def insert_once(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows; one whose key is held already stays as it is."""
    _run(connection, _insert(table, connection.dialect.name) + " ON CONFLICT DO NOTHING", rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write whole rows, replacing what their keys held."""
    _run(connection, _upsert(table, connection.dialect.name), rows)


def delete(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Remove rows by their whole primary keys."""
    _run(connection, _by_primary_key("DELETE FROM {table}", table, connection.dialect.name), keys)


def add(connection: Connection, table: Table, deltas: Mapping[Row, int]) -> None:
    """Add to the counters ``n`` of a table, by primary key; new ones start at 0.

    In order of key, so that two turns that share a counter never wait for each other in a circle.
    """
    changes = sorted((key, n) for key, n in deltas.items() if n)
    insert_once(connection, table, [(*key, 0) for key, _ in changes])
    sql = _by_primary_key("UPDATE {table} SET n = n + {mark}", table, connection.dialect.name)
    _run(connection, sql, [(n, *key) for key, n in changes])


def _run(connection: Connection, sql: str, rows: Sequence[Row]) -> None:
    if rows:
        connection.exec_driver_sql(sql, list(rows))


@cache
def _insert(table: Table, dialect: str) -> str:
    columns = ", ".join(_QUOTE[dialect](column.name) for column in table.columns)
    marks = ", ".join(_MARK[dialect] for _ in table.columns)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"


@cache
def _upsert(table: Table, dialect: str) -> str:
    quote = _QUOTE[dialect]
    keys = [quote(column.name) for column in table.primary_key]
    rest = [quote(c.name) for c in table.columns if not c.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{_insert(table, dialect)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"


@cache
def _by_primary_key(verb: str, table: Table, dialect: str) -> str:
    mark = _MARK[dialect]
    named = " AND ".join(f"{_QUOTE[dialect](c.name)} = {mark}" for c in table.primary_key)
    return f"{verb.format(table=table.name, mark=mark)} WHERE {named}"
