"""``recount tokens``: who may send what for which force."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from service.cli.terminal import AsJson, err, out, print_json, table
from service.hosts.files import NotGiven, read_mapping
from service.hosts.opened import current_ledger
from service.ledger.opening import Ledger
from service.ledger.tokens import list_tokens, make_token, revoke_token
from service.settings import read_settings

app = typer.Typer(help="Tokens of those who send: create, list, revoke.", no_args_is_help=True)

LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="SQLite file of `recount run`; else DATABASE_URL.")
]


@app.command()
def create(
    source: Annotated[
        str, typer.Option(metavar="MAPPING/SIDE", help="What it sends: native/incidents, ….")
    ],
    force: Annotated[str, typer.Option(help="Code of the force it sends for.")],
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for one source of one force. It is shown this once and never again.

    Example: recount tokens create --ledger force.db --source native/incidents --force 33
    """
    name = _source_name(source)
    with tended(ledger) as opened, opened.writing() as connection:
        token, written = make_token(connection, name, force, datetime.now(UTC))
    if as_json:
        print_json({**msgspec.to_builtins(token), "token": written})
        return
    err.print(f"token {token.id} for {name} of force {force}; keep it, it is not shown again")
    out.print(written, markup=False)


@app.command("list")
def list_(ledger: LedgerFile = None, as_json: AsJson = False) -> None:
    """List tokens, without their secrets.

    Example: recount tokens list --ledger force.db
    """
    with tended(ledger) as opened, opened.reading() as connection:
        found = list_tokens(connection)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    shown = table("token", "source", "force", "made", "revoked")
    for each in found:
        revoked = each.revoked_at.isoformat(" ", "seconds") if each.revoked_at else "-"
        made = each.made_at.isoformat(" ", "seconds")
        shown.add_row(each.id, each.source, each.force, made, revoked)
    out.print(shown)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as listed; not its secret.")],
    ledger: LedgerFile = None,
) -> None:
    """Never take a token again, from the next request on.

    Example: recount tokens revoke 1f2e3d4c5b6a --ledger force.db
    """
    with tended(ledger) as opened, opened.writing() as connection:
        known = revoke_token(connection, token, datetime.now(UTC))
    if not known:
        raise NotGiven("there is no such token; recount tokens list shows them")
    out.print(f"token {token} is revoked", markup=False)


def _source_name(given: str) -> str:
    """The source's name in the ledger. Raises ``NotGiven`` where no mapping has it."""
    mapping_name, _, side = given.rpartition("/")
    sources = [feed.source.name for feed in read_mapping(mapping_name or given).feeds]
    found = next((name for name in sources if name.rpartition("/")[2] == side), None)
    if found is None:
        named = ", ".join(f"{mapping_name or given}/{name.rpartition('/')[2]}" for name in sources)
        raise NotGiven(f"there is no source '{given}'; the mapping has {named}")
    return found


def tended(file: Path | None) -> AbstractContextManager[Ledger]:
    """The ledger of a file, or else of the settings; it must be there."""
    settings = read_settings()
    url = f"sqlite:///{file}" if file else settings.ledger_url()
    return current_ledger(url, settings.probe_within)
