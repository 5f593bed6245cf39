"""``recount rules``: rule packs, what they say and what they make of a report."""

import typer

app = typer.Typer(help="Rule packs: check, show, explain.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Rule packs: check, show, explain."""
