"""``recount relay``: alerts and dead letters from the ledger onto their topics, messages to people."""

from enum import StrEnum
from typing import Annotated

import typer

from service.log import set_up_log
from service.settings import read_settings


class Part(StrEnum):
    """What a relay can be kept to."""

    TOPICS = "topics"
    PEOPLE = "people"


def relay(
    once: Annotated[bool, typer.Option(help="End as soon as nothing waits any more.")] = False,
    only: Annotated[
        Part | None, typer.Option(help="One of the two; people need no broker.")
    ] = None,
) -> None:
    """Put alerts (as CloudEvents) and dead letters (without their values) onto their topics, and send
    messages to people by e-mail, webhook and chat.

    Each force's alerts keep their order on topics, each report's messages theirs to every receiver.
    After a crash some may come again, under the same id. Any number may run: onto topics one puts at
    a time, messages to people are shared.

    Example: KAFKA_BOOTSTRAP=kafka:9092 DATABASE_URL=postgresql://db/recount recount relay
    """
    from service.hosts.opened import current_ledger
    from service.hosts.relay import run_relay, run_sender

    settings = read_settings()
    set_up_log(settings.log_level)
    with current_ledger(settings.ledger_url(), settings.probe_within) as ledger:
        if only is Part.PEOPLE:
            code = run_sender(settings, ledger, once=once)
        else:
            code = run_relay(settings, ledger, once=once, people=only is None)
    raise typer.Exit(code)
