"""The ``recount`` command: one file a group of commands, one place for exit codes.

0: done (misses and dead letters are results). 1: a check found something, or an input could not be read
to its end. 2: misuse, said in one line that names the file, line or option and the remedy.
"""

import sys
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from service.cli.terminal import complain

COMMANDS = {
    "run": "run:run",
    "replay": "replay:replay",
    "worker": "worker:worker",
    "serve": "run:serve",
    "relay": "relay:relay",
    "alerts": "alerts:app",
    "metrics": "metrics:metrics",
    "dev": "dev:dev",
    "sources": "sources:app",
    "rules": "rules:app",
    "stats": "stats:app",
    "linkage": "linkage:app",
    "topics": "topics:app",
    "dead-letters": "dead_letters:app",
    "db": "db:app",
    "sessions": "sessions:app",
    "config": "config:app",
    "tokens": "tokens:app",
    "routes": "routes:app",
    "notifications": "notifications:app",
    "simulate": "simulate:simulate",
}
"""Every command and group, and the file and name it stands under, in the order of the help."""

SEVERAL = ("--incidents", "--records", "--referrals")
"""Options that take any number of files."""


class _OnDemand(TyperGroup):
    """Loads a command's file when it is asked for: each needs libraries of its own, some of them slow."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None: there is none."""
        return _loaded(cmd_name) if cmd_name in COMMANDS else None


app = typer.Typer(
    name="recount",
    cls=_OnDemand,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def recount() -> None:
    """Tells which reported crimes were never recorded, in time and never falsely."""


@cache
def _loaded(name: str) -> Any:
    file, attribute = COMMANDS[name].split(":")
    found = getattr(import_module(f"service.cli.{file}"), attribute)
    alone = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return typer.main.get_group(alone).commands[name]


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    try:
        app(spread(sys.argv[1:] if arguments is None else arguments), prog_name="recount")
    except Exception as failure:
        from service.cli.failures import exit_code_of

        code = exit_code_of(failure)
        if code is None:
            raise
        complain(str(failure))
        sys.exit(code)


def spread(arguments: list[str]) -> list[str]:
    """``--incidents a b`` as ``--incidents a --incidents b``: how shells expand ``*.csv``."""
    spread_out: list[str] = []
    option, first = "", True
    for argument in arguments:
        if argument.startswith("-"):
            option, first = argument if argument in SEVERAL else "", True
        elif first:
            first = False
        elif option:
            spread_out.append(option)
        spread_out.append(argument)
    return spread_out
