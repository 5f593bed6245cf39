"""The ``recount`` command: one file a group of commands, one place for exit codes.

0: done (misses and dead letters are results). 1: a check found something, or an input could not be read
to its end. 2: misuse, said in one line that names the file, line or option and the remedy.
"""

import sys

import typer

from service.cli import (
    alerts,
    config,
    db,
    dead_letters,
    linkage,
    notifications,
    routes,
    rules,
    sessions,
    simulate,
    sources,
    stats,
    tokens,
    topics,
)
from service.cli.dev import dev
from service.cli.diff import diff
from service.cli.metrics import metrics
from service.cli.relay import relay
from service.cli.replay import replay, spread
from service.cli.run import run, serve
from service.cli.terminal import complain
from service.cli.worker import worker
from service.hosts.files import InputBroken, NotGiven
from service.hosts.stopped import BrokerUnreachable, WorkerStopped
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault
from service.ledger.letters import LetterGone
from service.ledger.opening import LedgerUnusable
from service.ledger.sealed import KeysUnusable, NotOpened
from service.ledger.upgrading import LedgerTooNew
from service.settings import SettingsWrong
from service.simulation.parameters import SettingUnknown

app = typer.Typer(
    name="recount",
    help="Tells which reported crimes were never recorded, in time and never falsely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(replay)
app.command()(worker)
app.command()(serve)
app.command()(relay)
app.add_typer(alerts.app, name="alerts")
app.command()(metrics)
app.command()(dev)
app.add_typer(sources.app, name="sources")
rules.app.command()(diff)
app.add_typer(rules.app, name="rules")
app.add_typer(stats.app, name="stats")
app.add_typer(linkage.app, name="linkage")
app.add_typer(topics.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(db.app, name="db")
app.add_typer(sessions.app, name="sessions")
app.add_typer(config.app, name="config")
app.add_typer(tokens.app, name="tokens")
app.add_typer(routes.app, name="routes")
app.add_typer(notifications.app, name="notifications")
app.command()(simulate.simulate)

MISUSE = (
    Fault,
    NotGiven,
    ColumnMissing,
    LedgerUnusable,
    LedgerTooNew,
    KeysUnusable,
    NotOpened,
    LetterGone,
    SettingUnknown,
    SettingsWrong,
)
"""What people gave and can mend; the message says how."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        app(spread(given), prog_name="recount")
    except MISUSE as wrong:
        complain(str(wrong))
        sys.exit(2)
    except (InputBroken, WorkerStopped, BrokerUnreachable) as broken:
        complain(str(broken))
        sys.exit(1)
