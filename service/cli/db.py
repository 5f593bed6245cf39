"""``recount db``: the ledger's tables."""

import typer

from service.cli.terminal import complain, out
from service.ledger.opening import open_ledger
from service.ledger.sealed import KeysUnusable, NotOpened, read_keys
from service.ledger.sealed import reseal as seal_again
from service.ledger.upgrading import revision
from service.ledger.upgrading import upgrade as upgrade_tables
from service.settings import SettingsWrong, read_settings

app = typer.Typer(
    help="The ledger: upgrade and check its tables, seal its texts anew.", no_args_is_help=True
)


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


@app.command()
def reseal() -> None:
    """Bring what operators typed, and dead letters kept as they came, under the first key of
    RECOUNT_TEXT_KEY_FILE; after that the older keys may go. Exit code 1 where a key is missing.

    Example: RECOUNT_TEXT_KEY_FILE=/etc/recount/keys recount db reseal
    """
    settings = read_settings()
    if settings.text_key_file is None:
        raise SettingsWrong("RECOUNT_TEXT_KEY_FILE is not set; nothing can be opened without keys")
    try:
        keys = read_keys(settings.text_key_file)
    except KeysUnusable as wrong:
        raise SettingsWrong(str(wrong)) from None
    ledger = open_ledger(settings.ledger_url(), create=False)
    try:
        with ledger.writing() as connection:
            done = seal_again(connection, keys)
    except NotOpened as missing:
        complain(f"{missing}; nothing was changed")
        raise typer.Exit(1) from None
    finally:
        ledger.close()
    out.print(f"{done:,} sealed anew under key {keys.first}")
