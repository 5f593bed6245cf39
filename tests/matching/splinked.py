"""Splink's own answer for pairs, under a model file: what the stream must give to 1e-6."""

from collections.abc import Sequence

import duckdb
import msgspec
import pyarrow as pa

from service.insight.training import open_linker, table
from service.matching.linkage_model import ModelWritten
from service.matching.linkage_profile import Profile
from service.matching.linkage_templates import RARE_COLUMNS


def predictions(
    content: bytes, reports: Sequence[Profile], records: Sequence[Profile]
) -> dict[tuple[str, str], float]:
    """Splink's match weight of every report with every record."""
    written = msgspec.json.decode(content, type=ModelWritten)
    connection = duckdb.connect()
    try:
        linker = open_linker(connection, reports, records, msgspec.json.decode(written.splink))
        api = linker._db_api
        for column in RARE_COLUMNS:
            shares = written.term_frequencies.get(column, {})
            schema = pa.schema([(column, pa.string()), (f"tf_{column}", pa.float64())])
            columns = {column: list(shares), f"tf_{column}": list(shares.values())}
            frequencies = api.register(pa.table(columns, schema=schema), table_name=f"tf_{column}")
            linker.table_management.register_term_frequency_lookup(frequencies, column)
        left = api.register(table(reports), table_name="left_side")
        right = api.register(table(records), table_name="right_side")
        rows = linker.inference.score_pairs(left, right).as_record_list()
        return {(row["ref_l"], row["ref_r"]): row["match_weight"] for row in rows}
    finally:
        connection.close()
