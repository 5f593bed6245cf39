"""``recount simulate``: a force that does not exist, with its truth, written as files."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from service.cli.dev import Speed
from service.cli.terminal import AsJson, err, out, print_json, table
from service.hosts.feeding import HttpSender, TopicSender, feed, simulated
from service.hosts.files import NotGiven
from service.settings import read_settings
from service.simulation.generate import Settings
from service.simulation.writing import TRUTH, Written, write


class Way(StrEnum):
    """How a running service is fed."""

    KAFKA = "kafka"
    HTTP = "http"


def simulate(
    folder: Annotated[
        Path | None,
        typer.Option("--out", show_default=False, help="Folder to write the four files to."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days on which reports come in.")] = 14,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    setting: Annotated[
        str,
        typer.Option(help="Whose recording rates: 2017 (75.8 %), 2018 (84.1 %), 2025 (94.8 %)."),
    ] = "2017",
    starts: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; else the setting's own."),
    ] = None,
    force: Annotated[
        str, typer.Option(help="Code to write; offences and places stay Leicestershire's.")
    ] = "33",
    references_missing: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of records whose link to the log is lost or wrong."),
    ] = 0.05,
    to: Annotated[
        Way | None,
        typer.Option(show_default=False, help="Feed a running service instead of writing files."),
    ] = None,
    speed: Speed = None,
    url: Annotated[
        str, typer.Option(help="Where the service listens, for --to http.")
    ] = "http://127.0.0.1:8000",
    tokens: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="For --to http: a line each for incidents, crimes, referrals: NAME TOKEN.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a simulated force: incidents.jsonl, records.jsonl, referrals.jsonl and truth.jsonl.

    Example: recount simulate --days 14 --seed 1 --setting 2017 --out out/force

    Replay it: recount replay --source native --incidents out/force/incidents.jsonl
    --records out/force/records.jsonl --referrals out/force/referrals.jsonl --out out/verdicts

    Or feed it: recount simulate --days 14 --from 2026-01-01 --to kafka --speed 3600
    """
    settings = Settings(
        days=days,
        setting=setting,
        starts=starts.date() if starts else None,
        references_missing=references_missing,
        force=force,
    )
    if to is not None:
        _feed(settings, seed, _sender(to, url, tokens), speed, as_json)
        return
    if folder is None:
        raise NotGiven("where to? give --out FOLDER, or --to kafka or http")
    columns = (TextColumn("{task.completed:,.0f} lines"), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        written = write(settings, seed, folder, lambda many: progress.update(task, completed=many))
    if as_json:
        print_json(msgspec.to_builtins(written))
        return
    _show(written, folder)


def _sender(to: Way, url: str, tokens: Path | None) -> TopicSender | HttpSender:
    if to is Way.KAFKA:
        return TopicSender(read_settings())
    if tokens is None:
        raise NotGiven("--to http needs --tokens FILE; make tokens with: recount tokens create")
    return HttpSender(url, tokens)


def _feed(
    settings: Settings,
    seed: int,
    sender: TopicSender | HttpSender,
    speed: float | None,
    as_json: bool,
) -> None:
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def heard(many: int, at: datetime) -> None:
            progress.update(task, description=f"{many:,} sent, up to {at:%Y-%m-%d %H:%M} UTC")

        try:
            many = feed(simulated(settings, seed), sender.send, speed, heard=heard)
        finally:
            sender.close()
    if as_json:
        print_json({"sent": many})
    else:
        out.print(f"{many:,} sent")


def _show(written: Written, folder: Path) -> None:
    files = table("file", "#lines", title=str(folder))
    for name, many in written.events.items():
        files.add_row(name, f"{many:,}")
    out.print(files)
    out.print(
        f"{TRUTH}: {written.reports:,} reports; {written.crimes:,} crimes due, "
        f"{written.recorded:.1%} recorded, of violence {written.recorded_violence:.1%}"
    )
    ways = table("way of going unrecorded", "#crimes")
    for way, many in written.missed.items():
        ways.add_row(way.replace("_", " "), f"{many:,}")
    out.print(ways)
