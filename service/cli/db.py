"""``recount db``: the ledger's tables."""

import typer

from service.cli.terminal import out
from service.ledger.opening import open_ledger
from service.ledger.upgrading import revision
from service.ledger.upgrading import upgrade as upgrade_tables
from service.settings import read_settings

app = typer.Typer(help="The ledger's tables: upgrade, check.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Make the ledger's tables, or bring them to what this program works with.

    Example: DATABASE_URL=postgresql://db/recount recount db upgrade
    """
    ledger = open_ledger(read_settings().ledger_url())
    try:
        before = revision(ledger.engine)
        upgrade_tables(ledger.engine)
        out.print(f"revision {before.wanted}" + (" already" if before.current else ""))
    finally:
        ledger.close()


@app.command()
def check() -> None:
    """Is the ledger what this program works with? Exit code 1 where it is not.

    Example: DATABASE_URL=postgresql://db/recount recount db check
    """
    ledger = open_ledger(read_settings().ledger_url(), create=False)
    try:
        found = revision(ledger.engine)
    finally:
        ledger.close()
    out.print(f"revision {found.held or 'none'}; this program works with {found.wanted}")
    if not found.current:
        raise typer.Exit(1)
