"""What commands print: answers on standard output, everything else on standard error."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
"""Answers."""
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress, warnings, errors."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")]
"""The option that every command takes which prints an answer."""


def complain(message: str) -> None:
    """One line of what went wrong, on standard error."""
    err.print(f"recount: {message}", markup=False, style="bold" if err.is_terminal else None)


def print_json(answer: Any) -> None:
    """One JSON document on standard output, for machines."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")


def print_listed(titles: Mapping[str, str], as_json: bool) -> None:
    """Names with their titles, a line each."""
    if as_json:
        print_json(titles)
        return
    for name, title in titles.items():
        out.print(f"{name}  {title}", markup=False)


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house style; columns named ``#...`` are numbers, aligned right."""
    made = Table(title=title, box=None, title_justify="left", pad_edge=False)
    for name in columns:
        made.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left")
    return made
