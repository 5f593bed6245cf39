"""``recount worker``: read the topics and keep the ledger, until told to stop."""

from typing import Annotated

import typer

from service.log import set_up_log
from service.settings import read_settings


def worker(
    accept_recreated: Annotated[
        list[str],
        typer.Option(
            metavar="TOPIC",
            help="This topic was made anew on purpose; what was unread of the old one is lost.",
        ),
    ] = [],  # noqa: B006 - read only
) -> None:
    """Read the topics and keep the ledger, as one of any number of workers.

    Ends by itself, with exit code 1 and the reason, where it must not go on; let a supervisor start it
    again. SIGTERM: finishes its turn, leaves the group, exit code 0. Settings come from the
    environment: KAFKA_BOOTSTRAP, DATABASE_URL and the RECOUNT_… of docs/worker-notes.md.

    Example: KAFKA_BOOTSTRAP=kafka:9092 DATABASE_URL=postgresql://db/recount recount worker
    """
    from service.hosts.kafka import run_worker  # Faust takes a second to import

    settings = read_settings()
    set_up_log(settings.log_level)
    raise typer.Exit(run_worker(settings, frozenset(accept_recreated)))
