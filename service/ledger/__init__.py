"""The SQL database: tables, queries, positions, chain, migrations."""
