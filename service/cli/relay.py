"""``recount relay``: alerts and dead letters from the ledger onto their topics."""

from typing import Annotated

import typer

from service.log import set_up_log
from service.settings import read_settings


def relay(
    once: Annotated[bool, typer.Option(help="End as soon as nothing waits any more.")] = False,
) -> None:
    """Put alerts (as CloudEvents) and dead letters (without their values) onto their topics.

    Each force's alerts keep their order. After a crash some may come again, under the same id. Any
    number may run; one sends at a time.

    Example: KAFKA_BOOTSTRAP=kafka:9092 DATABASE_URL=postgresql://db/recount recount relay
    """
    from service.hosts.kafka_boot import open_current
    from service.hosts.relay import run_relay

    settings = read_settings()
    set_up_log(settings.log_level)
    ledger = open_current(settings)
    try:
        code = run_relay(settings, ledger, once=once)
    finally:
        ledger.close()
    raise typer.Exit(code)
