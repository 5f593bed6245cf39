"""``recount sessions``: who is signed in no longer, at once."""

from typing import Annotated

import typer

from service.cli.terminal import out
from service.cli.tokens import LedgerFile, tended
from service.ledger.sessions import end_sessions

app = typer.Typer(help="Sessions of people: end them.", no_args_is_help=True)


@app.callback()
def sessions() -> None:
    """Sessions of people."""


@app.command()
def end(
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="Opaque id, as the Audit page shows it.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's.")] = False,
    ledger: LedgerFile = None,
) -> None:
    """End the sessions of a person, or of everybody: they must sign in again. Prints how many.

    For somebody who has left, or whose roles have changed: they otherwise keep what they had until
    their session ends of itself.

    Example: recount sessions end --person 7f3a
    """
    if (person is None) is not everybody:
        raise typer.BadParameter("give --person ID, or --all", param_hint="--person")
    with tended(ledger) as opened, opened.writing() as connection:
        ended = end_sessions(connection, person)
    out.print(ended)
