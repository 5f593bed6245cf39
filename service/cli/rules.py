"""``recount rules``: rule packs, what they say and what they make of a report."""

from typing import Annotated

import msgspec
import typer

from service.cli.scoring import score_file, try_rules
from service.cli.terminal import out, print_json, table
from service.hosts.files import read_signatures

app = typer.Typer(help="Rule packs: check, show, explain, test, score.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Rule packs: check, show, explain, test, score."""


@app.command("signatures")
def list_signatures(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document for machines.")
    ] = False,
) -> None:
    """List the ways in which crimes go unrecorded, and which of them no stream shows.

    Example: recount rules signatures
    """
    known = read_signatures()
    if as_json:
        print_json(msgspec.to_builtins(known))
        return
    shown = table("#harm", "signature", "#row", "seen")
    for each in known.signatures:
        seen = f"not seen: {each.unseen}" if each.unseen else "in the report and its records"
        shown.add_row(str(each.harm), each.id.replace("_", " "), str(each.row), seen)
    out.print(shown)
    for spot in known.blind_spots:
        out.print(f"leaves no trace (row {spot.row}): {spot.because}", markup=False)


app.command("score")(score_file)
app.command("test")(try_rules)
