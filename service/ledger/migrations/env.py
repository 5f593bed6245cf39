"""Run by Alembic inside the transaction that ``upgrading`` opened."""

from alembic import context

from service.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
