"""The whole ledger as plain values: equal for two ledgers that hold the same."""

from typing import Any

from sqlalchemy import select

from service.ledger.opening import Ledger
from service.ledger.tables import metadata

RANDOM = {"salt", "payload_hash", "previous", "hash", "head"}
"""Made from random salts: the chain is checked by walking it."""


def dump(ledger: Ledger, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table in order of its key, but what is random, columns named, and tallies
    that have come down to 0 again (which of them were ever more depends on batches)."""
    with ledger.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(*(c for c in table.columns if c.name not in RANDOM | {*without}))
                    .order_by(*table.primary_key)
                    .select_from(table)
                )
                if table.name != "tallies" or row.n
            ]
            for table in metadata.sorted_tables
        }
