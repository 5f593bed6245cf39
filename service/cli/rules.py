"""``recount rules``: rule packs, what they say and what they make of a report."""

import typer

from service.cli.scoring import score_file, try_rules

app = typer.Typer(help="Rule packs: check, show, explain, test, score.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Rule packs: check, show, explain, test, score."""


app.command("score")(score_file)
app.command("test")(try_rules)
