"""Bringing a ledger's tables to this program's revision, and telling whether they are."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, Engine, text

from service.ledger.tables import FOR_LISTS

REVISION_TABLE = "alembic_version"
"""Where the revision is kept, by Alembic's own name for it."""

_ADVISORY_LOCK = 0x5265_636F  # any number, the same for everybody who upgrades


class Revision(Struct, frozen=True):
    """Which revision a ledger is at, and which this program works with."""

    held: str | None
    """None: an empty database."""
    wanted: str
    known: bool
    """False: the ledger was made by a newer program."""

    @property
    def current(self) -> bool:
        """Is the ledger at the revision that this program works with?"""
        return self.held == self.wanted


class LedgerTooNew(Exception):
    """The ledger was made by a newer program: install that version, or a later one."""


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the tables to a revision in one transaction; safe to run by several at once.

    Raises ``LedgerTooNew`` where the ledger is ahead of this program.
    """
    connect = engine.connect().execution_options(ledger_writes=True)
    with connect as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(:lock)")
            connection.execute(lock, {"lock": _ADVISORY_LOCK})
        found = _revision(connection)
        if not found.known:
            raise LedgerTooNew(f"the ledger is at revision {found.held}, unknown to this program")
        if found.held != to and not found.current:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)


def revision(engine: Engine) -> Revision:
    """The ledger's revision beside the one this program works with."""
    with engine.connect() as connection:
        return _revision(connection)


def drop_indexes_for_lists(engine: Engine) -> None:
    """Spare a ledger that no board will ever read what only boards read: a tenth of its writing."""
    connect = engine.connect().execution_options(ledger_writes=True)
    with connect as connection, connection.begin():
        for name in FOR_LISTS:
            connection.execute(text(f"DROP INDEX {name}"))


@cache
def wanted_revision() -> str:
    """The revision that this program works with."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    assert wanted is not None
    return wanted


def _revision(connection: Connection) -> Revision:
    script = ScriptDirectory.from_config(_config())
    wanted = wanted_revision()
    held = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in script.walk_revisions()}
    return Revision(held, wanted, held is None or held in known)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
