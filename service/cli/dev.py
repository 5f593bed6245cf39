"""``recount dev``: the whole of it on one machine, with a feed; gone without a trace at the end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from service.cli.terminal import AsJson, err, out, print_json
from service.hosts.dev import Whereabouts, run_dev
from service.hosts.feeding import Fed, simulated, written
from service.hosts.files import NotGiven
from service.hosts.real_parts import PartFailed
from service.hosts.stopped import WorkerStopped
from service.ingest.source import Topic
from service.simulation.generate import Settings as Simulated

Files = Annotated[list[Path], typer.Option(show_default=False, metavar="FILE")]
Speed = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        show_default=False,
        help="Times faster than it happened; never before its own time. Default: at once.",
    ),
]


def dev(
    incidents: Files = [],  # noqa: B006 - read only
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    speed: Speed = 3600.0,
    days: Annotated[
        int, typer.Option(min=1, help="Days of history the simulated force begins with.")
    ] = 7,
    seed: Annotated[int, typer.Option(help="Another seed is another force.")] = 1,
    setting: Annotated[str, typer.Option(help="Recording rates: 2017, 2018 or 2025.")] = "2017",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, help="Of every topic.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Run a real Kafka, PostgreSQL, workers, relay, board and a feed here, until Ctrl-C; nothing is left.

    Fed is a simulated force whose history reaches up to now and goes on as time passes, or the native
    lines of files. A part that is killed is started again. KAFKA_BOOTSTRAP and DATABASE_URL, where set,
    are used instead of own servers. The first start fetches Kafka (about 120 MB).

    Example: recount dev --speed 3600 --workers 2
    """
    given = {
        Topic.INCIDENT_LOG: incidents,
        Topic.CRIME_RECORD: records,
        Topic.REFERRAL: referrals,
    }
    for path in (path for paths in given.values() for path in paths):
        if not path.is_file():
            raise NotGiven(f"{path} is not there")
    told: Iterator[Fed]
    if any(given.values()):
        told = written(given)
    else:
        starts = (datetime.now(UTC) - timedelta(days=days)).date()
        # A year more than anybody watches: it is drawn as it is needed.
        told = simulated(Simulated(days=days + 366, setting=setting, starts=starts), seed)
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal) as progress:
        task = progress.add_task("starting Kafka and PostgreSQL", total=None)

        def show(where: Whereabouts) -> None:
            progress.update(task, description="feeding")
            _show(where, as_json)

        def heard(many: int, at: datetime) -> None:
            progress.update(task, description=f"{many:,} sent, up to {at:%Y-%m-%d %H:%M} UTC")

        def restarted(name: str, code: int) -> None:
            err.print(f"{name} ended ({code}) and was started again", markup=False)

        try:
            run_dev(told, speed, workers, partitions, show, heard, restarted)
        except PartFailed as failed:
            raise WorkerStopped(str(failed)) from None
        progress.update(task, description="stopped")


def _show(where: Whereabouts, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "kafka": where.kafka,
                "database": where.database,
                "board": where.board,
                "logs": str(where.logs),
                "topics": where.topics,
            }
        )
        return
    out.print(f"Kafka       {where.kafka}", markup=False)
    out.print(f"PostgreSQL  {where.database}", markup=False)
    out.print(f"board       {where.board}", markup=False)
    out.print(f"topics      {', '.join(where.topics)}", markup=False)
    out.print(f"logs        {where.logs}", markup=False)
    out.print("other commands find it by", markup=False)
    out.print(
        f"  export KAFKA_BOOTSTRAP={where.kafka} DATABASE_URL='{where.database}'", markup=False
    )
    out.print("Ctrl-C stops everything and removes it", markup=False)
