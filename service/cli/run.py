"""``recount run`` and ``recount serve``: the service with its board, alone or over a shared ledger."""

from pathlib import Path
from typing import Annotated

import typer

from service.alerts.actors import ActorRole
from service.cli.terminal import err
from service.log import set_up_log
from service.settings import read_settings

PORT = 8000

LEDGER = Path("recount.db")


def run(
    ledger: Annotated[
        Path | None,
        typer.Option(help="SQLite file that holds everything; made where it is not there."),
    ] = None,
    source: Annotated[
        list[str],
        typer.Option(metavar="MAPPING", help="Mapping of what is sent: a shipped one or a .yaml."),
    ] = ["native"],  # noqa: B006 - read only
    rules: Annotated[
        str | None, typer.Option(metavar="PACK", help="Rule pack: a shipped one or a .yaml.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = PORT,
    role: Annotated[
        list[ActorRole],
        typer.Option(help="Whom the printed link lets in; several are possible. Default: all."),
    ] = [],  # noqa: B006 - read only
    demo: Annotated[
        bool, typer.Option("--demo", help="Feed it a force that does not exist.")
    ] = False,
    speed: Annotated[
        float, typer.Option(min=1, help="With --demo: how many times faster than real time.")
    ] = 3600,
) -> None:
    """Run the whole service in this process: ingest over HTTP, alerts, the board.

    Everything is in one file (recount.db; with --demo, one that is gone afterwards), and it goes on
    from there after any stop. Only this machine can reach it. Ctrl-C stops it.

    Example: recount run --demo

    With data of your own: recount run --ledger force.db; then recount tokens create --ledger force.db
    --source native/incidents --force 33, and send to /v1/incidents.
    """
    from service.hosts.embedded import Wanted, run_embedded

    settings = read_settings(**({"rules": rules} if rules else {}))
    set_up_log(settings.log_level)
    wanted = Wanted(
        ledger=ledger if ledger or demo else LEDGER,
        mappings=tuple(source),
        port=port,
        roles=tuple(role),
        speed=speed if demo else None,
    )
    raise typer.Exit(run_embedded(settings, wanted, _tell))


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine: sign-in and TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = PORT,
) -> None:
    """Serve API and board over the shared ledger, beside workers and relay; any number of these may run.

    It holds nothing itself. What is sent to it goes through the mappings of RECOUNT_TOPICS.

    Example: DATABASE_URL=postgresql://db/recount recount serve --port 8000
    """
    from service.hosts.opened import current_ledger
    from service.hosts.web import run_serve

    settings = read_settings()
    set_up_log(settings.log_level)
    with current_ledger(settings.ledger_url(), settings.probe_within) as ledger:
        code = run_serve(settings, ledger, host, port, _tell)
    raise typer.Exit(code)


def _tell(url: str) -> None:
    err.print(f"Recount answers at {url}", markup=False)
