"""``recount sources``: mappings from somebody's own files to the contracts."""

import typer

app = typer.Typer(help="Map your own systems: draft, check, show.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Map your own systems: draft, check, show."""
